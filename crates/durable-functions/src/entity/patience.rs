//! How long the host waits for the batch that an operation belongs to.

#[cfg(feature = "handler")]
use functions_handler::CancellationToken;
#[cfg(feature = "handler")]
use tokio::time::Instant;

/// The time of a batch; without a limit outside of the custom handler. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience {
    #[cfg(feature = "handler")]
    pub(crate) deadline: Option<Instant>,
    #[cfg(feature = "handler")]
    pub(crate) cancellation: CancellationToken,
}
