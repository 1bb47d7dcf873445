//! The runs of the handler: start, readiness, restarts, the end.
//!
//! A run is one process of the handler. The rules are those of a real host: the port never changes; a crash
//! restarts the handler at once, and the third within 30 minutes stops the host; a restart after a function
//! time-out does not count.
//!
//! It differs where a real host would wait or retry without success. Exit code 0 is logged as an error. A
//! handler that cannot be started, or that ends or does not listen before it was ever ready, stops local-host at
//! once. One that keeps asking for a restart (exit code 200) is restarted after growing pauses.

use super::command::Command;
use super::echoes::Echoes;
use super::mistakes;
use super::process::Process;
use super::ready::wait_until_ready;
use crate::log::{LogLevel, Logger};
use crate::settings::Environment;
use functions_handler::open_files;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Errors further apart than this are not counted together.
const ERROR_WINDOW: Duration = Duration::from_secs(30 * 60);
/// This many errors stop the host.
const MAX_ERRORS: usize = 3;
/// A run that is shorter counts as one that did no work.
const SHORT_RUN: Duration = Duration::from_secs(1);
/// The pause before the third of several short runs in a row. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a handler that refuses connections is tried again, as in a real host.
pub(super) const POLL: Duration = Duration::from_millis(25);
/// How long a handler that says that it is stopping may take to end. After that it gets invocations again.
const LONGEST_STOP: Duration = Duration::from_secs(30);

/// What the supervisor needs to know.
#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// What to start.
    pub command: Command,
    /// The whole environment of the handler.
    pub environment: Environment,
    /// Whether each line on stderr is an error.
    pub stderr_is_error: bool,
    /// The port that the handler is told to listen on.
    pub port: u16,
    /// How long the handler may take until it listens.
    pub initialization_timeout: Duration,
}

/// The state of the handler.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Started, not ready yet.
    Starting,
    /// Ready for invocations; the number grows with each start.
    Ready(u64),
    /// It has said that it is stopping: invocations wait for the next run.
    Stopping(u64),
    /// Ended with exit code 0: it is never restarted.
    Exited,
    /// The host stops. `None` when it was asked to, otherwise the reason.
    HostStopped(Option<String>),
}

/// A request of the supervisor to its runner.
pub(super) enum Request {
    /// Kill and start again, if the handler is still in this run.
    Restart(u64),
    /// The host has waited too long for the handler.
    GiveUp,
    Stop,
}

/// Runs the handler until the host has to stop.
pub(super) struct Runner {
    options: SupervisorOptions,
    echoes: Echoes,
    log: Logger,
    state: watch::Sender<State>,
    requests: mpsc::UnboundedReceiver<Request>,
    run: u64,
    errors: Vec<Instant>,
    /// Whether any run of the handler was ready.
    was_ready: bool,
    /// How many short runs in a row ended by asking for a restart.
    short_runs: u32,
}

enum End {
    /// Start again after this pause.
    Restart(Duration),
    /// How it ended: `exited with …`.
    Error(String),
    CleanExit,
    Stop(Option<String>),
}

impl Runner {
    pub(super) fn new(
        options: SupervisorOptions,
        echoes: Echoes,
        log: Logger,
        state: watch::Sender<State>,
        requests: mpsc::UnboundedReceiver<Request>,
    ) -> Self {
        Self {
            options,
            echoes,
            log,
            state,
            requests,
            run: 0,
            errors: Vec::new(),
            was_ready: false,
            short_runs: 0,
        }
    }

    /// Starts the handler, again and again, until the host has to stop.
    pub(super) async fn run(mut self) {
        let reason = loop {
            self.run += 1;
            self.state.send_replace(State::Starting);
            match self.run_once().await {
                End::Restart(pause) => {
                    if let Some(reason) = self.pause_before_restart(pause).await {
                        break reason;
                    }
                }
                End::Error(_) if self.may_restart() => {}
                End::Error(last) => {
                    break Some(mistakes::failed_too_often(&last, MAX_ERRORS, ERROR_WINDOW));
                }
                End::CleanExit => {
                    self.after_clean_exit().await;
                    break None;
                }
                End::Stop(reason) => break reason,
            }
        };
        self.state.send_replace(State::HostStopped(reason));
    }

