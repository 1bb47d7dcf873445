//! Keeping the handler running: start, readiness, restarts, the end.
//!
//! The rules are a real host's: the port stays the same for the life of the host; a crash restarts
//! the handler at once, the third within 30 minutes stops the host; a restart after a function
//! time-out is not counted. Two things differ, because a real host then waits in vain: exit code 0
//! is reported loudly, and a program that cannot be started stops local-host at once.

use super::command::Command;
use super::process::Process;
use super::ready::wait_until_ready;
use crate::log::{LogLevel, Logger};
use crate::settings::Environment;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Errors further apart than this do not add up.
const ERROR_WINDOW: Duration = Duration::from_secs(30 * 60);
/// This many errors stop the host.
const MAX_ERRORS: usize = 3;

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

/// Where the handler is in its life.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Started, not ready yet.
    Starting,
    /// Ready for invocations; the number grows with each start.
    Ready(u64),
    /// Gone with exit code 0: never restarted.
    Exited,
    /// The host stops, and why: `None` when it was asked to.
    Stopped(Option<String>),
}

enum Request {
    /// Kill and start again, if the handler is still in this life.
    Restart(u64),
    /// The host has waited too long for the handler.
    GiveUp,
    Stop,
}

/// Owns the handler's process; cheap to clone.
#[derive(Clone)]
pub struct Supervisor {
    state: watch::Receiver<State>,
    requests: mpsc::UnboundedSender<Request>,
    port: u16,
    initialization_timeout: Duration,
}

impl Supervisor {
    /// Starts the handler and returns at once.
    #[must_use]
    pub fn start(options: SupervisorOptions, log: Logger) -> Self {
        let (state, watched) = watch::channel(State::Starting);
        let (requests, received) = mpsc::unbounded_channel();
        let supervisor = Self {
            state: watched,
            requests,
            port: options.port,
            initialization_timeout: options.initialization_timeout,
        };
        let keeper = Keeper {
            options,
            log,
            state,
            requests: received,
            life: 0,
            errors: Vec::new(),
        };
        tokio::spawn(keeper.run());
        supervisor
    }

    /// Takes a handler that somebody else runs, such as a debugger or a test: it counts as ready
    /// and is never killed.
    #[must_use]
    pub fn attach(port: u16) -> Self {
        let (state, watched) = watch::channel(State::Ready(0));
        let (requests, mut received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Request::Restart(_)) = received.recv().await {}
            state.send_replace(State::Stopped(None));
        });
        Self {
            state: watched,
            requests,
            port,
            initialization_timeout: Duration::ZERO,
        }
    }

    /// The handler's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the host has to stop: the reason if the handler is to blame, `None` after
    /// [`stop`](Self::stop).
    pub async fn stopped(&self) -> Option<String> {
        let mut state = self.state.clone();
        match state
            .wait_for(|state| matches!(state, State::Stopped(_)))
            .await
            .as_deref()
        {
            Ok(State::Stopped(reason)) => reason.clone(),
            _ => None,
        }
    }

    /// Kills the handler and waits until it is gone.
    pub async fn stop(&self) {
        let _ = self.requests.send(Request::Stop);
        self.stopped().await;
    }

    /// Waits for a state in which an invocation can go ahead or fail: four times the initialization
    /// time-out, then the host gives up as a real one does.
    pub(super) async fn settled(&self) -> State {
        let mut state = self.state.clone();
        let limit = self.initialization_timeout.saturating_mul(4);
        let wait = state.wait_for(|state| *state != State::Starting);
        match tokio::time::timeout(limit, wait).await {
            Ok(Ok(settled)) => settled.clone(),
            Ok(Err(_)) => State::Stopped(None),
            Err(_) => {
                let _ = self.requests.send(Request::GiveUp);
                State::Stopped(None)
            }
        }
    }

    /// Kills and restarts the handler, unless it has been restarted since `life`.
    pub(super) fn restart(&self, life: u64) {
        let _ = self.requests.send(Request::Restart(life));
    }
}

struct Keeper {
    options: SupervisorOptions,
    log: Logger,
    state: watch::Sender<State>,
    requests: mpsc::UnboundedReceiver<Request>,
    life: u64,
    errors: Vec<Instant>,
}

