//! The kinds of actions.

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
