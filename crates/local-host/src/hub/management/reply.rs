//! The kinds of replies.

use crate::hub::driver::{OperationError, Unavailable};
use crate::json::{Json, JsonError, JsonObject};

/// What the client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// JSON text, or nothing.
    pub body: String,
}

impl Reply {
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(super) fn json(status: u16, value: &Json) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json; charset=utf-8".to_owned())],
            body: value.to_compact(),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// An error that is a JSON text.
    pub(super) fn text(status: u16, text: impl Into<String>) -> Self {
        Self::json(status, &Json::String(text.into()))
    }

    /// An error with a message.
    pub(super) fn message(status: u16, text: impl Into<String>) -> Self {
        let body = JsonObject::from_iter([("Message", text.into())]);
        Self::json(status, &Json::Object(body))
    }

    /// An error behind which is a .NET exception. It has no stack trace here.
    pub(super) fn exception(status: u16, text: &str, kind: &str, message: String) -> Self {
        let mut body = JsonObject::new();
        body.insert("Message", text);
        body.insert("ExceptionMessage", message);
        body.insert("ExceptionType", kind);
        body.insert("StackTrace", Json::Null);
        Self::json(status, &Json::Object(body))
    }

    /// The body of the request is not JSON.
    pub(super) fn invalid_json(error: &JsonError) -> Self {
        Self::exception(
            400,
            "Invalid JSON content",
            "Newtonsoft.Json.JsonReaderException",
            error.to_string(),
        )
    }
}

/// The task hub cannot carry it out now. The log says why.
impl From<Unavailable> for Reply {
    fn from(error: Unavailable) -> Self {
        Self::message(503, error.to_string())
    }
}

/// An operation that the hub cannot carry out, or refuses for a reason that its caller does not know.
impl From<OperationError> for Reply {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Unavailable(error) => error.into(),
            OperationError::Refused(error) => Self::exception(
                500,
                "Something went wrong while processing your request",
                "System.InvalidOperationException",
                error.to_string(),
            ),
        }
    }
}
