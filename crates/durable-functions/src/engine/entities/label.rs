//! Labels, by which an entity puts the messages of one orchestration in order and drops duplicates.

use std::collections::BTreeMap;
use std::time::Duration;

use durable_protocol::{EntityId, Timestamp};

/// The host's clocks count in steps of 100 ns; two finer times could become equal when they are cut.
const TICK: Duration = Duration::from_nanos(100);

/// The label of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    /// Later than the timestamp of every earlier message to the same entity.
    pub(super) timestamp: Timestamp,
    /// The timestamp of the previous message, if there was one.
    pub(super) predecessor: Option<Timestamp>,
}

/// When an execution last sent to each entity. No entity is forgotten: how long a receiver remembers is
/// measured by its own clock, which is not known here.
#[derive(Debug, Default)]
pub(super) struct Labels {
    last: BTreeMap<EntityId, Timestamp>,
}

impl Labels {
    /// The label for the next message to `entity`, sent at `now`.
    pub(super) fn next(&mut self, entity: &EntityId, now: Timestamp) -> Label {
        let now = now.in_ticks();
        let predecessor = self.last.get(entity).copied();
        let timestamp = predecessor.map_or(now, |last| now.max(last.after(TICK)));
        self.last.insert(entity.clone(), timestamp);
        Label {
            timestamp,
            predecessor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_to_one_entity_strictly_increase_and_name_their_predecessor() {
        let (a, b) = (EntityId::new("n", "a"), EntityId::new("n", "b"));
        let at = |seconds, nanos| Timestamp { seconds, nanos };
        let mut labels = Labels::default();
        let mut label = |entity, now| {
            let label = labels.next(entity, now);
            (label.timestamp, label.predecessor)
        };
        assert_eq!(label(&a, at(5, 999_999_950)), (at(5, 999_999_900), None));
        let second = (at(6, 0), Some(at(5, 999_999_900)));
        assert_eq!(label(&a, at(5, 999_999_999)), second, "the same tick");
        assert_eq!(label(&b, at(5, 0)), (at(5, 0), None), "another entity");
        let third = (at(6, 100), Some(at(6, 0)));
        assert_eq!(label(&a, at(3, 0)), third, "a clock that went back");
        assert_eq!(label(&a, at(9, 0)), (at(9, 0), Some(at(6, 100))));
    }
}
