//! A session: the list of its jobs, or that none has started yet.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{StatusAnswer, View, html, job::JobView};

/// A page of the jobs of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionJobs, description = "Jobs of a session, newest first. `nextLink` is there when more may follow.")]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    #[schema(max_items = 100)]
    pub(crate) value: Vec<JobView>,
    /// The address of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(crate) next_link: Option<String>,
}

/// How far a session has come that is not told by its jobs.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionState, description = "A session that is known.")]
pub(crate) struct StateView {
    status: SessionStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(
    description = "`NotStarted`: no job of the session has started. `Started`: a message of the session has come in."
)]
pub(crate) enum SessionStatus {
    NotStarted,
    Started,
}

/// What people are told of a session in which no job has started.
const NOT_STARTED: &str = "No job of this session has started yet.";

/// A session with this status, as JSON. `address` is where to ask again.
pub(crate) fn state(code: StatusCode, status: SessionStatus, address: &str) -> Response {
    let response = (code, Json(StateView { status })).into_response();
    with_location(response, address)
}

/// 202: the session is known, and none of its jobs has started. `retry_after` in seconds.
pub(crate) fn not_started(address: &str, retry_after: u64) -> Response {
    let body = Json(StateView {
        status: SessionStatus::NotStarted,
    });
    accepted(body.into_response(), address, retry_after)
}

/// The same in the view that the request asks for.
pub(crate) fn not_started_in(answer: StatusAnswer, address: &str, retry_after: u64) -> Response {
    let body = match answer.view() {
        View::Job | View::Minimal | View::IdStatusResult => {
            return not_started(address, retry_after);
        }
        View::Text => {
            format!("{NOT_STARTED} To check the status later, go to: GET {address}").into_response()
        }
        View::Html => html::not_started(NOT_STARTED, retry_after),
    };
    accepted(body, address, retry_after)
}

fn accepted(mut body: Response, address: &str, retry_after: u64) -> Response {
    *body.status_mut() = StatusCode::ACCEPTED;
    body.headers_mut()
        .insert(header::RETRY_AFTER, retry_after.into());
    with_location(body, address)
}

fn with_location(mut response: Response, address: &str) -> Response {
    // An address of ours is a header value: the session id is percent-encoded in it.
    if let Ok(address) = HeaderValue::from_str(address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    response
}
