//! From the handler's answer to the client's response.
//!
//! The host's rules are odd, and kept: an object body is indented `text/plain`, `status` is
//! ignored, a string that looks like base64 is decoded. Each time they change what the function
//! meant, the [`Outcome`] says so in a warning.

mod base64_rule;
mod body;
mod headers;
mod object;
mod select;

use crate::functions::Function;
use crate::invoke::InvocationAnswer;
use body::Body;

/// What the client gets, before HTTP frames it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientResponse {
    /// The status.
    pub status: u16,
    /// The headers in order, `Content-Type` included.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the response has a `Content-Length`; otherwise it is chunked.
    pub sized: bool,
}

/// The result of an invocation that the handler has answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The response; an error fails the invocation, and the client gets an empty 500.
    pub response: Result<ClientResponse, String>,
    /// What the host changed or could not send.
    pub warnings: Vec<String>,
}

impl ClientResponse {
    /// A response without body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            sized: true,
        }
    }

    fn new(status: u16, headers: Vec<(String, String)>, body: Body) -> Self {
        let drops_body = matches!(status, 204 | 205 | 304);
        let sized = body.is_sized();
        let body = if drops_body {
            Vec::new()
        } else {
            body.into_bytes()
        };
        Self {
            status,
            headers,
            sized: sized || body.is_empty(),
            body,
        }
    }
}

/// Turns the answer into the response of an HTTP function.
#[must_use]
pub fn build(function: &Function, answer: &InvocationAnswer) -> Outcome {
    let mut warnings = Vec::new();
    let response = select::response(function, answer, &mut warnings);
    Outcome { response, warnings }
}
