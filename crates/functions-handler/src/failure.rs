//! Invocations that cannot be run or that failed, and what the host sees of them.
//!
//! Invariant: the text of an error of the function reaches the log only, unless the error has a report.

use std::any::Any;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::envelope;
use crate::redaction::redacted;

/// An invocation that cannot be run or that failed. The host sees the status and fails the
/// invocation; the text is for a person who calls the handler by hand.
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) error: String,
    /// What only the log may tell.
    pub(crate) detail: Option<String>,
    /// What the host is to see, in place of status and text.
    pub(crate) report: Option<String>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
            detail: None,
            report: None,
        }
    }

    /// The function ended with an error or a panic.
    pub(crate) fn of_function(problem: String, report: Option<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error: "the function failed; the log says why".to_owned(),
            detail: Some(problem),
            report,
        }
    }

    /// Logs the failure; the answer to the host.
    pub(crate) fn answer(self, id: &str) -> Response {
        let Self {
            status,
            error,
            detail,
            report,
        } = self;
        let why = redacted(detail.as_deref().unwrap_or(&error));
        if let Some(report) = report {
            tracing::error!(id, "the invocation failed: {why}");
            return report_response(report);
        }
        tracing::error!(id, status = status.as_u16(), "the invocation failed: {why}");
        let body = json!({ "error": error, "id": id }).to_string();
        envelope::response(status, body.into_bytes())
    }
}

/// The answer whose whole body a host puts into the exception of the invocation. Any 2xx status and any
/// type but JSON do the same; the charset keeps a person's client from guessing.
fn report_response(report: String) -> Response {
    const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    (StatusCode::OK, [(header::CONTENT_TYPE, TEXT)], report).into_response()
}

/// The text of a panic, for the log only. The value that was thrown is never dropped: its destructor
/// could panic again, and a leak of some bytes costs less.
pub(crate) fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
        .to_owned();
    std::mem::forget(panic);
    text
}
