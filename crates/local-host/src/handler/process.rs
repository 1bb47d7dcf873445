//! One run of the handler's process.

use super::command::Command;
use super::echoes::Echoes;
use super::group;
use super::guard::Guard;
use super::output::{LastErrors, pump_stderr, pump_stdout};
use crate::log::Logger;
use crate::settings::Environment;
use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::Child;
use tokio::task::JoinSet;

/// How long to wait for the last output of a process that has ended. A process that it started may hold the
/// pipes open for ever.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// A running handler.
pub(super) struct Process {
    child: Child,
    guard: Guard,
    pumps: JoinSet<()>,
    errors: LastErrors,
    id: u32,
    /// The process group.
    group: u32,
}

/// How a handler ended.
pub(super) struct Exit {
    /// The exit code; 128 + N after signal N.
    pub(super) code: i32,
    /// The signal's number and name.
    pub(super) signal: Option<String>,
    /// The error lines on stderr, as many as are kept.
    pub(super) errors: Vec<String>,
    /// Those of them that may be the reason.
    pub(super) last_errors: Vec<String>,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code;
        write!(f, "exited with code {code} (0x{code:X})")?;
        match &self.signal {
            Some(signal) => write!(f, ", {signal}"),
            None => Ok(()),
        }
    }
}

impl Process {
    /// Starts the handler. Its process group is not local-host's: Ctrl+C reaches local-host alone, which
    /// then stops the handler. Its standard input is empty for the same reason.
    pub(super) fn start(
        command: &Command,
        environment: &Environment,
        stderr_is_error: bool,
        echoes: &Echoes,
        log: &Logger,
    ) -> std::io::Result<Self> {
        let mut process = tokio::process::Command::new(&command.program);
        process
            .args(&command.arguments)
            .current_dir(&command.directory)
            .env_clear()
            .envs(environment.iter())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let guard = Guard::start();
        let group = guard.group();
        #[cfg(unix)]
        process.process_group(group.and_then(|id| id.try_into().ok()).unwrap_or(0));
        let mut child = process.spawn()?;
        let id = child.id().unwrap_or_default();
        let errors = LastErrors::default();
        let mut pumps = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            pumps.spawn(pump_stdout(stdout, echoes.clone(), log.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            pumps.spawn(pump_stderr(
                stderr,
                stderr_is_error,
                errors.clone(),
                echoes.clone(),
                log.clone(),
            ));
        }
        Ok(Self {
            id,
            group: group.unwrap_or(id),
            child,
            guard,
            pumps,
            errors,
        })
    }

    /// The process id.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Waits for the process to end. The future may be dropped and made again.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends what a process that has ended had started, and collects its last output.
    pub(super) async fn clear_up(self, status: std::io::Result<ExitStatus>) -> Exit {
        group::kill(self.group);
        self.finish(status).await
    }

    async fn finish(mut self, status: std::io::Result<ExitStatus>) -> Exit {
        let end = Instant::now();
        let pumps = async { while self.pumps.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_OUTPUT, pumps).await;
        self.guard.dismiss().await;
        let status = status.ok();
        Exit {
            code: status.map_or(-1, exit_code),
            signal: status.and_then(signal),
            errors: self.errors.all(),
            last_errors: self.errors.before(end),
        }
    }

    /// Kills the process and its group. As in a real host, it gets no chance to clean up.
    pub(super) async fn kill(mut self) {
        // The group first: until guard and handler have been waited for, its id cannot be reused.
        group::kill(self.group);
        let _ = self.child.kill().await;
        let status = self.child.wait().await;
        self.finish(status).await;
    }
}

#[cfg(unix)]
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}

/// `signal: 9 (SIGKILL)`, as the standard library writes it.
#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;
    status.signal().map(|_| status.to_string())
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<String> {
    None
}

#[cfg(not(unix))]
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}
