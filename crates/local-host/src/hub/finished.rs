//! The limit of finished instances: the hub is in memory, and histories are large.
//!
//! Invariant: an instance that is removed has ended and has no turn under way. An instance that is started
//! again under its id counts as new.

use std::collections::{BTreeMap, HashMap};

use super::{Inner, lock};
use crate::log::LogLevel;

/// How many finished instances a hub keeps by default.
pub(crate) const FINISHED_INSTANCES: usize = 10_000;

/// The finished instances, in the order in which they ended.
#[derive(Debug, Default)]
pub(super) struct Finished {
    ended: u64,
    by_end: BTreeMap<u64, String>,
    ends: HashMap<String, u64>,
    is_logged: bool,
}

impl Finished {
    fn add(&mut self, id: &str) {
        self.remove(id);
        self.ended += 1;
        self.by_end.insert(self.ended, id.to_owned());
        self.ends.insert(id.to_owned(), self.ended);
    }

    fn remove(&mut self, id: &str) {
        if let Some(end) = self.ends.remove(id) {
            self.by_end.remove(&end);
        }
    }

    fn oldest_beyond(&mut self, limit: usize) -> Option<String> {
        if self.ends.len() <= limit {
            return None;
        }
        let (_, id) = self.by_end.pop_first()?;
        self.ends.remove(&id);
        Some(id)
    }
}

impl Inner {
    /// Adds an instance that has ended, and removes the oldest ones beyond the limit.
    pub(super) fn keep_finished(&self, id: &str) {
        let limit = self.options.finished_instances;
        let mut finished = lock(&self.finished);
        finished.add(id);
        let mut forgotten = false;
        while let Some(oldest) = finished.oldest_beyond(limit) {
            let mut instances = lock(&self.instances);
            if instances.get(&oldest).is_some_and(|it| it.has_ended()) {
                if let Some(instance) = instances.remove(&oldest) {
                    instance.stop_timers();
                }
                forgotten = true;
            }
        }
        if forgotten && !std::mem::replace(&mut finished.is_logged, true) {
            self.log(
                LogLevel::Warning,
                format!(
                    "{limit} orchestrations have finished. local-host keeps its task hub in memory: \
                     from now on it forgets the oldest, and answers for them as for instances that \
                     never existed. A real host keeps them until they are purged."
                ),
            );
        }
    }

    /// Removes an instance that was started again from the list.
    pub(super) fn not_finished(&self, id: &str) {
        lock(&self.finished).remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_end_goes_first_and_an_instance_counts_once() {
        let mut finished = Finished::default();
        for id in ["a", "b", "c", "a"] {
            finished.add(id);
        }
        assert_eq!(finished.oldest_beyond(3), None);
        assert_eq!(finished.oldest_beyond(2).as_deref(), Some("b"));
        finished.remove("c");
        assert_eq!(finished.oldest_beyond(0).as_deref(), Some("a"));
        assert_eq!(finished.oldest_beyond(0), None);
    }
}