    fn may_restart(&mut self) -> bool {
        let now = Instant::now();
        if self
            .errors
            .last()
            .is_some_and(|last| now.duration_since(*last) > ERROR_WINDOW)
        {
            self.errors.clear();
        }
        self.errors.push(now);
        self.errors.len() < MAX_ERRORS
    }

    /// Waits before the next run. Returns `Some` when the host has to stop meanwhile.
    async fn pause_before_restart(&mut self, pause: Duration) -> Option<Option<String>> {
        let over = tokio::time::sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                () = &mut over => return None,
                request = self.requests.recv() => {
                    if let Some(End::Stop(reason)) = self.end_of(request) {
                        return Some(reason);
                    }
                }
            }
        }
    }

    /// The pause after a run that ended by asking for a restart.
    fn pause_after(&mut self, lived: Duration, was_ready: bool) -> Duration {
        if was_ready && lived >= SHORT_RUN {
            self.short_runs = 0;
        } else {
            self.short_runs = self.short_runs.saturating_add(1);
        }
        pause(self.short_runs)
    }

    async fn run_once(&mut self) -> End {
        let began = Instant::now();
        let mut process = match self.start_process().await {
            Ok(process) => process,
            Err(end) => return end,
        };
        self.log.system(
            LogLevel::Info,
            format!(
                "Started the handler, process {}, port {}.",
                process.id(),
                self.options.port
            ),
        );
        match self.until_ready(&mut process).await {
            None => {}
            Some(Ended::Exit(status)) => return self.exited(process, status, began, false).await,
            Some(Ended::Request(end)) => {
                process.kill().await;
                return end;
            }
        }
        self.log
            .user(LogLevel::Info, "Worker process started and initialized.");
        self.was_ready = true;
        self.state.send_replace(State::Ready(self.run));
        let overdue = overdue(self.state.subscribe());
        tokio::pin!(overdue);
        loop {
            tokio::select! {
                () = &mut overdue => {
                    self.log.warning(format!(
                        "The handler has said that it is stopping and still runs after {} seconds. It gets invocations again.",
                        LONGEST_STOP.as_secs()
                    ));
                    self.state.send_replace(State::Ready(self.run));
                    overdue.set(self::overdue(self.state.subscribe()));
                }
                status = process.ended() => return self.exited(process, status, began, true).await,
                request = self.requests.recv() => {
                    if let Some(end) = self.end_of(request) {
                        self.state.send_replace(State::Starting);
                        process.kill().await;
                        return end;
                    }
                }
            }
        }
    }

    /// Starts the process. While no more files can be opened it waits and tries again.
    async fn start_process(&mut self) -> Result<Process, End> {
        let mut logged = false;
        loop {
            let SupervisorOptions {
                command,
                environment,
                stderr_is_error,
                ..
            } = &self.options;
            let started = Process::start(
                command,
                environment,
                *stderr_is_error,
                &self.echoes,
                &self.log,
            );
            let error = match started {
                Ok(process) => return Ok(process),
                Err(error) => error,
            };
            if !open_files::are_exhausted(&error) {
                let reason = mistakes::cannot_start(command, environment, &error);
                return Err(End::Stop(Some(reason)));
            }
            if !std::mem::replace(&mut logged, true) {
                self.log.warning(format!(
                    "The handler cannot be started at the moment: {error}. Raise the limit (ulimit -n)."
                ));
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                request = self.requests.recv() => {
                    if let Some(end) = self.end_of(request) {
                        return Err(end);
                    }
                }
            }
        }
    }

    async fn until_ready(&mut self, process: &mut Process) -> Option<Ended> {
        let timeout = tokio::time::sleep(self.options.initialization_timeout);
        let ready = wait_until_ready(self.options.port);
        tokio::pin!(timeout, ready);
        loop {
            tokio::select! {
                // The end of the process comes first: another program may answer on its port.
                biased;
                status = process.ended() => return Some(Ended::Exit(status)),
                () = &mut ready => return None,
                () = &mut timeout => {
                    let reason = mistakes::never_listened(
                        self.options.port,
                        self.options.initialization_timeout,
                    );
                    if !self.was_ready {
                        return Some(Ended::Request(End::Stop(Some(reason))));
                    }
                    self.log.error(reason);
                    return Some(Ended::Request(End::Error("did not listen again".to_owned())));
                }
                request = self.requests.recv() => {
                    if let Some(end) = self.end_of(request) {
                        return Some(Ended::Request(end));
                    }
                }
            }
        }
    }

    fn end_of(&self, request: Option<Request>) -> Option<End> {
        match request {
            Some(Request::Restart(run)) if run == self.run => Some(End::Restart(Duration::ZERO)),
            Some(Request::Restart(_)) => None,
            Some(Request::GiveUp) => {
                let reason = "Initialization timed out and host is shutting down";
                Some(End::Stop(Some(reason.to_owned())))
            }
            Some(Request::Stop) | None => Some(End::Stop(None)),
        }
    }

    async fn exited(
        &mut self,
        process: Process,
        status: std::io::Result<std::process::ExitStatus>,
        began: Instant,
        was_ready: bool,
    ) -> End {
        // Invocations wait from now on, while the last output is still being read.
        if was_ready {
            self.state.send_replace(State::Starting);
        }
        let id = process.id();
        let exit = process.clear_up(status).await;
        let program = self.options.command.program.display();
        match exit.code {
            0 if was_ready => {
                self.log.error(format!(
                    "The handler (process {id}) exited with code 0. A real host does not notice: it never starts the \
                     handler again, and every later call fails. A handler must not end by itself."
                ));
                End::CleanExit
            }
            200 => {
                let pause = self.pause_after(began.elapsed(), was_ready);
                self.log.user(
                    LogLevel::Info,
                    "Language Worker Process exited and needs to be restarted.",
                );
                if !pause.is_zero() {
                    self.log.warning(format!(
                        "The handler has asked for a restart (exit code 200) {} times in a row as soon as it was \
                         started. It is started again in {pause:?}; a real host would do so at once, for ever.",
                        self.short_runs
                    ));
                }
                End::Restart(pause)
            }
            _ if !self.was_ready => End::Stop(Some(mistakes::exited_at_start(
                &exit,
                self.options.port,
                &self.options.environment,
            ))),
            0 => {
                self.log.error(format!(
                    "The handler (process {id}) exited with code 0 before it listened on port {}. A real host would \
                     wait for it until customHandler.initializationTimeout.",
                    self.options.port
                ));
                End::Error(exit.to_string())
            }
            _ => {
                let said = match exit.last_errors.as_slice() {
                    [] => String::new(),
                    lines => format!(" It wrote last: {}", lines.join(",")),
                };
                self.log.error(format!(
                    "Language Worker Process exited. Pid={id}.\n{program} {exit}.{said}"
                ));
                End::Error(exit.to_string())
            }
        }
    }

    /// Waits for the end of the host.
    async fn after_clean_exit(&mut self) {
        self.state.send_replace(State::Exited);
        while let Some(Request::Restart(_)) = self.requests.recv().await {}
    }
}

/// Completes when a handler has been stopping for too long.
async fn overdue(mut state: watch::Receiver<State>) {
    let stopping = state.wait_for(|state| matches!(state, State::Stopping(_)));
    if stopping.await.is_err() {
        // The supervisor is gone, and with it the caller that waits.
        return std::future::pending().await;
    }
    tokio::time::sleep(LONGEST_STOP).await;
}

enum Ended {
    Exit(std::io::Result<std::process::ExitStatus>),
    Request(End),
}

/// The pause after this number of short runs in a row. The first restart has none: the handler asked for it.
fn pause(short_runs: u32) -> Duration {
    match short_runs {
        0 | 1 => Duration::ZERO,
        more => FIRST_PAUSE
            .saturating_mul(2_u32.saturating_pow(more - 2))
            .min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_short_runs_double_up_to_a_limit() {
        assert_eq!(pause(0), Duration::ZERO);
        assert_eq!(pause(1), Duration::ZERO);
        assert_eq!(pause(2), FIRST_PAUSE);
        assert_eq!(pause(4), FIRST_PAUSE * 4);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
