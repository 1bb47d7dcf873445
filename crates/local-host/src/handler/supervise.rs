//! What the rest of the host knows of the handler's process: its state, and requests to it.

use super::echoes::Echoes;
use super::runner::{POLL, Request, Runner, State, SupervisorOptions};
use crate::log::Logger;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How many start-up times an invocation waits for the handler: the allowed errors and one more.
const STARTS_TO_WAIT_FOR: u32 = 4;

/// Owns the handler's process; cheap to clone.
#[derive(Clone)]
pub struct Supervisor {
    state: watch::Sender<State>,
    requests: mpsc::UnboundedSender<Request>,
    port: u16,
    initialization_timeout: Duration,
    echoes: Echoes,
}

impl Supervisor {
    /// Starts the handler and returns at once.
    #[must_use]
    pub fn start(options: SupervisorOptions, log: Logger) -> Self {
        let state = watch::Sender::new(State::Starting);
        let (requests, received) = mpsc::unbounded_channel();
        let supervisor = Self {
            state: state.clone(),
            requests,
            port: options.port,
            initialization_timeout: options.initialization_timeout,
            echoes: Echoes::default(),
        };
        let echoes = supervisor.echoes.clone();
        let runner = Runner::new(options, echoes, log, state, received);
        tokio::spawn(runner.run());
        supervisor
    }

    /// Uses a handler that is started elsewhere, by a debugger or a test. It counts as ready and is never
    /// killed. As nothing restarts it, no invocation waits for it.
    #[must_use]
    pub fn attach(port: u16) -> Self {
        let state = watch::Sender::new(State::Ready(0));
        let (requests, mut received) = mpsc::unbounded_channel();
        let stopped = state.clone();
        tokio::spawn(async move {
            while let Some(Request::Restart(_)) = received.recv().await {}
            stopped.send_replace(State::HostStopped(None));
        });
        Self {
            state,
            requests,
            port,
            initialization_timeout: Duration::ZERO,
            echoes: Echoes::default(),
        }
    }

    /// The latest lines of the handler's console.
    pub(super) fn echoes(&self) -> &Echoes {
        &self.echoes
    }

    /// The handler's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the host has to stop. Returns the reason when the handler failed, `None` after
    /// [`stop`](Self::stop).
    pub async fn stopped(&self) -> Option<String> {
        let mut state = self.state.subscribe();
        match state
            .wait_for(|state| matches!(state, State::HostStopped(_)))
            .await
            .as_deref()
        {
            Ok(State::HostStopped(reason)) => reason.clone(),
            _ => None,
        }
    }

    /// Kills the handler and waits until it is gone.
    pub async fn stop(&self) {
        let _ = self.requests.send(Request::Stop);
        self.stopped().await;
    }

    /// Waits for a state in which an invocation can be sent or fails. After [`hold_limit`](Self::hold_limit)
    /// the host stops, as a real one does.
    pub(super) async fn settled(&self) -> State {
        let mut state = self.state.subscribe();
        let wait = state.wait_for(|state| !matches!(state, State::Starting | State::Stopping(_)));
        match tokio::time::timeout(self.hold_limit(), wait).await {
            Ok(Ok(settled)) => settled.clone(),
            Ok(Err(_)) => State::HostStopped(None),
            Err(_) => {
                let _ = self.requests.send(Request::GiveUp);
                State::HostStopped(None)
            }
        }
    }

    /// How long an invocation that has not been sent is held back; zero for a handler that is started
    /// elsewhere.
    pub(super) fn hold_limit(&self) -> Duration {
        self.initialization_timeout
            .saturating_mul(STARTS_TO_WAIT_FOR)
    }

    /// Waits for a moment until the host has noticed the end of `run`. The sockets of a process are closed
    /// before its parent learns of its end.
    pub(super) async fn end_or_pause(&self, run: u64) {
        let mut state = self.state.subscribe();
        let ended = state.wait_for(|state| *state != State::Ready(run));
        let _ = tokio::time::timeout(POLL, ended).await;
    }

    /// Holds invocations back from now on, because the handler has said in this run that it is stopping.
    /// Otherwise they would reach a process that is about to exit.
    pub(super) fn mark_stopping(&self, run: u64) {
        if self.hold_limit().is_zero() {
            return;
        }
        self.state.send_if_modified(|state| {
            let is_ready = *state == State::Ready(run);
            if is_ready {
                *state = State::Stopping(run);
            }
            is_ready
        });
    }

    /// Kills and restarts the handler, unless it has been restarted since `run`.
    pub(super) fn restart(&self, run: u64) {
        let _ = self.requests.send(Request::Restart(run));
    }
}
