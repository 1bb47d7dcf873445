//! What a task consists of besides its actions: what it calls, and how it goes on when one of its actions
//! ends.

use durable_protocol::Timestamp;

use super::kind::SlotKind;
use crate::retry::RetryPolicy;

/// What is called.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Activity {
        name: &'static str,
    },
    SubOrchestration {
        name: &'static str,
        version: Option<&'static str>,
        /// Checked; `None` makes a new one for each attempt.
        instance_id: Option<String>,
    },
}

impl Call {
    pub(super) fn kind(&self) -> SlotKind {
        match self {
            Call::Activity { .. } => SlotKind::Activity,
            Call::SubOrchestration { .. } => SlotKind::SubOrchestration,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Call::Activity { name } | Call::SubOrchestration { name, .. } => name,
        }
    }
}

/// What a task does when one of its actions ends.
#[derive(Debug)]
pub(super) struct Driver {
    /// When the current wait is over: of a retry delay, or of the whole timer.
    pub(super) due: Timestamp,
    /// When the timer that runs now fires; before `due` if the wait is split.
    pub(super) reached: Timestamp,
    pub(super) retry: Option<Retry>,
}

/// A call that is tried again.
#[derive(Debug)]
pub(super) struct Retry {
    pub(super) call: Call,
    pub(super) policy: RetryPolicy,
    pub(super) input: Option<String>,
    pub(super) attempt: u32,
    pub(super) first_at: Timestamp,
}
