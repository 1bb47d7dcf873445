//! What may go wrong between the hub and the functions.

/// What may go wrong between the hub and the functions, each with its probability in percent. An orchestration
/// must reach the same result in spite of all of it.
///
/// Faults repeat activities and entity batches, and lost work waits for some time on the clock of the hub. So a
/// timer can be first where an activity was first without faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub(super) crashes: u8,
    pub(super) lost_answers: u8,
    pub(super) repeated_answers: u8,
    pub(super) reordering: u8,
    pub(super) late_events: u8,
}

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub const fn none() -> Self {
        Faults {
            crashes: 0,
            lost_answers: 0,
            repeated_answers: 0,
            reordering: 0,
            late_events: 0,
        }
    }

    /// Everything goes wrong now and then.
    #[must_use]
    pub const fn all() -> Self {
        Faults {
            crashes: 5,
            lost_answers: 10,
            repeated_answers: 10,
            reordering: 60,
            late_events: 50,
        }
    }

    /// The hub crashes: before a commit, so that the step did not happen, or after it. It recovers, and gives out
    /// all work again. The worker may crash with it and lose its kept instances.
    #[must_use]
    pub const fn crashes(mut self, percent: u8) -> Self {
        self.crashes = percent;
        self
    }

    /// The answer of a turn, an activity or an entity batch is lost, and the work is done again.
    #[must_use]
    pub const fn lost_answers(mut self, percent: u8) -> Self {
        self.lost_answers = percent;
        self
    }

    /// An answer arrives twice.
    #[must_use]
    pub const fn repeated_answers(mut self, percent: u8) -> Self {
        self.repeated_answers = percent;
        self
    }

    /// Work is under way at the same time and ends in any order, and a turn or batch begins before all messages
    /// for it have arrived.
    #[must_use]
    pub const fn reordering(mut self, percent: u8) -> Self {
        self.reordering = percent;
        self
    }

    /// External events arrive later than they were raised. Those of one name keep their order.
    #[must_use]
    pub const fn late_events(mut self, percent: u8) -> Self {
        self.late_events = percent;
        self
    }
}
