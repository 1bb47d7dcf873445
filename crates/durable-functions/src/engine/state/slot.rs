//! One action of an orchestration and its outcome.

use super::driver::Driver;
use super::kind::SlotKind;
use super::waiters::Waiter;
use crate::Failure;
use crate::engine::payload::Payload;

/// The outcome of a task.
#[derive(Debug, Default)]
pub(crate) enum Outcome {
    #[default]
    Open,
    /// Open, and its future is gone.
    Forgotten,
    /// A result as JSON text; none when the host sent none, and for timers.
    Completed(Payload),
    Failed(Box<Failure>),
    /// Given to its future, or no longer wanted.
    Taken,
}

impl Outcome {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Outcome::Open | Outcome::Forgotten)
    }
}

/// An action, found by its id. A task that takes several actions (retries, a split timer) has its
/// outcome in the slot of the first one; the slots of the others point to it with `owner`.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) kind: SlotKind,
    pub(crate) owner: u32,
    /// The name of the function; empty for timers, and for events, which have theirs in `extra`.
    pub(crate) name: &'static str,
    /// Whether the host reported the end of this action. Hosts can report an end more than once, and the
    /// task may wait for another action by then: the next attempt, the rest of a long timer.
    pub(crate) ended: bool,
    /// The epochs in which the action was asked for, both included; see [`super::rewind`].
    pub(crate) since: u8,
    pub(crate) until: u8,
    pub(crate) outcome: Outcome,
    pub(crate) waker: Option<Waiter>,
    pub(crate) extra: Option<Box<Extra>>,
}

impl Slot {
    /// Ends the task; what drives it to its end is done.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        self.outcome = outcome;
        if let Some(Extra::Driver(_)) = self.extra.as_deref() {
            self.extra = None;
        }
    }

    pub(crate) fn was_asked_for_in(&self, epoch: u8) -> bool {
        (self.since..=self.until).contains(&epoch)
    }
}

/// What few slots have.
#[derive(Debug)]
pub(crate) enum Extra {
    /// What happens when an action of the task ends, if not simply its outcome.
    Driver(Driver),
    /// The event that was sent, and to which instance.
    Sent { name: String, target: String },
    /// The action was refused and never sent. A history that holds it comes from other code.
    Refused { name: String, reason: String },
}