enum End {
    Restart,
    Error,
    CleanExit,
    Stop(Option<String>),
}

impl Keeper {
    async fn run(mut self) {
        let reason = loop {
            self.life += 1;
            self.state.send_replace(State::Starting);
            match self.live().await {
                End::Restart => {}
                End::Error if self.may_restart() => {}
                End::Error => {
                    let reason =
                        "Exceeded http worker restart retry count. Shutting down Functions Host";
                    self.log.error(reason);
                    break Some(reason.to_owned());
                }
                End::CleanExit => {
                    self.after_clean_exit().await;
                    break None;
                }
                End::Stop(reason) => break reason,
            }
        };
        self.state.send_replace(State::Stopped(reason));
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

    async fn live(&mut self) -> End {
        let SupervisorOptions {
            command,
            environment,
            stderr_is_error,
            ..
        } = &self.options;
        let mut process = match Process::start(command, environment, *stderr_is_error, &self.log) {
            Ok(process) => process,
            Err(error) => {
                let reason = format!(
                    "Failed to start Worker Channel. Process fileName: {program}\n\
                     An error occurred trying to start process '{program}' with working directory '{directory}'. {error}\n\
                     A real host would not try again, and stop at the first request.",
                    program = command.program.display(),
                    directory = command.directory.display(),
                );
                self.log.error(&reason);
                return End::Stop(Some(reason));
            }
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
            Some(Ended::Exit(status)) => return self.exited(process, status, false).await,
            Some(Ended::Request(end)) => {
                process.kill().await;
                return end;
            }
        }
        self.log
            .user(LogLevel::Info, "Worker process started and initialized.");
        self.state.send_replace(State::Ready(self.life));
        loop {
            tokio::select! {
                status = process.ended() => return self.exited(process, status, true).await,
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

    async fn until_ready(&mut self, process: &mut Process) -> Option<Ended> {
        let timeout = tokio::time::sleep(self.options.initialization_timeout);
        let ready = wait_until_ready(self.options.port);
        tokio::pin!(timeout, ready);
        loop {
            tokio::select! {
                // A handler that has ended is not ready, whoever else answers on its port.
                biased;
                status = process.ended() => return Some(Ended::Exit(status)),
                () = &mut ready => return None,
                () = &mut timeout => {
                    self.log.error(format!(
                        "Failed to start http worker process. Initializing HttpWorker timed out: \
                         nothing listened on 127.0.0.1:{} within {} seconds.",
                        self.options.port,
                        self.options.initialization_timeout.as_secs_f64(),
                    ));
                    return Some(Ended::Request(End::Error));
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
            Some(Request::Restart(life)) if life == self.life => Some(End::Restart),
            Some(Request::Restart(_)) => None,
            Some(Request::GiveUp) => {
                let reason = "Initialization timed out and host is shutting down";
                self.log.error(reason);
                Some(End::Stop(Some(reason.to_owned())))
            }
            Some(Request::Stop) | None => Some(End::Stop(None)),
        }
    }

    async fn exited(
        &self,
        process: Process,
        status: std::io::Result<std::process::ExitStatus>,
        was_ready: bool,
    ) -> End {
        // Invocations wait from here on, not only once the last output is read.
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
            0 => {
                self.log.error(format!(
                    "The handler (process {id}) exited with code 0 before it listened on port {}. A real host would \
                     wait for it until customHandler.initializationTimeout.",
                    self.options.port
                ));
                End::Error
            }
            200 => {
                self.log.user(
                    LogLevel::Info,
                    "Language Worker Process exited and needs to be restarted.",
                );
                End::Restart
            }
            code => {
                self.log.error(format!(
                    "Language Worker Process exited. Pid={id}.\n{program} exited with code {code} (0x{code:X}). {}",
                    exit.errors
                ));
                End::Error
            }
        }
    }

    /// Waits for the end of the host: nothing else is left to do.
    async fn after_clean_exit(&mut self) {
        self.state.send_replace(State::Exited);
        while let Some(Request::Restart(_)) = self.requests.recv().await {}
    }
}

enum Ended {
    Exit(std::io::Result<std::process::ExitStatus>),
    Request(End),
}
