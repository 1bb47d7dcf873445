//! The stop of the handler as its invocations see it.
//!
//! Invariant: while the process listens, every invocation is answered. A connection that is refused
//! or cut fails an orchestration for ever, so the listener stays open until nothing is in flight,
//! and what comes in meanwhile is turned away in a way that each trigger survives.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long answers may take to leave once every function has been dropped.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The stop of one app. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    /// Fires with the signal. The tokens of the invocations are its children.
    signal: CancellationToken,
    /// Fires when invocations in flight are to be answered without their functions.
    grace_over: CancellationToken,
    in_flight: TaskTracker,
}

impl Stop {
    /// Counts an invocation as in flight until the token is dropped.
    pub(crate) fn enter(&self) -> TaskTrackerToken {
        self.in_flight.token()
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether new invocations are to be turned away.
    pub(crate) fn is_stopping(&self) -> bool {
        self.signal.is_cancelled()
    }

    /// A cancellation token for one invocation.
    pub(crate) fn cancellation(&self) -> CancellationToken {
        self.signal.child_token()
    }

    /// Completes when a function that is still running must be given up.
    pub(crate) async fn grace_over(&self) {
        self.grace_over.cancelled().await;
    }

    /// Stops: no new work, `grace` for the invocations in flight, then answers without their
    /// functions. Returns as soon as nothing is in flight.
    pub(crate) async fn run(&self, grace: Duration) {
        self.signal.cancel();
        self.in_flight.close();
        if tokio::time::timeout(grace, self.in_flight.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                invocations = self.in_flight.len(),
                "still running {grace:?} after the signal: answered without their functions"
            );
            self.grace_over.cancel();
            let _ = tokio::time::timeout(LAST_WORDS, self.in_flight.wait()).await;
        }
    }
}
