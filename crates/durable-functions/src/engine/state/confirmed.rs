//! Which actions the history already holds.

use crate::wire::{Event, EventKind};

/// The ids of all actions that the history confirms.
///
/// Known before the replay begins, so that the input of a call that was scheduled in an earlier turn
/// is never serialised again: in a long orchestration that is nearly all of them.
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
            // One question for most events, which are neither.
            if !(event.kind.confirms() || event.kind == EventKind::Generic) {
                continue;
            }
            if event.kind == EventKind::Generic {
                confirmed.generic_events += 1;
            } else if let Ok(id) = usize::try_from(event.id)
                && id < events.len()
            {
                // An id that is out of all proportion is not ours and must not cost memory; it is
                // found to be foreign when its event is applied.
                confirmed.add(id);
            }
        }
        if confirmed.generic_events > 0 {
            // Of a history that was rewound it is not known before the replay: an action in it may be
            // of a path that the code no longer takes.
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
