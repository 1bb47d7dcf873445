//! `get-operation`: a job as a long-running operation, in the form that Azure's clients know.
//!
//! `GET /api/operations/{id}` answers with the status monitor, `{"id","status",…}`: always 200 for a job, and with
//! `Retry-After` until it has ended. `POST /api/operations/{id}:cancel` cancels the job and answers with the monitor:
//! 200 when the job is cancelled or will be, 409 when it had ended otherwise. `wait` and `If-None-Match` work as
//! at `status/{id}`.
//!
//! Invariant: what a client may not see in [`get-status`](super::get_status), it does not see here.

use axum::{http::Method, response::Response};
use job_api::{ApiError, Job, JobTarget, jobs::cancel, retry_after::retry_after, wait};

use crate::{
    api::{ApiRequest, views},
    jobs::CallerJobs,
};

/// What follows the id in the path of a cancellation. A colon is in no id of a job.
const CANCEL: &str = ":cancel";

/// Answers one request.
pub async fn get_operation(request: ApiRequest, target: JobTarget) -> Response {
    let outcome = operation(&request, target).await;
    request.answer(outcome)
}

async fn operation(request: &ApiRequest, target: JobTarget) -> Result<Response, ApiError> {
    let (id, client) = target.read()?;
    let jobs = CallerJobs::new(request, client);
    if request.method() == Method::POST {
        let Some(id) = id.strip_suffix(CANCEL) else {
            return Err(ApiError::method_not_allowed(
                "GET",
                "Method not allowed. Use GET, or POST with :cancel after the id.",
            ));
        };
        let cancelled = cancel(&jobs, id).await?;
        return Ok(cancelled.response(|job| response(request, job)));
    }
    wait::answer(request, &jobs, &id, |job| response(request, job)).await
}

fn response(request: &ApiRequest, job: Job) -> Response {
    let retry_after = retry_after(request, &job);
    views::operation(job, retry_after)
}
