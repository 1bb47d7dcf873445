//! `submit`: checks a request for a job and starts it.
//!
//! `GET` and `POST /api/submit/query?s=2021-01-01&e=2021-01-31`, and `POST /api/submit` with the JSON body
//! `{"start":"2021-01-01","end":"2021-01-31"}`. Both bounds are included. An accepted job is answered with 202, the
//! header `Location`, the header `Retry-After` and `{"id":"…","statusUri":"…"}`; a refused one with 400 and
//! `{"error":"…"}`, or with 413 when its body has more than 64 KiB. Invariant: nothing is started unless the answer is
//! 202 or 500 with `Location`. The latter means that the connection to the host broke, and that it is not known whether
//! the job was started.

mod body;
mod range;

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::{ClientError, DurableClient};
use functions_handler::{OriginalUrl, Params};
use serde::{Deserialize, Serialize};

use super::{error, process_submission::PROCESS_SUBMISSION};
use crate::{dates::DateRange, settings::Settings, status_url::status_url};
use range::{Bounds, Refusal};

/// The route parameters: `submit/{kind?}`.
#[derive(Debug, Deserialize)]
pub struct Route {
    kind: Option<String>,
}

/// The answer to an accepted request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    id: &'a str,
    status_uri: &'a str,
}

/// Answers one request.
#[allow(clippy::too_many_arguments)] // One argument for each part of the request, as axum's handlers have it.
pub async fn submit(
    State(settings): State<Arc<Settings>>,
    Params(route): Params<Route>,
    method: Method,
    url: OriginalUrl,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    client: DurableClient,
    body: Bytes,
) -> Response {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.as_bytes());
    let checked = check(
        &method,
        route.kind.as_deref(),
        query.as_deref().unwrap_or_default(),
        content_type,
        &body,
        settings.max_span_days,
    );
    let range = match checked {
        Ok(range) => range,
        Err(refusal) => return refusal.into_response(),
    };
    let address = |id: &str| {
        let path = url.path_and_query().split('?').next().unwrap_or_default();
        let own_segments = 1 + usize::from(route.kind.is_some());
        let base = settings.public_base_url.as_deref();
        status_url(base, url.origin(), path, own_segments, id)
    };
    let instance = match client.start(PROCESS_SUBMISSION, &range).await {
        Ok(instance) => instance,
        Err(ClientError::StartUnknown { id, message, .. }) => {
            tracing::error!(id, "job perhaps started: {message}");
            return perhaps_started(&settings, &address(&id));
        }
        Err(reason) => {
            tracing::error!("job not started: {reason}");
            let retry_after = [(
                header::RETRY_AFTER,
                settings.retry_after.as_secs().to_string(),
            )];
            let text = "The job could not be started. Try again later.";
            return (retry_after, error(StatusCode::SERVICE_UNAVAILABLE, text)).into_response();
        }
    };
    tracing::info!(id = instance.id(), start = %range.start(), end = %range.end(), "job started");
    accepted(&settings, instance.id(), &address(instance.id()))
}

/// The answer when the job may have been started. 503 would say that it was not, and a client that tries again could
/// start a second job.
fn perhaps_started(settings: &Settings, status_uri: &str) -> Response {
    let headers = [
        (header::LOCATION, status_uri.to_owned()),
        (
            header::RETRY_AFTER,
            settings.retry_after.as_secs().to_string(),
        ),
    ];
    let text = "It is not known whether the job was started. Its address, in the header Location, answers 404 if it \
                was not.";
    (headers, error(StatusCode::INTERNAL_SERVER_ERROR, text)).into_response()
}

fn accepted(settings: &Settings, id: &str, status_uri: &str) -> Response {
    let headers = [
        (header::LOCATION, status_uri.to_owned()),
        (
            header::RETRY_AFTER,
            settings.retry_after.as_secs().to_string(),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (
        StatusCode::ACCEPTED,
        headers,
        Json(Accepted { id, status_uri }),
    )
        .into_response()
}

/// The range that a request asks for, or why it is refused.
fn check(
    method: &Method,
    kind: Option<&str>,
    query: &str,
    content_type: Option<&[u8]>,
    body: &[u8],
    max_span_days: u32,
) -> Result<DateRange, Refusal> {
    if body.len() > body::MAX_BYTES {
        return Err(Refusal::TooLarge);
    }
    let bounds = match kind {
        Some(kind) if kind.eq_ignore_ascii_case("query") => Bounds::from_query(query),
        Some(_) => return Err(Refusal::UnknownKind),
        None if method == Method::POST => body::read(content_type, body)?,
        None => return Err(Refusal::PostOnly),
    };
    bounds.check(max_span_days)
}

#[cfg(test)]
mod tests;
