//! `submit`: checks a request for a job and starts it.
//!
//! `GET` and `POST /api/submit/query?s=2021-01-01&e=2021-01-31`, and `POST /api/submit` with the JSON body
//! `{"start":"2021-01-01","end":"2021-01-31"}`. Both bounds are included. An accepted job is answered with 202, the
//! header `Location`, the header `Retry-After` and `{"id":"…","statusUri":"…"}`; a refused one with 400 and
//! `{"error":"…"}`, or with 413 when its body has more than 64 KiB. Invariant: nothing is started unless the answer is
//! 202 or 500 with `Location`. The latter means that the connection to the host broke, and that it is not known whether
//! the job was started.

mod body;
mod key;
mod range;
mod site;

use axum::{
    Json,
    body::Bytes,
    http::{HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::DurableClient;
use functions_handler::Params;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{ApiRequest, error::ApiError},
    dates::DateRange,
    jobs,
};
use range::{Bounds, Refusal};

/// The address of the status monitor, beside `Location`, as Azure's long-running operations have it.
const OPERATION_LOCATION: HeaderName = HeaderName::from_static("operation-location");

/// The route parameters: `submit/{kind?}`.
#[derive(Debug, Deserialize)]
pub struct Route {
    kind: Option<String>,
}

/// The answer to an accepted request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Accepted<'a> {
    id: &'a str,
    status_uri: &'a str,
}

/// Answers one request.
pub async fn submit(
    request: ApiRequest,
    Params(route): Params<Route>,
    client: DurableClient,
    body: Bytes,
) -> Response {
    let outcome = start(&request, route.kind.as_deref(), &client, &body).await;
    request.answer(outcome)
}

async fn start(
    request: &ApiRequest,
    kind: Option<&str>,
    client: &DurableClient,
    body: &[u8],
) -> Result<Response, ApiError> {
    let range = check(request, kind, body)?;
    let identity = key::read(request.headers())?;
    let retry_after = request.settings().status.retry_after;
    let id = jobs::start(client, &range, &identity, request.links(), retry_after).await?;
    Ok(accepted(request, &id))
}

fn accepted(request: &ApiRequest, id: &str) -> Response {
    let status_uri = request.links().status(id);
    let retry_after = request.settings().status.retry_after.as_secs();
    let headers = [
        (header::LOCATION, status_uri.clone()),
        (OPERATION_LOCATION, request.links().operation(id)),
        (header::RETRY_AFTER, retry_after.to_string()),
    ];
    let body = Accepted {
        id,
        status_uri: &status_uri,
    };
    (StatusCode::ACCEPTED, headers, Json(body)).into_response()
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
