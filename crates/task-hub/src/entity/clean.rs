//! Cleaning the storage of entities.
//!
//! Invariant: only what nothing needs is removed. An entity is empty when it has no state, no lock, no message and
//! no scheduled signal; a lock is orphaned when the orchestration that holds it has ended or is gone.

use std::collections::HashSet;

use durable_protocol::messages::{CleanEntityStorageRequest, CleanEntityStorageResponse};

use super::is_entity;
use crate::changes::EntityRecord;
use crate::lease::Key;
use crate::step::Step;
use crate::store::{Store, StoreError};

/// The entities that get a signal later.
pub(crate) fn scheduled(store: &dyn Store) -> Result<HashSet<String>, StoreError> {
    let timers = store.due(LAST, i32::MAX as usize)?;
    let targets = timers.into_iter().map(|timer| timer.message.target);
    Ok(targets.filter(|target| is_entity(target)).collect())
}

/// The end of the year 9999, the last one in a protobuf timestamp.
const LAST: durable_protocol::Timestamp = durable_protocol::Timestamp {
    seconds: 253_402_300_799,
    nanos: 999_999_900,
};

impl Step<'_> {
    pub(crate) fn clean_entities(
        &mut self,
        entities: Vec<EntityRecord>,
        scheduled: &HashSet<String>,
        request: &CleanEntityStorageRequest,
    ) -> Result<CleanEntityStorageResponse, StoreError> {
        let mut cleaned = CleanEntityStorageResponse::default();
        for EntityRecord { id, locked_by, .. } in entities {
            if request.release_orphaned_locks
                && let Some(holder) = locked_by
                && !self.is_running(&holder)?
            {
                self.release(&id, &holder)?;
                cleaned.orphaned_locks_released += 1;
            }
            if request.remove_empty_entities && !scheduled.contains(&id) && self.is_empty(&id)? {
                self.entities.remove(&id);
                self.changes.purged.push(id);
                cleaned.empty_entities_removed += 1;
            }
        }
        Ok(cleaned)
    }

    fn is_empty(&mut self, id: &str) -> Result<bool, StoreError> {
        let entity = self.entity(id)?;
        Ok(entity.state.is_none()
            && entity.locked_by.is_none()
            && !self.work.is_leased(&Key::of_target(id))
            && self.inbox(id)?.is_empty())
    }
}
