//! `register-session`: makes a session known before any message of it comes in.
//!
//! `PUT /api/sessions/{sessionId}`, without a body, answers 201 for a new session and 200 for one that is known. Who looks
//! the session up is then told that nothing has started yet, and not that the session was never seen. A session that
//! becomes known by its first message needs no registration.
//!
//! The session belongs to the caller, if there is one, and with it the jobs that its messages start: a message has no
//! caller. To register it again changes neither owner nor creation. That of somebody else is answered with 404.

use std::time::SystemTime;

use axum::{http::StatusCode, response::Response};
use job_api::ApiError;

use crate::{
    api::{
        ApiRequest, SessionTarget,
        links::SessionLinks,
        session_target::{session_not_found, store_failed},
        views::session::{SessionStatus, state},
    },
    sessions::Expiry,
};

/// Answers one request.
pub async fn register_session(request: ApiRequest, target: SessionTarget) -> Response {
    let outcome = register(&request, target).await;
    request.answer(outcome)
}

async fn register(request: &ApiRequest, target: SessionTarget) -> Result<Response, ApiError> {
    let (id, sessions) = target.read_new()?;
    let retry_after = request.settings().status.retry_after.as_secs();
    let now = SystemTime::now();
    let expiry = Expiry::of_new(&request.settings().jobs, now, now);
    let (store, key) = (sessions.store(), id.key());
    let registered = store.register(&key, request.caller().owner(), expiry).await;
    let registered = registered.map_err(|reason| store_failed(&reason, retry_after))?;
    if !request.caller().may_see(registered.owner.as_ref()) {
        return Err(session_not_found());
    }
    let address = request.links().session(&id);
    if registered.is_new {
        return Ok(state(
            StatusCode::CREATED,
            SessionStatus::NotStarted,
            &address,
        ));
    }
    let page = store.page(&key, None, 1).await;
    let page = page.map_err(|reason| store_failed(&reason, retry_after))?;
    let status = match page.is_some_and(|page| !page.jobs.is_empty()) {
        true => SessionStatus::Started,
        false => SessionStatus::NotStarted,
    };
    Ok(state(StatusCode::OK, status, &address))
}
