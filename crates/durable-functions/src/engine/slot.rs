//! One action of an orchestration and what became of it.

use std::borrow::Cow;
use std::task::Waker;

use bytes::Bytes;

use super::task::Driver;
use crate::Failure;

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotKind {
    Activity,
    SubOrchestration,
    Timer,
    SendEvent,
}

impl SlotKind {
    /// The word for messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            SlotKind::Activity => "activity",
            SlotKind::SubOrchestration => "sub-orchestration",
            SlotKind::Timer => "timer",
            SlotKind::SendEvent => "event",
        }
    }
}

/// What became of a task.
#[derive(Debug, Default)]
pub(crate) enum Outcome {
    #[default]
    Open,
    /// A result as JSON text; `None` when the host sent none, and for timers.
    Completed(Option<Bytes>),
    Failed(Box<Failure>),
    /// Handed to its future, or nobody wants it.
    Taken,
}

impl Outcome {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Outcome::Open)
    }
}

/// An action, found by its id. A task that takes several actions (retries, a split timer) has its
/// outcome in the slot of the first one; the slots of the others point to it with `owner`.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) kind: SlotKind,
    pub(crate) name: Cow<'static, str>,
    /// To which instance an event was sent.
    pub(crate) target: Option<Box<str>>,
    pub(crate) owner: usize,
    /// Whether the host reported the end of this action. Hosts report one more than once, and by
    /// then the task may wait for another action: the next attempt, the rest of a long timer.
    pub(crate) ended: bool,
    pub(crate) outcome: Outcome,
    pub(crate) waker: Option<Waker>,
    /// What happens when an action of this task ends, if not simply its outcome.
    pub(crate) driver: Option<Box<Driver>>,
}
