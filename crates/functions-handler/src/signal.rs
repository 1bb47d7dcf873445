//! What stops the handler: signals of the system, and the end of the host.

/// What stops the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT, Ctrl+C.
    Interrupt,
    /// The process that started the handler, the host, has ended.
    ParentEnded,
}

impl Signal {
    /// The exit code of a handler that this has stopped.
    pub(crate) fn exit_code(self) -> u8 {
        200
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "Ctrl+C",
            Self::ParentEnded => "the end of its parent process",
        })
    }
}

/// Completes on SIGTERM or Ctrl+C, in the runtime that polls it.
pub(crate) async fn received() -> Signal {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) {
            return tokio::select! {
                _ = terminate.recv() => Signal::Terminate,
                _ = interrupt.recv() => Signal::Interrupt,
            };
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_ok() {
        return Signal::Interrupt;
    }
    // Without signal handlers the system's own apply: the process just ends.
    std::future::pending().await
}
