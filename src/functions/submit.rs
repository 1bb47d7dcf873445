//! `submit`: checks a request for a job and starts it.
//!
//! `GET` and `POST /api/submit/query?s=2021-01-01&e=2021-01-31`, and `POST /api/submit` with the JSON body
//! `{"start":"2021-01-01","end":"2021-01-31"}`. Both bounds are included. An accepted job is answered with 202, the
//! headers `Location`, `Operation-Location` and `Retry-After`, and `{"id":"…","statusUri":"…"}`, unless a profile is set.
//!
//! With `Prefer: wait=n` or `?wait=n` the answer waits for the job. When it ends in time, the answer is that of its status,
//! 200; otherwise it is the one above. Azure's guideline wants 202 also then. A client that waits has asked for the result,
//! and would have to send a second request for what is known.
//!
//! Invariant: nothing is started by a request that is refused, nor by one that finds its job by its key. Where the
//! connection to the host broke, and it is not known whether the job was started, the answer says so.

mod accepted;
pub(super) mod body;
mod key;
pub(super) mod range;
mod site;

use axum::{
    body::Bytes,
    http::{Method, StatusCode, header},
    response::Response,
};
use durable_functions::{ClientRejection, DurableClient};
use functions_handler::{Params, ParamsRejection};
use job_api::{ApiError, wait::Wait};
use serde::Deserialize;

use crate::{
    api::{ApiRequest, views::StatusAnswer},
    counters::{Entered, STARTS_IN_FLIGHT},
    dates::DateRange,
    functions::process_submission::JobInput,
    jobs::{self, CallerJobs},
};
pub(crate) use accepted::Accepted;

use accepted::{accepted, add_operation_location};
use range::{Bounds, Refusal};

/// The route parameters: `submit/{kind?}`.
#[derive(Debug, Deserialize)]
pub struct Route {
    kind: Option<String>,
}

/// Answers one request.
pub async fn submit(
    request: ApiRequest,
    route: Result<Params<Route>, ParamsRejection>,
    client: Result<DurableClient, ClientRejection>,
    body: Bytes,
) -> Response {
    let outcome = start(&request, route, client, &body).await;
    request.answer(outcome)
}

async fn start(
    request: &ApiRequest,
    route: Result<Params<Route>, ParamsRejection>,
    client: Result<DurableClient, ClientRejection>,
    body: &[u8],
) -> Result<Response, ApiError> {
    let Params(Route { kind }) = route?;
    let client = client?;
    let range = check(request, kind.as_deref(), body)?;
    let wait = Wait::of(request)?;
    // Before the start: a request that is refused starts nothing.
    let view = match wait.is_wanted() {
        true => Some(StatusAnswer::of(request)?),
        false => None,
    };
    let identity = key::read(request.headers())?;
    let mut input = JobInput::new(range, request.settings().jobs.timeout);
    input.owner = request.caller().owner().cloned();
    let retry_after = request.settings().status.retry_after;
    // Not held for longer than the start: a client that then waits for its job takes no place.
    let place = place(request)?;
    let id = jobs::start(&client, &input, &identity, request.links(), retry_after).await?;
    drop(place);
    let ended = wait
        .ended(request, &CallerJobs::new(request, client), &id)
        .await;
    let mut response = match view.zip(ended) {
        Some((view, job)) => {
            let mut response = view.response(request, job, retry_after);
            add_operation_location(request, &id, response.headers_mut());
            response
        }
        None => accepted(request, &id),
    };
    let status = response.status();
    wait.told(status, response.headers_mut());
    Ok(response)
}

/// A place among the starts in flight. Two that come for the last place at the same moment may both be refused.
fn place(request: &ApiRequest) -> Result<Entered, ApiError> {
    let place = STARTS_IN_FLIGHT.enter();
    let max = request.settings().submit.max_in_flight.map(u64::from);
    if max.is_none_or(|max| STARTS_IN_FLIGHT.get() <= max) {
        return Ok(place);
    }
    let text = "Too many jobs are being started at the moment. Try again later.";
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManySubmissions", text);
    let retry_after = request.settings().status.retry_after.as_secs();
    Err(error.with_header(header::RETRY_AFTER, retry_after))
}

/// The range that a request asks for, or why it is refused.
fn check(request: &ApiRequest, kind: Option<&str>, body: &[u8]) -> Result<DateRange, Refusal> {
    if body.len() > body::MAX_BYTES {
        return Err(Refusal::TooLarge);
    }
    let is_query = kind.map(|kind| kind.eq_ignore_ascii_case("query"));
    if is_query == Some(false) {
        return Err(Refusal::UnknownKind);
    }
    if request.method() == Method::POST {
        site::check(request.headers(), is_query.is_none())?;
    } else if is_query.is_none() {
        return Err(Refusal::PostOnly);
    } else if !request.settings().submit.by_get {
        return Err(Refusal::ByGet);
    }
    let bounds = match is_query {
        Some(_) => Bounds::from_query(request.query()),
        None => body::read(body)?,
    };
    bounds.check(&request.settings().into())
}

#[cfg(test)]
mod tests;
