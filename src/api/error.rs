//! The errors of the HTTP functions: `{"error":"…"}`, and the code of the error in the header `x-ms-error-code`.
//!
//! Invariant: the texts are ours. What the host, the task hub or the table said belongs in the log.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};

/// The code of an error, as the guidelines for Azure's REST APIs ask for it.
pub(crate) const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    /// Members beside the message that tell a program more, such as `maxSpanDays`.
    members: Map<String, Value>,
    /// Boxed, so that a `Result` with this error stays small.
    headers: Box<HeaderMap>,
}

impl ApiError {
    /// `code` is one word for programs, in the form `InvalidDate`; it never changes. `message` is for people.
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            members: Map::new(),
            headers: Box::default(),
        }
    }

    /// No job of this app has the id.
    pub(crate) fn job_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "JobNotFound", "Job not found")
    }

    /// The host does not answer at the moment. `retry_after` in seconds.
    pub(crate) fn unavailable(message: &'static str, retry_after: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", message)
            .with_header(header::RETRY_AFTER, retry_after)
    }

    /// Adds a member beside the message.
    pub(crate) fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the response.
    pub(crate) fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name, value.into());
        self
    }
}

/// The body of an error; its members are in this order.
#[derive(Serialize)]
struct Body {
    error: Cow<'static, str>,
    #[serde(flatten)]
    members: Map<String, Value>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body {
            error: self.message,
            members: self.members,
        };
        let code = [(ERROR_CODE, HeaderValue::from_static(self.code))];
        (self.status, *self.headers, code, Json(body)).into_response()
    }
}
