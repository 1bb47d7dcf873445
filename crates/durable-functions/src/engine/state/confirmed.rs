//! Which actions the history already holds.

use crate::wire::{Event, EventKind};

/// The ids of all actions that the history confirms.
///
/// They are known before the replay begins, so that the input of a call that was scheduled in an earlier
/// turn is not serialised again. In a long orchestration that is nearly every call.
#[derive(Debug, Default)]
pub(super) struct Confirmed {
    /// The ids below 64: enough for most orchestrations, without an allocation.
    first: u64,
    words: Vec<u64>,
    count: usize,
    generic_events: usize,
}

impl Confirmed {
    pub(super) fn from_events(events: &[Event<'_>]) -> Self {
        let mut confirmed = Confirmed::default();
        for event in events {
            // Most events are neither, and end here with one check.
            if !(event.kind.confirms() || event.kind == EventKind::Generic) {
                continue;
            }
            if event.kind == EventKind::Generic {
                confirmed.generic_events += 1;
            } else if let Ok(id) = usize::try_from(event.id)
                && id < events.len()
            {
                // An id that is larger than the number of events is not ours and must not cost memory.
                // It is refused when its event is applied.
                confirmed.add(id);
            }
        }
        if confirmed.generic_events > 0 {
            // In a history that was rewound, an action may belong to a path that the code no longer takes.
            // This is only known during the replay.
            confirmed = Confirmed {
                generic_events: confirmed.generic_events,
                count: confirmed.count,
                ..Confirmed::default()
            };
        }
        confirmed
    }

    #[inline]
    fn add(&mut self, id: usize) {
        self.count += 1;
        match (id / 64).checked_sub(1) {
            None => self.first |= 1 << id,
            Some(word) => {
                if self.words.len() <= word {
                    self.words.resize(word + 1, 0);
                }
                if let Some(bits) = self.words.get_mut(word) {
                    *bits |= 1 << (id % 64);
                }
            }
        }
    }

    pub(super) fn contains(&self, id: usize) -> bool {
        let bits = match (id / 64).checked_sub(1) {
            None => self.first,
            Some(word) => self.words.get(word).copied().unwrap_or(0),
        };
        bits & (1 << (id % 64)) != 0
    }

    /// How many generic events the history has: none unless it was rewound.
    pub(super) fn generic_events(&self) -> usize {
        self.generic_events
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }
}
