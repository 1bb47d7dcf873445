//! The function for the status of a job.
//!
//! `GET` answers in the view that the request asks for: 202 with `Location` and `Retry-After` until the job has ended, then
//! 200; 404 for an id that is no job's. It may be held back, and be 304, as [`wait`] says.
//!
//! `DELETE` cancels the job and answers in the same view: 200 when it is cancelled, by this request or before; 202 when
//! the task hub has accepted it and the job has not ended yet; 409 when the job had ended otherwise.
//!
//! Invariant: no input, history, key, management URL or internal text is ever in an answer.

use axum::{http::Method, response::Response};
use durable_functions::DurableClient;

use crate::{
    ApiError, ApiRequest, Job, JobTarget,
    jobs::{self, Jobs},
    retry_after::retry_after,
    views::StatusAnswer,
    wait,
};

/// The outcome of one request, for [`ApiRequest::answer`]. `jobs` makes the jobs that its client may see.
///
/// # Errors
/// 400 for a parameter that is malformed; those of [`Jobs::find`].
pub async fn answer<J: Jobs>(
    request: &ApiRequest,
    target: JobTarget,
    jobs: impl FnOnce(DurableClient) -> J,
) -> Result<Response, ApiError> {
    let (id, client) = target.read()?;
    let answer = StatusAnswer::of(request)?;
    let jobs = jobs(client);
    let render = |job| response(request, answer, job);
    let outcome = if request.method() == Method::DELETE {
        let cancelled = jobs::cancel(&jobs, &id).await;
        cancelled.map(|cancellation| cancellation.response(render))
    } else {
        wait::answer(request, &jobs, &id, render).await
    };
    outcome.map_err(|error| answer.error(error, &id))
}

/// The answer for a job as it is now.
pub fn response(request: &ApiRequest, answer: StatusAnswer, job: Job) -> Response {
    let retry_after = retry_after(request, &job);
    answer.response(request, job, retry_after)
}
