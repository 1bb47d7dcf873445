//! How long an activity or a batch of operations may take.

#[cfg(any(feature = "handler", feature = "worker"))]
use std::time::Duration;

#[cfg(feature = "handler")]
use functions_handler::Invocation;
#[cfg(any(feature = "handler", feature = "worker"))]
use tokio::time::Instant;
#[cfg(any(feature = "handler", feature = "worker"))]
use tokio_util::sync::CancellationToken;

/// The time limit of an invocation; none outside of the custom handler. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeLimit {
    #[cfg(any(feature = "handler", feature = "worker"))]
    pub(crate) deadline: Option<Instant>,
    #[cfg(any(feature = "handler", feature = "worker"))]
    pub(crate) cancellation: CancellationToken,
}

#[cfg(any(feature = "handler", feature = "worker"))]
impl TimeLimit {
    #[cfg(feature = "handler")]
    pub(crate) fn of(invocation: &Invocation) -> Self {
        TimeLimit {
            deadline: invocation.deadline(),
            cancellation: invocation.cancellation().clone(),
        }
    }

    /// No deadline; `cancellation` fires when the worker stops.
    #[cfg(feature = "worker")]
    pub(crate) fn until(cancellation: CancellationToken) -> Self {
        TimeLimit {
            deadline: None,
            cancellation,
        }
    }

    /// The time until the deadline; zero after it.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }
}
