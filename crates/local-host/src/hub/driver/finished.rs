//! The limit of ended instances in a store in memory, because histories are large.
//!
//! Invariant: an instance that is removed has ended. An instance that is started again under its id counts as new.

use std::collections::{BTreeMap, HashMap};

use task_hub::{Error, Moment, StoreError};

use super::TaskHub;

/// How many ended instances a hub in memory keeps by default.
pub(in crate::hub) const FINISHED_INSTANCES: usize = 10_000;

/// The ended instances, in the order in which they ended.
#[derive(Debug, Default)]
pub(super) struct Finished {
    limit: usize,
    ended: u64,
    by_end: BTreeMap<u64, String>,
    ends: HashMap<String, u64>,
    is_logged: bool,
}

impl Finished {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Notes that an instance has changed.
    pub(super) fn changed(&mut self, hub: &TaskHub, id: &str) -> Result<(), StoreError> {
        let has_ended = hub.instance(id)?.is_some_and(|it| it.has_ended());
        if has_ended {
            self.add(id);
        } else {
            self.remove(id);
        }
        Ok(())
    }

    /// Purges the oldest instances beyond the limit. Returns the text for the log, the first time.
    pub(super) fn purge(
        &mut self,
        hub: &mut TaskHub,
        at: &mut Moment<'_>,
    ) -> Result<Option<String>, StoreError> {
        let mut has_purged = false;
        while let Some(oldest) = self.oldest_beyond_limit() {
            match hub.purge(at, &oldest) {
                Err(Error::Store(error)) => return Err(error),
                // One that runs again is no longer in the list.
                Ok(()) | Err(_) => has_purged = true,
            }
        }
        if !has_purged || std::mem::replace(&mut self.is_logged, true) {
            return Ok(None);
        }
        let limit = self.limit;
        Ok(Some(format!(
            "{limit} orchestrations have finished. local-host keeps its task hub in memory: \
             from now on it forgets the oldest, and answers for them as for instances that \
             never existed. A real host keeps them until they are purged."
        )))
    }

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

    fn oldest_beyond_limit(&mut self) -> Option<String> {
        if self.ends.len() <= self.limit {
            return None;
        }
        let (_, id) = self.by_end.pop_first()?;
        self.ends.remove(&id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_end_goes_first_and_an_instance_counts_once() {
        let mut finished = Finished::new(3);
        for id in ["a", "b", "c", "a"] {
            finished.add(id);
        }
        assert_eq!(finished.oldest_beyond_limit(), None);
        finished.limit = 2;
        assert_eq!(finished.oldest_beyond_limit().as_deref(), Some("b"));
        finished.remove("c");
        finished.limit = 0;
        assert_eq!(finished.oldest_beyond_limit().as_deref(), Some("a"));
        assert_eq!(finished.oldest_beyond_limit(), None);
    }
}
