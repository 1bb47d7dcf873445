//! The answer to a durable HTTP call.

use std::collections::BTreeMap;

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Failure, codec, error_type};

/// The answer to a durable HTTP call, whatever its status.
///
/// The host keeps the body as text, and of the headers not those that describe the body
/// (`Content-Type`, `Content-Length` and the like).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Output")]
pub struct HttpResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl HttpResponse {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The value of a header, if it is there and is text; of several, the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// The body; empty when there is none.
    pub fn text(&self) -> &str {
        &self.body
    }

    /// The body, by value.
    pub fn into_text(self) -> String {
        self.body
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// A failure of type [`UnexpectedResult`](crate::error_type::UNEXPECTED_RESULT) when the body
    /// is not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let what = format_args!("the body of the HTTP response ({})", self.status);
        codec::read_body(what, &self.body)
    }

    /// The response itself, or a failure when its status is 4xx or 5xx.
    ///
    /// # Errors
    /// A failure of type [`HttpStatus`](crate::error_type::HTTP_STATUS) that names the status; for
    /// 4xx (but 408 and 429) it is non-retriable.
    pub fn error_for_status(self) -> Result<Self, Failure> {
        let status = self.status;
        if !status.is_client_error() && !status.is_server_error() {
            return Ok(self);
        }
        let failure = Failure::new(
            error_type::HTTP_STATUS,
            format!("the HTTP response is {status}"),
        );
        Err(match status {
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => failure,
            _ if status.is_client_error() => failure.non_retriable(),
            _ => failure,
        })
    }
}

/// The output of the built-in activity.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Values>>,
    #[serde(default)]
    content: Option<String>,
}

/// A header's value: a text, or an array when the header came more than once.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<Output> for HttpResponse {
    type Error = String;

    fn try_from(output: Output) -> Result<Self, Self::Error> {
        let status = StatusCode::from_u16(output.status_code)
            .map_err(|_| format!("{} is not an HTTP status", output.status_code))?;
        let mut headers = HeaderMap::new();
        for (name, values) in output.headers.unwrap_or_default() {
            let values = match values {
                Values::One(value) => vec![value],
                Values::Many(values) => values,
            };
            // The host has parsed them already: what is no header here was none on the wire.
            let Ok(name) = name.parse::<HeaderName>() else {
                continue;
            };
            for value in values {
                if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                    headers.append(name.clone(), value);
                }
            }
        }
        Ok(HttpResponse {
            status,
            headers,
            body: output.content.unwrap_or_default(),
        })
    }
}
