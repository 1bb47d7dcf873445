//! Cancelling a job.
//!
//! A cancelled job is a terminated instance. The task hub ends the instance and leaves its activity alone, so that the
//! activity has to notice it by itself: see [`running`](super::running).
//!
//! Invariant: cancelling is idempotent. Whoever wants the job ended and finds it cancelled has what was wanted, whether
//! a client cancelled it, this one or another, or an operator terminated it.

use std::time::Duration;

use durable_functions::{ClientError, DurableClient, RuntimeStatus};

use super::{Job, find, running};
use crate::{
    api::error::ApiError, counters::JOBS_CANCELLED,
    functions::process_submission::PROCESS_SUBMISSION, owners::Caller,
};

/// The output of a cancelled instance. The task hub shows it to operators; no view shows it to clients.
const REASON: &str = "The job was cancelled by a client.";

/// How long the answer waits for the end of the job. A real host ends an instance by a message in a queue, which takes
/// it a second or two while the hub is idle.
const WAIT_FOR_END: Duration = Duration::from_secs(5);

/// What the wish to cancel a job came to, with the job as it is afterwards.
#[derive(Clone, Debug)]
pub(crate) enum Cancellation {
    /// The job is cancelled, by this request.
    Cancelled(Job),
    /// The job was cancelled before.
    AlreadyCancelled(Job),
    /// The task hub has accepted the wish, but the job has not ended yet. It will, without a further request, unless it
    /// completes first.
    Accepted(Job),
    /// The job had ended otherwise, so there was nothing to cancel.
    Ended(Job),
}

impl Cancellation {
    /// The code of the error when the job had ended otherwise, for the header `x-ms-error-code`.
    pub(crate) const ENDED_CODE: &'static str = "JobEnded";

    /// The job as it is now.
    pub(crate) fn into_job(self) -> Job {
        match self {
            Self::Cancelled(job)
            | Self::AlreadyCancelled(job)
            | Self::Accepted(job)
            | Self::Ended(job) => job,
        }
    }
}

/// Cancels the job with this id, and waits up to five seconds for its end.
///
/// # Errors
/// Those of [`find`], so 404 for an id that is no job of ours; 503 when the task hub does not answer, with
/// `retry_after`. The job may be cancelled then, and asking again is safe.
pub(crate) async fn cancel(
    client: &DurableClient,
    id: &str,
    caller: &Caller,
    retry_after: Duration,
) -> Result<Cancellation, ApiError> {
    let job = find(client, id, caller, retry_after).await?;
    if job.status.is_terminal() {
        // A scan may still run, if an operator terminated the job.
        running::stop(id);
        return Ok(ended_before(job));
    }
    let instance = client.instance(PROCESS_SUBMISSION, id);
    match instance.terminate(REASON).await {
        Ok(()) => {}
        // The job ended after we looked, by itself or by another request.
        Err(ClientError::WrongStatus { .. } | ClientError::NotFound { .. }) => {
            let job = find(client, id, caller, retry_after).await?;
            if job.status.is_terminal() {
                return Ok(ended_before(job));
            }
            return Err(not_cancelled(id, "its status forbids it", retry_after));
        }
        Err(reason) => return Err(not_cancelled(id, reason, retry_after)),
    }
    // The scan stops at once, not when the task hub has handled the message.
    running::stop(id);
    JOBS_CANCELLED.increment();
    tracing::info!(id, "job cancelled");
    let job = match instance.wait(WAIT_FOR_END).await {
        Ok(status) => Job::from(status),
        Err(reason) => {
            tracing::debug!(id, "the end of a cancelled job was not seen: {reason}");
            find(client, id, caller, retry_after).await?
        }
    };
    Ok(match job.status {
        RuntimeStatus::Terminated | RuntimeStatus::Canceled => Cancellation::Cancelled(job),
        status if status.is_terminal() => Cancellation::Ended(job),
        _ => Cancellation::Accepted(job),
    })
}

fn ended_before(job: Job) -> Cancellation {
    match job.status {
        RuntimeStatus::Terminated | RuntimeStatus::Canceled => Cancellation::AlreadyCancelled(job),
        _ => Cancellation::Ended(job),
    }
}

fn not_cancelled(id: &str, reason: impl std::fmt::Display, retry_after: Duration) -> ApiError {
    tracing::error!(id, "job not cancelled: {reason}");
    ApiError::unavailable(
        "The job could not be cancelled. Try again later.",
        retry_after.as_secs(),
    )
}
