//! `get-latest-job`: the status of the newest job of a session, so that a page polls one address.
//!
//! `GET /api/sessions/{sessionId}/latest` answers as `status/{id}` of that job, in all views, with `wait`, `ETag` and 304.
//! Before a job has started it is 202 and `{"status":"NotStarted"}`. A client that waits is held back until one starts, and
//! for the rest of its wait by the job. The errors are those of [`get-session`](super::get_session).
//!
//! Invariant: what a client may not see in [`get-status`](super::get_status), it does not see here.

use axum::response::Response;
use durable_functions::{ClientRejection, DurableClient};
use job_api::{ApiError, etag::Tagged, status, wait::Wait};

use crate::{
    api::{
        ApiRequest, SessionTarget,
        links::SessionLinks,
        views::{StatusAnswer, session},
    },
    counters::STATUS_REQUESTS,
    jobs::{CallerJobs, of_session::JobsOfSession},
};

/// Answers one request.
pub async fn get_latest_job(
    request: ApiRequest,
    target: SessionTarget,
    client: Result<DurableClient, ClientRejection>,
) -> Response {
    let outcome = latest(&request, target, client).await;
    request.answer(outcome)
}

async fn latest(
    request: &ApiRequest,
    target: SessionTarget,
    client: Result<DurableClient, ClientRejection>,
) -> Result<Response, ApiError> {
    let (id, sessions) = target.read()?;
    let client = client?;
    let answer = StatusAnswer::of(request)?;
    let mut wait = Wait::of(request)?;
    STATUS_REQUESTS.increment();
    let of_session = JobsOfSession::new(request, &client, &sessions, &id);
    let mut found = of_session.newest().await?;
    let mut begun = false;
    while found.is_none() && wait.pause(request).await {
        // A store that is away for a moment does not end a wait.
        found = of_session.newest().await.ok().flatten();
        begun = found.is_some();
    }
    let Some(job) = found else {
        let retry_after = request.settings().status.retry_after.as_secs();
        let address = request.links().latest_job(&id);
        let response = Tagged::new(session::not_started_in(answer, &address, retry_after));
        return Ok(wait.tagged(request, response.await));
    };
    // The start is a change.
    if begun && wait.is_for_change() {
        wait.end();
    }
    let render = |job| status::response(request, answer, job);
    let jobs = CallerJobs::new(request, client);
    Ok(wait.answer_with(request, &jobs, job, render).await)
}
