//! What a test wants done at a moment of the hub's time.

use std::time::Duration;

use durable_protocol::Timestamp;

use super::{TestError, TestHub};

type Action = Box<dyn FnOnce(&mut TestHub) -> Result<(), TestError>>;

/// Something to do at a time.
pub(super) struct Moment {
    at: Timestamp,
    action: Action,
}

impl TestHub {
    /// Does something when the hub's clock has gone this far from where it began: raises an event, suspends,
    /// terminates, lets a [mock](super::Mock) fail. The calls that let the functions run do it, when nothing else is
    /// ready, and before the timers of the same moment.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use durable_functions::testing::{TestError, TestHub};
    /// # use durable_functions::{Event, OrchestrationContext, Orchestrator, Result};
    /// # const APPROVED: Event<bool> = Event::new("Approved");
    /// # const APPROVAL: Orchestrator<(), bool> = Orchestrator::new("approval");
    /// # async fn approval(ctx: OrchestrationContext, (): ()) -> Result<bool> { Ok(ctx.wait_for(APPROVED).await?) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::result::Result<(), TestError> {
    /// # const HOUR: Duration = Duration::from_secs(3600);
    /// let mut hub = TestHub::new().orchestrator(APPROVAL, approval);
    /// hub.at(HOUR, |hub| hub.suspend("a", "lunch"));
    /// hub.at(2 * HOUR, |hub| hub.raise("a", APPROVED, &true));
    /// hub.at(3 * HOUR, |hub| hub.resume("a", "back"));
    /// assert!(hub.run(APPROVAL, &()).with_id("a").await?);
    /// # Ok(()) }
    /// ```
    pub fn at(
        &mut self,
        after: Duration,
        action: impl FnOnce(&mut TestHub) -> Result<(), TestError> + 'static,
    ) {
        self.moments.push(Moment {
            at: self.began.after(after),
            action: Box::new(action),
        });
    }

    /// When there is something to do next.
    pub(super) fn next_moment(&self) -> Option<Timestamp> {
        self.moments.iter().map(|moment| moment.at).min()
    }

    /// Does what is due now, earliest first.
    pub(super) fn do_moments(&mut self) -> Result<(), TestError> {
        while let Some(next) = self.next_moment().filter(|at| *at <= self.now) {
            let Some(place) = self.moments.iter().position(|moment| moment.at == next) else {
                return Ok(());
            };
            let moment = self.moments.remove(place);
            (moment.action)(self)?;
        }
        Ok(())
    }
}
