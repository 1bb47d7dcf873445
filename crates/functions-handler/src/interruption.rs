//! Why an invocation was ended before its function was.

use std::time::Duration;

use axum::http::StatusCode;

/// Why an invocation is answered without its function: it was dropped, or not even started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Interruption {
    /// The function reached the end of its time. A real host kills the handler over a function that
    /// overruns `functionTimeout`, and with it every other invocation in flight.
    #[error(
        "the function did not end within {after:?}; the host's functionTimeout is {function_timeout:?}"
    )]
    #[non_exhaustive]
    Timeout {
        /// How long it was given.
        after: Duration,
        /// The host's limit.
        function_timeout: Duration,
    },
    /// The handler is stopping on SIGTERM or Ctrl+C.
    #[error("the handler is stopping")]
    Stopping,
}

impl Interruption {
    /// Logs it for an invocation. A function that overruns is an error of the app; a stop is none.
    pub(crate) fn log(self, id: &str, outcome: &str) {
        match self {
            Self::Timeout { .. } => tracing::error!(id, "{outcome}: {self}"),
            Self::Stopping => tracing::warn!(id, "{outcome}: {self}"),
        }
    }

    /// The status of the answer, to the host or to the client of an HTTP function.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
