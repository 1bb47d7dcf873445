//! The jobs for `job-api`, as the caller of a request may see them.
//!
//! Invariant: a job of somebody else is not found, so it can neither be waited for nor cancelled.

use std::time::Duration;

use durable_functions::{DurableClient, Instance, Status};
use job_api::{ApiError, Job, jobs::Jobs};

use super::{find, healed, running};
use crate::{api::ApiRequest, functions::process_submission::PROCESS_SUBMISSION, owners::Caller};

/// The jobs that the client of a request may see.
#[derive(Clone, Debug)]
pub(crate) struct CallerJobs {
    client: DurableClient,
    caller: Caller,
    retry_after: Duration,
}

impl CallerJobs {
    pub(crate) fn new(request: &ApiRequest, client: DurableClient) -> Self {
        Self {
            client,
            caller: request.caller().clone(),
            retry_after: request.settings().status.retry_after,
        }
    }
}

impl Jobs for CallerJobs {
    type Output = u64;

    fn instance(&self, id: &str) -> Instance<u64> {
        self.client.instance(PROCESS_SUBMISSION, id)
    }

    fn retry_after(&self) -> Duration {
        self.retry_after
    }

    async fn find(&self, id: &str) -> Result<Job, ApiError> {
        find(&self.client, id, &self.caller, self.retry_after).await
    }

    async fn job(instance: &Instance<u64>, status: Status<u64>) -> Job {
        healed(instance, status).await
    }

    /// The activity of a cancelled job would notice it by itself, about a second later.
    fn stop(&self, id: &str) {
        running::stop(id);
    }
}
