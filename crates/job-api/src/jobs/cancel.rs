//! Cancelling a job.
//!
//! A cancelled job is a terminated instance. The task hub ends the instance and leaves its activities alone: see
//! [`Jobs::stop`].
//!
//! Invariant: cancelling is idempotent. Whoever wants the job ended and finds it cancelled has what was wanted, whether
//! a client cancelled it, this one or another, or an operator terminated it.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode},
    response::Response,
};
use durable_functions::{ClientError, RuntimeStatus};

use super::Jobs;
use crate::{ApiError, Job, counters::JOBS_CANCELLED, error::ERROR_CODE};

/// The output of a cancelled instance. The task hub shows it to operators; no view shows it to clients.
const REASON: &str = "The job was cancelled by a client.";

/// How long the answer waits for the end of the job. A real host ends an instance by a message in a queue, which takes
/// it a second or two while the hub is idle.
const WAIT_FOR_END: Duration = Duration::from_secs(5);

/// What the wish to cancel a job came to, with the job as it is afterwards.
#[derive(Clone, Debug)]
pub enum Cancellation {
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
    const ENDED_CODE: &'static str = "JobEnded";

    /// The job as it is now.
    #[must_use]
    pub fn into_job(self) -> Job {
        match self {
            Self::Cancelled(job)
            | Self::AlreadyCancelled(job)
            | Self::Accepted(job)
            | Self::Ended(job) => job,
        }
    }

    /// The answer that `render` writes for the job: 409 with a code when the job had ended otherwise.
    pub fn response(self, render: impl FnOnce(Job) -> Response) -> Response {
        let ended_otherwise = matches!(self, Self::Ended(_));
        let mut response = render(self.into_job());
        if ended_otherwise {
            *response.status_mut() = StatusCode::CONFLICT;
            let code = HeaderValue::from_static(Self::ENDED_CODE);
            response.headers_mut().insert(ERROR_CODE, code);
        }
        response
    }
}

/// Cancels the job with this id, and waits up to five seconds for its end.
///
/// # Errors
/// Those of [`Jobs::find`], so 404 for an id that is no job of ours; 503 when the task hub does not answer. The job may be
/// cancelled then, and asking again is safe.
pub async fn cancel(jobs: &impl Jobs, id: &str) -> Result<Cancellation, ApiError> {
    let job = jobs.find(id).await?;
    if job.status.is_terminal() {
        // Something of it may still run, if an operator terminated the job.
        jobs.stop(id);
        return Ok(ended_before(job));
    }
    let instance = jobs.instance(id);
    match instance.terminate(REASON).await {
        Ok(()) => {}
        // The job ended after we looked, by itself or by another request.
        Err(ClientError::WrongStatus { .. } | ClientError::NotFound { .. }) => {
            let job = jobs.find(id).await?;
            if job.status.is_terminal() {
                return Ok(ended_before(job));
            }
            return Err(not_cancelled(
                id,
                "its status forbids it",
                jobs.retry_after(),
            ));
        }
        Err(reason) => return Err(not_cancelled(id, reason, jobs.retry_after())),
    }
    // What runs here stops at once, not when the task hub has handled the message.
    jobs.stop(id);
    JOBS_CANCELLED.increment();
    tracing::info!(id, "job cancelled");
    let job = match instance.wait(WAIT_FOR_END).await {
        Ok(status) => Job::from(status),
        Err(reason) => {
            tracing::debug!(id, "the end of a cancelled job was not seen: {reason}");
            jobs.find(id).await?
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
