//! `expired-job`: an entity for each job that was purged, so that its address can still be told from one that never
//! was a job's.
//!
//! Invariant: it keeps times and a status, nothing of the job's input or result.

use durable_functions::{Entity, EntityContext, EntityFunction, Operation, Result};
use serde::{Deserialize, Serialize};

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
