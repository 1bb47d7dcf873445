//! Why an invocation was ended before its function was.

use std::time::Duration;

use axum::http::StatusCode;

/// Why an invocation is answered without its function: it was dropped, or not even started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Interruption {
    /// The function ran so long that the host was about to lose patience. A real host answers a
    /// function that overruns `functionTimeout` by killing the handler, and with it every other
    /// invocation in flight.
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
    /// The status of the answer, to the host or to the client of an HTTP function.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
