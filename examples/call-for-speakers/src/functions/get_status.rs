//! `get-status`: how far a submission is, and its withdrawal. `GET` and `DELETE /api/status/{id}`.
//!
//! `view=text` is the default, for browsers it is the page; `view=job` and `view=minimal` are JSON. All that the module
//! `status` of `job-api` says holds: 202 until the submission has ended, `ETag`, `wait`, `DELETE`.

use axum::response::Response;
use job_api::{ApiRequest, JobTarget, status};

use crate::api::Submissions;

/// Below the route prefix of host.json.
pub(crate) const ROUTE: &str = "status/{id}";

/// Answers one request.
pub async fn get_status(request: ApiRequest, target: JobTarget) -> Response {
    let submissions = |client| Submissions::new(client, request.api());
    request.answer(status::answer(&request, target, submissions).await)
}
