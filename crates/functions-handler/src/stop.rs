//! The stop of the handler as its invocations see it.
//!
//! Invariant: while the process listens, every invocation is answered. A connection that is refused
//! or cut fails an orchestration for ever, so the listener stays open until nothing is in flight,
//! and what comes in meanwhile is turned away in a way that each trigger survives.
//!
//! A host that does not stop itself sends invocations until it notices that the handler has ended. It
//! sends the next one for each that it gets back, so a queue of thousands would be turned away during the
//! grace. An invocation that comes in after the signal is therefore answered only at the end of the
//! grace: no more of them are lost than the host runs at a time. HTTP functions are the exception,
//! because their clients can try again at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long the answers may take once every function has been dropped.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

/// How long the listener stays open after the last answer, for what is on its way to this process
/// already. A longer time would turn away more of a host's queue.
const LINGER: Duration = Duration::from_millis(20);

/// The stop of one app. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    /// Fires with the signal. The tokens of the invocations are its children.
    signal: CancellationToken,
    /// Fires when invocations in flight are to be answered without their functions.
    grace_over: CancellationToken,
    /// What came in before the signal: the grace is for these.
    in_flight: TaskTracker,
    /// What came in after it.
    late: TaskTracker,
}

/// An invocation that is counted until this is dropped.
pub(crate) struct Entry {
    _counted: TaskTrackerToken,
    /// It came in after the signal.
    pub(crate) is_late: bool,
}

impl Stop {
    /// Counts an invocation as in flight until the entry is dropped.
    pub(crate) fn enter(&self) -> Entry {
        let is_late = self.is_stopping();
        let tracker = if is_late { &self.late } else { &self.in_flight };
        Entry {
            _counted: tracker.token(),
            is_late,
        }
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
    /// functions. Returns when nothing is in flight.
    pub(crate) async fn run(&self, grace: Duration) {
        self.signal.cancel();
        self.in_flight.close();
        self.late.close();
        if tokio::time::timeout(grace, self.in_flight.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                invocations = self.in_flight.len(),
                "still running {grace:?} after the signal: answered without their functions"
            );
        }
        self.grace_over.cancel();
        self.all_answered().await;
        tokio::time::sleep(LINGER).await;
        self.all_answered().await;
    }

    async fn all_answered(&self) {
        let answered = async {
            self.in_flight.wait().await;
            self.late.wait().await;
        };
        let _ = tokio::time::timeout(ANSWERS_WITHIN, answered).await;
    }
}
