//! How long an activity or a batch of operations may take.

#[cfg(feature = "handler")]
use std::time::Duration;

#[cfg(feature = "handler")]
use functions_handler::{CancellationToken, Invocation};
#[cfg(feature = "handler")]
use tokio::time::Instant;

/// The time limit of an invocation; none outside of the custom handler. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeLimit {
    #[cfg(feature = "handler")]
    pub(crate) deadline: Option<Instant>,
    #[cfg(feature = "handler")]
    pub(crate) cancellation: CancellationToken,
}

#[cfg(feature = "handler")]
impl TimeLimit {
    pub(crate) fn of(invocation: &Invocation) -> Self {
        TimeLimit {
            deadline: invocation.deadline(),
            cancellation: invocation.cancellation().clone(),
        }
    }

    /// The time until the deadline; zero after it.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }
}
