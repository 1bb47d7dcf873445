//! The output `res`, made of an axum response.

use axum::body::Bytes;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, Serializer};

use super::mending;
use crate::envelope::MAX_BODY;

/// The value of the http output: a status, headers with one value each, and the body as text.
///
/// The body is always a string. A JSON object would reach the client indented and as `text/plain`,
/// and its dates and numbers rewritten; JSON text in a string stays as it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpOutput {
    status_code: u16,
    #[serde(serialize_with = "as_object")]
    headers: Vec<(HeaderName, String)>,
    body: String,
}

/// Why a response cannot be sent through the host. For the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the status {0} is outside 200-599")]
    Status(u16),
    #[error(
        "the response body is not UTF-8, and the host carries only text here; send it as base64, or turn off compression"
    )]
    NotText,
    #[error("the response body is larger than {MAX_BODY} bytes")]
    TooLarge,
    #[error("the response body failed: {0}")]
    Body(axum::Error),
}

impl HttpOutput {
    /// Adds the headers that the response does not have.
    pub(crate) fn add_headers(&mut self, headers: Vec<(HeaderName, String)>) {
        for (name, value) in headers {
            if self.headers.iter().all(|(known, _)| *known != name) {
                self.headers.push((name, value));
            }
        }
    }

    /// A JSON answer of this crate's own.
    pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self {
            status_code: status.as_u16(),
            headers: vec![(header::CONTENT_TYPE, "application/json".to_owned())],
            body: body.to_string(),
        }
    }
}

/// Makes the output of a response: collects its body and mends what the host would not send as it
/// is. Each change is logged, with the name of the header but never its value.
pub(super) async fn mend(response: Response) -> Result<HttpOutput, Refusal> {
    let (parts, body) = response.into_parts();
    let status = parts.status;
    if !(200..=599).contains(&status.as_u16()) {
        return Err(Refusal::Status(status.as_u16()));
    }
    let bytes = Limited::new(body, MAX_BODY)
        .collect()
        .await
        .map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => Refusal::TooLarge,
            Err(error) => Refusal::Body(axum::Error::new(error)),
        })?;
    let body = mending::body(text(bytes.to_bytes())?);
    let headers = mending::headers(&parts.headers, body.len());
    Ok(HttpOutput {
        status_code: status.as_u16(),
        headers,
        body,
    })
}

fn text(bytes: Bytes) -> Result<String, Refusal> {
    // No copy when the bytes are the only handle on a vector, as those of `Json` and `String` are.
    String::from_utf8(Vec::from(bytes)).map_err(|_| Refusal::NotText)
}

fn as_object<S: Serializer>(
    headers: &[(HeaderName, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name.as_str(), value)))
}
