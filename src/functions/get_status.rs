//! `get-status`: the state of a job, as far as clients may see it.
//!
//! `GET /api/status/{id}` answers with `{"id","status","result","customStatus","createdTime","lastUpdatedTime"}`, and
//! `error` when the job has failed, or with another of the views in `job-api`: 202 with `Location` and
//! `Retry-After` until the job has ended, then 200; 404 for an id that is no job of this app.
//!
//! `?wait=n`, `Prefer: wait=n` and `If-None-Match` work as the module `wait` of `job-api` says.
//!
//! `DELETE` cancels the job and answers with the same body: 200 when it is cancelled, by this request or before; 202 when
//! the task hub has accepted it and the job has not ended yet; 409 when the job had ended otherwise.
//!
//! Invariant: no input, history, key, management URL or internal text is ever in an
//! answer.

use axum::response::Response;
use job_api::{JobTarget, status};

use crate::{api::ApiRequest, jobs::CallerJobs};

/// Answers one request.
pub async fn get_status(request: ApiRequest, target: JobTarget) -> Response {
    let jobs = |client| CallerJobs::new(&request, client);
    request.answer(status::answer(&request, target, jobs).await)
}

#[cfg(test)]
mod tests;
