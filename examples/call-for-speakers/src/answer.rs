//! What the HTTP functions share: the addresses in their answers, and their errors.
//!
//! Invariant: the texts are ours. What the host or the task hub said belongs in the log.

use axum::{
    Json,
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use functions_handler::OriginalUrl;
use job_api::{
    JobError,
    links::{Addressed, Links},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{functions::process_submission::INVALID_SUBMISSION, settings::Settings};

/// What the original says of every submission, in seconds.
pub(crate) const RETRY_AFTER: u64 = 20;

/// The largest body in bytes: ten times the size of a long submission.
const MOST_BYTES: usize = 64 << 10;

const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

/// The addresses for the client of a request by `route`, whose segments are all there.
pub(crate) fn links(
    settings: &Settings,
    url: &OriginalUrl,
    headers: &HeaderMap,
    route: &str,
) -> Links {
    let path = url.path_and_query().split(['?', '#']).next();
    let request = Addressed {
        origin: url.origin(),
        path: path.unwrap_or_default(),
        headers,
        own_segments: route.split('/').count(),
    };
    Links::new(&settings.http, request)
}

/// Why a request is not done.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    members: Map<String, Value>,
    retry_after: Option<u64>,
}

impl ApiError {
    /// `code` is one word for programs, which never changes. `message` is for people.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            members: Map::new(),
            retry_after: None,
        }
    }

    /// No submission has the id.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "JobNotFound", "Job not found")
    }

    /// The task hub does not answer at the moment.
    pub(crate) fn unavailable(message: &str) -> Self {
        let code = "Unavailable";
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        error.retry_after = Some(RETRY_AFTER);
        error
    }

    /// Adds a member beside the message.
    pub(crate) fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// The answer in the words of the text view.
    pub(crate) fn in_words(self, message: String) -> Response {
        let mut response = (self.status, message).into_response();
        self.add_headers(response.headers_mut());
        response
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        headers.insert(ERROR_CODE, HeaderValue::from_static(self.code));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(mut self) -> Response {
        let mut members = std::mem::take(&mut self.members);
        members.insert("error".to_owned(), Value::from(self.message.as_str()));
        let mut response = (self.status, Json(members)).into_response();
        self.add_headers(response.headers_mut());
        response
    }
}

/// The answer of a function, with the headers that each has.
pub(crate) fn finish(outcome: Result<Response, ApiError>) -> Response {
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // An answer may hold texts of clients. No browser is to guess that they are HTML.
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

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

/// What clients are told of a submission that has failed.
pub(crate) fn error_of(output: Option<&str>) -> JobError {
    let code = output.and_then(|text| text.split_once(": "));
    let (code, message) = match code {
        Some((INVALID_SUBMISSION, _)) => (INVALID_SUBMISSION, "The submission is not complete."),
        _ => ("Internal", "The submission failed with an internal error."),
    };
    JobError {
        code,
        message: message.to_owned(),
    }
}
