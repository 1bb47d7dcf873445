//! The jobs of an app over the durable client: how they are found, waited for and cancelled.
//!
//! Invariant: what a client may not see, it can neither wait for nor cancel. [`Jobs::find`] comes before both.

mod cancel;
mod wait;

pub use cancel::{Cancellation, cancel};
pub use wait::{Until, wait};

use std::time::Duration;

use durable_functions::{ClientError, Instance, Status};

use crate::{ApiError, Job};

/// The jobs of an app, as the client of one request may see them.
pub trait Jobs: Send + Sync + 'static {
    /// What the orchestrator of a job returns.
    type Output: Send + 'static;

    /// The instance with this id, of the orchestrator of the jobs: an instance of another one is no job.
    fn instance(&self, id: &str) -> Instance<Self::Output>;

    /// What clients are told when the task hub does not answer: after which time to ask again.
    fn retry_after(&self) -> Duration;

    /// The job with this id. By default every client may see every job.
    ///
    /// # Errors
    /// 404 for an id that is no job's, and for a job that the client may not see; 503 when the task hub does not answer.
    fn find(&self, id: &str) -> impl Future<Output = Result<Job, ApiError>> + Send {
        async move {
            let instance = self.instance(id);
            match instance.status().await {
                Ok(Some(status)) => Ok(Self::job(&instance, status).await),
                // No job can have an invalid id; the durable client did not ask the task hub.
                Ok(None) | Err(ClientError::InvalidId { .. }) => Err(ApiError::job_not_found()),
                Err(reason) => Err(not_read(id, &reason, self.retry_after())),
            }
        }
    }

    /// The job of an instance with this status. An app may call a job running that its task hub calls failed, because it
    /// mends that.
    fn job(
        _instance: &Instance<Self::Output>,
        status: Status<Self::Output>,
    ) -> impl Future<Output = Job> + Send {
        std::future::ready(Job::from(status))
    }

    /// Ends what the job does in this process. The task hub ends the instance and leaves its activities alone.
    fn stop(&self, _id: &str) {}
}

/// 503: the task hub did not say how the job with this id stands. The log has the reason.
pub fn not_read(id: &str, reason: &ClientError, retry_after: Duration) -> ApiError {
    tracing::error!(id, "status not read: {reason}");
    ApiError::unavailable(
        "The status cannot be read at the moment. Try again later.",
        retry_after.as_secs(),
    )
}
