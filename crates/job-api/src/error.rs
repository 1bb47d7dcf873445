//! The errors of the HTTP functions, in the form that a client asks for, and the code of the error in the header
//! `x-ms-error-code`.
//!
//! Invariant: the texts are written in the code. What a host, a task hub or another service said belongs in the log.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::ClientRejection;
use functions_handler::ParamsRejection;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    ApiRequest, ErrorsOf,
    accept::Accept,
    views::{View, html},
};

/// The code of an error, as the guidelines for Azure's REST APIs ask for it.
pub const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";
/// The parameter of `application/json` that asks for [`ErrorForm::Object`].
const OBJECT: (&str, &str) = ("error", "object");

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    /// Members beside the message that tell a program more, such as `maxSpanDays`.
    members: Map<String, Value>,
    /// Boxed, so that a `Result` with this error stays small.
    headers: Box<HeaderMap>,
}

/// The body of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorForm {
    /// `{"error":"…"}`, the default.
    Text,
    /// RFC 9457: `Accept: application/problem+json`.
    Problem,
    /// `{"error":{"code","message"}}`, as the guidelines for Azure's REST APIs have it: at `/operations`, and with
    /// `Accept: application/json;error=object`.
    Object,
    /// The message alone, as plain text: where the answer would be plain text too.
    Plain,
    /// The page of an error: where the answer would be a page too.
    Page,
}

impl ErrorForm {
    /// The form that a request asks for.
    #[must_use]
    pub fn of(request: &ApiRequest, status: StatusCode) -> Self {
        let accept = Accept::of(request.headers());
        let json = accept.quality(JSON);
        // A client that takes both has named one that a server without it would not give.
        let wanted = |quality: Option<u16>| quality.filter(|quality| *quality > 0);
        let problem = wanted(accept.named(PROBLEM, None));
        let object = wanted(accept.named(JSON, Some(OBJECT)));
        match (problem, object) {
            (Some(problem), object) if problem >= json.max(object.unwrap_or(0)) => Self::Problem,
            (_, Some(object)) if object >= json => Self::Object,
            _ => Self::of_route(request, status),
        }
    }

    fn of_route(request: &ApiRequest, status: StatusCode) -> Self {
        match request.route().errors {
            ErrorsOf::Operation => return Self::Object,
            ErrorsOf::Other => return Self::Text,
            ErrorsOf::Status => {}
        }
        match View::of(request) {
            Ok(View::Text) => Self::Plain,
            Ok(View::Html) => Self::Page,
            // The API behind this view has a text here, and objects for its other errors.
            Ok(View::IdStatusResult) if status == StatusCode::NOT_FOUND => Self::Plain,
            Ok(View::IdStatusResult | View::Job | View::Minimal) | Err(_) => Self::Text,
        }
    }
}

impl ApiError {
    /// `code` is one word for programs, in the form `InvalidDate`; it never changes. `message` is for people.
    #[must_use]
    pub fn new(
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
    #[must_use]
    pub fn job_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "JobNotFound", "Job not found")
    }

    /// The host or its task hub does not answer at the moment. `retry_after` in seconds.
    #[must_use]
    pub fn unavailable(message: &'static str, retry_after: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", message)
            .with_header(header::RETRY_AFTER, retry_after)
    }

    /// The route does not have this method. `allowed` are those that it has, as in the header `Allow`.
    #[must_use]
    pub fn method_not_allowed(allowed: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
            .with_header(header::ALLOW, HeaderValue::from_static(allowed))
    }

    /// The app or the host makes a mistake. The log says which.
    fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal",
            "Internal server error.",
        )
    }

    /// Whether no job has the id.
    #[must_use]
    pub fn is_job_not_found(&self) -> bool {
        self.code == Self::job_not_found().code
    }

    /// Whether the job was removed after its time.
    #[must_use]
    pub fn is_job_expired(&self) -> bool {
        self.status == StatusCode::GONE
    }

    /// Says the same in other words.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Adds a member beside the message.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// The response in the form that the request asks for.
    #[must_use]
    pub fn response(self, request: &ApiRequest) -> Response {
        let form = ErrorForm::of(request, self.status);
        let id = request.invocation_id();
        self.in_form(form, id.map(|id| format!("urn:uuid:{id}")))
    }

    /// `instance` is the URI of this one occurrence, for RFC 9457.
    fn in_form(self, form: ErrorForm, instance: Option<String>) -> Response {
        let Self {
            status,
            code,
            message,
            members,
            headers,
        } = self;
        let code_header = [(ERROR_CODE, HeaderValue::from_static(code))];
        let body = match form {
            ErrorForm::Text => Json(TextBody {
                error: message,
                members,
            })
            .into_response(),
            ErrorForm::Object => Json(ObjectBody {
                error: Object {
                    code,
                    message,
                    members,
                },
            })
            .into_response(),
            ErrorForm::Problem => {
                let problem = Problem {
                    r#type: "about:blank",
                    title: status.canonical_reason().unwrap_or_default(),
                    status: status.as_u16(),
                    detail: message,
                    instance,
                    code,
                    members,
                };
                ([(header::CONTENT_TYPE, PROBLEM)], Json(problem)).into_response()
            }
            // axum's content type of a text is `text/plain; charset=utf-8`. The text may repeat what the client sent.
            ErrorForm::Plain => (
                [(header::X_CONTENT_TYPE_OPTIONS, "nosniff")],
                message.into_owned(),
            )
                .into_response(),
            ErrorForm::Page => {
                let refresh = headers.get(header::RETRY_AFTER);
                let refresh = refresh.and_then(|value| value.to_str().ok()?.parse().ok());
                html::error(status, code, &message, refresh)
            }
        };
        (status, *headers, code_header, body).into_response()
    }
}

/// The body in the form `{"error":"…"}`. The members are in this order, as in all that follow.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErrorText, description = "Why a request is not done. Some errors have members beside it.")]
pub struct TextBody {
    error: Cow<'static, str>,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

/// The body in the form `{"error":{"code","message"}}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErrorObject, description = "Why a request is not done, as Azure's guidelines for REST APIs have it.")]
pub struct ObjectBody {
    error: Object,
}

/// The member `error` of [`ObjectBody`].
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErrorDetails, description = "`code` is for programs, `message` for people. Some errors have more members.")]
pub struct Object {
    code: &'static str,
    message: Cow<'static, str>,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

/// The body in the form of RFC 9457. `type` is `about:blank`, because the status and `code` say all that a page about the type could.
#[derive(Debug, Serialize, ToSchema)]
#[schema(
    description = "Why a request is not done, as RFC 9457 has it. Some errors have more members."
)]
pub struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    instance: Option<String>,
    code: &'static str,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

/// For tests of what makes an error. An answer has the form that its request asks for.
#[cfg(test)]
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.in_form(ErrorForm::Text, None)
    }
}

impl From<ParamsRejection> for ApiError {
    fn from(rejection: ParamsRejection) -> Self {
        if rejection.status().is_client_error() {
            return Self::new(
                rejection.status(),
                "InvalidParameter",
                rejection.to_string(),
            );
        }
        tracing::error!("{rejection}");
        Self::internal()
    }
}

impl From<ClientRejection> for ApiError {
    fn from(rejection: ClientRejection) -> Self {
        tracing::error!("{rejection}");
        Self::internal()
    }
}

#[cfg(test)]
mod tests;
