//! The end of a job's life: it is purged after `RetentionDays`, and its address answers 410 for `TombstoneDays` more.
//!
//! Invariant: a job is purged only when its tombstone is stored. So its address goes from 200 to 410, with no 404
//! between, also if a run is cut off in the middle.

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use durable_functions::{ClientError, DurableClient, EntityQuery, Query, RuntimeStatus, Status};

use job_api::{
    ApiError,
    views::job::{name, rfc3339},
};

use super::owner;
use crate::{
    functions::{
        expired_job::{EXPIRED_JOB, FORGET, RECORD, Tombstone},
        process_submission::PROCESS_SUBMISSION,
    },
    owners::Caller,
    settings::JobSettings,
};

/// Whether this is the id of a job that was purged.
pub(crate) async fn is_tombstone(client: &DurableClient, id: &str) -> Result<bool, ClientError> {
    let entity = client.entity(EXPIRED_JOB.id(id));
    let tombstone = entity.state::<Option<Tombstone>>().await?;
    Ok(tombstone.flatten().is_some())
}

/// The error for an id that no job has any more or ever had. Whose job it was not, never learns that it was one.
pub(super) async fn missing(
    client: &DurableClient,
    id: &str,
    caller: &Caller,
) -> Result<ApiError, ClientError> {
    let entity = client.entity(EXPIRED_JOB.id(id));
    Ok(match entity.state::<Option<Tombstone>>().await? {
        Some(Some(tombstone)) if caller.may_see(tombstone.owner.as_ref()) => {
            ApiError::new(StatusCode::GONE, "JobExpired", "Job expired")
                .with_member("status", tombstone.status)
                .with_member("endedAt", tombstone.ended_at)
        }
        _ => ApiError::job_not_found(),
    })
}

/// How much one run has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purged {
    pub(crate) jobs: u64,
    pub(crate) tombstones: u64,
}

/// Removes what is too old at this time. `is_over` says that there is no time left.
///
/// # Errors
/// The first error of the task hub; what was done before stays done.
pub(crate) async fn purge(
    client: &DurableClient,
    settings: &JobSettings,
    now: SystemTime,
    is_over: impl Fn() -> bool,
) -> Result<Purged, ClientError> {
    let mut purged = Purged::default();
    let Some(retention) = settings.retention else {
        return Ok(purged);
    };
    let oldest = before(now, retention);
    let query = RuntimeStatus::ENDED
        .into_iter()
        .fold(Query::new(), Query::with_status)
        // A job that was created later cannot have ended before. The task hub knows no filter for the end.
        .created_before(oldest)
        // The input says whose a job was.
        .with_inputs_and_outputs();
    let mut jobs = client.query(query);
    while let Some(job) = jobs.next().await? {
        if is_over() {
            return Ok(purged);
        }
        let is_ours = job.name.eq_ignore_ascii_case(PROCESS_SUBMISSION.name());
        if is_ours && job.last_updated_at <= oldest && has_tombstone(client, &job).await? {
            match client.instance_by_id(&job.instance_id).purge().await {
                Ok(()) => purged.jobs += 1,
                // Another run was faster, or the job was rewound in the meantime.
                Err(ClientError::NotFound { .. } | ClientError::WrongStatus { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    let oldest = before(now, settings.tombstones);
    let query = EntityQuery::new()
        .with_name(EXPIRED_JOB.name())
        .modified_before(oldest);
    let mut tombstones = client.entities(query);
    while let Some(tombstone) = tombstones.next().await? {
        if is_over() {
            return Ok(purged);
        }
        client.entity(&tombstone.id).signal(FORGET, &()).await?;
        purged.tombstones += 1;
    }
    Ok(purged)
}

/// Whether the tombstone of the job is stored. If not, it is asked for, and the next run will find it.
async fn has_tombstone(client: &DurableClient, job: &Status) -> Result<bool, ClientError> {
    let entity = client.entity(EXPIRED_JOB.id(&job.instance_id));
    let tombstone = Tombstone {
        status: name(job.runtime_status).to_owned(),
        ended_at: rfc3339(job.last_updated_at),
        owner: owner(job),
    };
    // Another one is that of an earlier job with the same id.
    if entity.state::<Option<Tombstone>>().await? == Some(Some(tombstone.clone())) {
        return Ok(true);
    }
    entity.signal(RECORD, &tombstone).await?;
    Ok(false)
}

fn before(now: SystemTime, time: Duration) -> SystemTime {
    now.checked_sub(time).unwrap_or(SystemTime::UNIX_EPOCH)
}
