//! The jobs: instances of the orchestrator `process-submission`, over the durable client.
//!
//! Invariant: an instance of another orchestrator is no job and is never found. What clients may not learn of an
//! instance, its input for example, does not get into a `Job`.

mod caller_jobs;
pub(crate) mod expired;
mod failure;
pub(crate) mod finished;
pub(crate) mod heal;
mod identity;
pub(crate) mod leftovers;
pub(crate) mod of_session;
pub(crate) mod poison;
pub mod progress;
pub(crate) mod running;
pub(crate) mod session_entries;
pub(crate) mod start;
pub(crate) mod watch;

pub(crate) use caller_jobs::CallerJobs;
pub(crate) use failure::{TIMEOUT, error_of};
pub(crate) use identity::Identity;
pub(crate) use job_api::Job;
pub(crate) use start::start;

use std::time::Duration;

use durable_functions::{ClientError, DurableClient, Instance, RuntimeStatus, Status};
use job_api::{ApiError, jobs::not_read};
use serde_json::Value;

use crate::{
    functions::process_submission::{JobInput, PROCESS_SUBMISSION},
    owners::{Caller, Owner},
    sessions::SessionKey,
};

/// The job with this status, healed if it needs that.
async fn healed<O>(instance: &Instance<O>, status: Status<O>) -> Job {
    let goes_on = heal::heal(instance, &status).await;
    let mut job = Job::from(status);
    if goes_on {
        job.status = RuntimeStatus::Running;
        job.output = None;
    }
    job
}

/// Whose a job is, by its input, which the status must have. Only the owner is read: an input that is no submission otherwise, because an operator
/// wrote it or a later version, must not give a job of somebody to everybody.
fn owner<O>(status: &Status<O>) -> Option<Owner> {
    let input = status.input_as::<Value>().ok().flatten()?;
    match input.get("owner")? {
        Value::Null => None,
        Value::String(digest) => Some(Owner::from_digest(digest)),
        // Somebody's, and nobody has this digest.
        _ => Some(Owner::from_digest("")),
    }
}

/// The job with this id. One that the host has failed is healed, and is running as long as it may go on: also when its
/// instance waits as Failed for its next rewind.
///
/// # Errors
/// 404 without one, and for one of somebody else, which is answered like one that never was and not healed; 410 when it
/// was purged; 503 when the task hub does not answer, with `retry_after`.
pub(crate) async fn find(
    client: &DurableClient,
    id: &str,
    caller: &Caller,
    retry_after: Duration,
) -> Result<Job, ApiError> {
    let (job, _) = find_with_session(client, id, caller, retry_after).await?;
    Ok(job)
}

/// The job with this id, and the session whose message started it. The session is for look-ups: it is no member of a
/// `Job`, so no view can show it.
///
/// # Errors
/// Those of [`find`].
async fn find_with_session(
    client: &DurableClient,
    id: &str,
    caller: &Caller,
    retry_after: Duration,
) -> Result<(Job, Option<SessionKey>), ApiError> {
    let instance = client.instance(PROCESS_SUBMISSION, id);
    match instance.status().await {
        Ok(Some(status)) if !caller.may_see(owner(&status).as_ref()) => {
            Err(ApiError::job_not_found())
        }
        Ok(Some(status)) => {
            let input = status.input_as::<JobInput>().ok().flatten();
            let session = input.and_then(|input| input.session);
            Ok((healed(&instance, status).await, session))
        }
        // No job can have an invalid id; the durable client did not ask the task hub.
        Err(ClientError::InvalidId { .. }) => Err(ApiError::job_not_found()),
        Ok(None) => match expired::missing(client, id, caller).await {
            Ok(error) => Err(error),
            Err(reason) => Err(not_read(id, &reason, retry_after)),
        },
        Err(reason) => Err(not_read(id, &reason, retry_after)),
    }
}
