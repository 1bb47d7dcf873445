//! The answer to an accepted request: where the job is, and when to ask for it.

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{api::ApiRequest, settings::CompatProfile};

/// The address of the status monitor, beside `Location`, as Azure's long-running operations have it.
const OPERATION_LOCATION: HeaderName = HeaderName::from_static("operation-location");

/// The body of the answer.
#[derive(Serialize, ToSchema)]
#[schema(description = "An accepted job, and the address of its status.")]
#[serde(rename_all = "camelCase")]
pub(crate) struct Accepted<'a> {
    id: &'a str,
    status_uri: &'a str,
}

/// The body under the profile `date-range-query`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusUri<'a> {
    status_uri: &'a str,
}

/// Adds the address of the status monitor to the answer of a request that waited for the end of its job.
pub(super) fn add_operation_location(request: &ApiRequest, id: &str, headers: &mut HeaderMap) {
    // An address is made of ASCII characters only.
    if let Ok(monitor) = HeaderValue::try_from(request.links().operation(id)) {
        headers.insert(OPERATION_LOCATION, monitor);
    }
}

/// The answer to the request that started the job, or that found it by its key. Under a profile, status code and body
/// are those of the published API. It has the headers in every case, which clients of the published one do not read.
pub(super) fn accepted(request: &ApiRequest, id: &str) -> Response {
    let status_uri = &request.links().status(id);
    let profile = request.settings().profile;
    let longest = request.settings().status.retry_after;
    let retry_after = profile.retry_after().unwrap_or(longest);
    let headers = [
        (header::LOCATION, status_uri.clone()),
        (OPERATION_LOCATION, request.links().operation(id)),
        (header::RETRY_AFTER, retry_after.as_secs().to_string()),
    ];
    match profile {
        CompatProfile::DateRangeQuery => {
            (StatusCode::OK, headers, Json(StatusUri { status_uri })).into_response()
        }
        CompatProfile::CallForSpeakers => {
            let text = format!(
                "Your submission has been received. To get the status, go to: {status_uri}"
            );
            (StatusCode::ACCEPTED, headers, text).into_response()
        }
        CompatProfile::ApiManagement | CompatProfile::None => (
            StatusCode::ACCEPTED,
            headers,
            Json(Accepted { id, status_uri }),
        )
            .into_response(),
    }
}
