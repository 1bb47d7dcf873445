//! The JSON bodies of requests.
//!
//! Invariant: nothing of a body is in an error. It may hold the e-mail address of a speaker.

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use job_api::ApiError;
use serde::de::DeserializeOwned;

/// The largest body in bytes: ten times the size of a long submission.
const MOST_BYTES: usize = 64 << 10;

/// The JSON body of a request.
pub(crate) fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<T, ApiError> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = content_type.split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    // A page of another site can send any other type without being asked.
    if !essence.eq_ignore_ascii_case(b"application/json") {
        let text = "The body must be JSON. Send it with Content-Type: application/json.";
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "NotJson",
            text,
        ));
    }
    if body.len() > MOST_BYTES {
        let text = format!("The body is too large. It may have {MOST_BYTES} bytes.");
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "TooLarge",
            text,
        ));
    }
    if body.trim_ascii().is_empty() {
        // A host takes a body without a length for an empty one.
        let text = "The body is empty. Send JSON with a Content-Length.";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "EmptyBody", text));
    }
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = match error.is_data() {
            true => {
                format!("The JSON is not of the expected form, at line {line} column {column}.")
            }
            false => format!("The body is not JSON: line {line} column {column}."),
        };
        ApiError::new(StatusCode::BAD_REQUEST, "InvalidJson", text)
    })
}
