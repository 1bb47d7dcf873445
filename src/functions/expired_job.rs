//! `expired-job`: an entity for each job that was purged, so that its address can still be told from one that never
//! was a job's.
//!
//! Invariant: it keeps times, a status and the digest of the owner, nothing else of the job's input or result.

use durable_functions::{Entity, EntityContext, EntityFunction, Operation, Result};
use serde::{Deserialize, Serialize};

use crate::owners::Owner;

/// The entity in the folder `expired-job`. Its key is the id of the job; it has no state until the job expires.
pub const EXPIRED_JOB: Entity<Option<Tombstone>> = Entity::new("expired-job");

/// Writes the tombstone. Repeated, it changes nothing.
pub const RECORD: Operation<Tombstone, ()> = Operation::new("record");

/// Removes the tombstone.
pub const FORGET: Operation<(), ()> = Operation::new("forget");

/// What is left of a job after its purge.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tombstone {
    /// The status with which the job ended, such as `Completed`.
    pub status: String,
    /// When it ended: RFC 3339, UTC.
    pub ended_at: String,
    /// Whose it was: for others it never was a job. `None`: everybody's who knows its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// The entity function with its operations.
#[must_use]
pub fn expired_job() -> EntityFunction<Option<Tombstone>> {
    EntityFunction::new(EXPIRED_JOB)
        .on(RECORD, record)
        .on(FORGET, forget)
}

async fn record(
    _: EntityContext,
    state: &mut Option<Tombstone>,
    tombstone: Tombstone,
) -> Result<()> {
    *state = Some(tombstone);
    Ok(())
}

async fn forget(context: EntityContext, _: &mut Option<Tombstone>, (): ()) -> Result<()> {
    context.delete_state();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tombstone_of_nobodys_job_is_what_it_was_before_there_were_owners() {
        let text = r#"{"status":"Completed","endedAt":"2026-11-28T18:05:44Z"}"#;
        let tombstone: Tombstone = serde_json::from_str(text).unwrap();
        assert_eq!(tombstone.owner, None);
        assert_eq!(serde_json::to_string(&tombstone).unwrap(), text);
        let owned = Tombstone {
            owner: Some(Owner::of("aad", "anna")),
            ..tombstone
        };
        let text = serde_json::to_string(&owned).unwrap();
        assert_eq!(serde_json::from_str::<Tombstone>(&text).unwrap(), owned);
    }
}
