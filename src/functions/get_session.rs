//! `get-session`: the jobs that messages of a session started.
//!
//! `GET /api/sessions/{sessionId}` answers with `{"value":[…],"nextLink":"…"}`: job views, newest first.
//!
//! - `maxpagesize`, 1 to 100, is the most that a page has. `nextLink` is the address of the next page. It has the
//!   parameters of this list only, so a client adds its key again.
//! - A page is filled up with older jobs when entries are left out of it: those not started yet, expired or forgotten
//!   (src/jobs/of_session.rs). One request looks at 200 entries at most. So a page may be short, or empty, and still have a
//!   `nextLink`.
//! - Without any job the answer is 202 and `{"status":"NotStarted"}` if one may still start, else 410 if one has expired,
//!   else 404, as for a session that was never seen.
//!
//! Invariant: what a client may not see in [`get-status`](super::get_status), it does not see here.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use durable_functions::{ClientRejection, DurableClient};
use job_api::ApiError;

use crate::{
    api::{
        ApiRequest, SessionTarget,
        links::SessionLinks,
        paging::Paging,
        views::{
            job::JobView,
            session::{SessionView, not_started},
        },
    },
    counters::STATUS_REQUESTS,
    jobs::{error_of, of_session::JobsOfSession},
};

/// Answers one request.
pub async fn get_session(
    request: ApiRequest,
    target: SessionTarget,
    client: Result<DurableClient, ClientRejection>,
) -> Response {
    let outcome = session(&request, target, client).await;
    request.answer(outcome)
}

async fn session(
    request: &ApiRequest,
    target: SessionTarget,
    client: Result<DurableClient, ClientRejection>,
) -> Result<Response, ApiError> {
    let (id, sessions) = target.read()?;
    let client = client?;
    STATUS_REQUESTS.increment();
    let paging = Paging::of(request)?;
    let session = JobsOfSession::new(request, &client, &sessions, &id);
    let listed = session.list(paging.after.clone(), paging.size()).await?;
    let is_first = paging.after.is_none();
    if listed.jobs.is_empty() && listed.next.is_none() && is_first {
        let retry_after = request.settings().status.retry_after.as_secs();
        return match listed.otherwise.error() {
            Some(error) => Err(error),
            None => Ok(not_started(&request.links().session(&id), retry_after)),
        };
    }
    let next = listed.next.map(|last| paging.query_after(&last));
    let page = SessionView {
        value: listed
            .jobs
            .into_iter()
            .map(|job| JobView::new(job, error_of))
            .collect(),
        next_link: next.map(|query| format!("{}?{query}", request.links().session(&id))),
    };
    Ok(Json(page).into_response())
}
