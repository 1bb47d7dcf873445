//! Values that jobs have spilled and not removed: a job was terminated between two of its activities, or an activity was
//! delivered again after the end of its job.
//!
//! Invariant: nothing of a job is removed that may go on. If somebody rewinds a job by hand afterwards, it fails: a merge
//! that does not find all values never gives a count.

use std::time::{Duration, SystemTime};

use durable_functions::{ClientError, DurableClient, RuntimeStatus};

use super::watch::has_failed;
use crate::{
    audit::AuditError,
    functions::process_submission::PROCESS_SUBMISSION,
    scratch::{Leftover, Scratch},
};

/// How long what a job has spilled is kept that its host has failed, and that may be healed.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// The most that `JobTimeoutSeconds` can be. A job that this task hub does not know may be one of another app that shares
/// the table, and may run as long.
const LONGEST_JOB: Duration = Duration::from_secs(604_800);

/// Removes them. What fails is logged, and is tried again by the next sweep.
pub(crate) async fn clear(client: &DurableClient, scratch: &Scratch) {
    let leftovers = match scratch.scopes().await {
        Ok(leftovers) => leftovers,
        // Credentials that only read the audit table are enough for jobs that spill nothing, and then nothing is left.
        Err(AuditError::ScratchDenied) => return,
        Err(error) => {
            tracing::warn!("spilled values of ended jobs cannot be listed: {error}");
            return;
        }
    };
    let now = SystemTime::now();
    for leftover in leftovers {
        match is_over(client, &leftover, now).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(reason) => {
                tracing::warn!(job = leftover.job, "status of the job not read: {reason}");
                continue;
            }
        }
        match scratch.clear(&leftover.scope).await {
            Ok(()) => tracing::info!(job = leftover.job, "spilled values of an ended job removed"),
            Err(error) => {
                tracing::warn!(
                    job = leftover.job,
                    "spilled values are not removed yet: {error}"
                );
            }
        }
    }
}

/// Whether the job will never ask for its values.
async fn is_over(
    client: &DurableClient,
    leftover: &Leftover,
    now: SystemTime,
) -> Result<bool, ClientError> {
    let job = client.instance(PROCESS_SUBMISSION, &leftover.job);
    let age = now.duration_since(leftover.since).unwrap_or_default();
    let Some(status) = job.status().await? else {
        return Ok(age > LONGEST_JOB);
    };
    Ok(match status.runtime_status {
        RuntimeStatus::Completed | RuntimeStatus::Terminated | RuntimeStatus::Canceled => true,
        RuntimeStatus::Failed => has_failed(status.output.as_deref()) || age > KEEP,
        _ => false,
    })
}
