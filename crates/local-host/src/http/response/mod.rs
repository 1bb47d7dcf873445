//! From the handler's answer to the client's response.
//!
//! The rules are those of a real host, surprising ones included: an object body is indented `text/plain`,
//! `status` is ignored, a string that looks like base64 is decoded. When a rule changes what the function
//! answered, the [`Outcome`] has a warning.

mod body;
mod client_response;
mod headers;
mod object;
mod select;

use crate::functions::Function;
use crate::invoke::InvocationAnswer;

pub(super) use client_response::ClientResponse;

/// The result of an invocation that the handler has answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    /// The response; an error fails the invocation, and the client gets an empty 500.
    pub response: Result<ClientResponse, String>,
    /// What the host changed or could not send.
    pub warnings: Vec<String>,
}

/// Turns the answer into the response of an HTTP function.
#[must_use]
pub(super) fn build(function: &Function, answer: &InvocationAnswer) -> Outcome {
    let mut warnings = Vec::new();
    let response = select::response(function, answer, &mut warnings);
    Outcome { response, warnings }
}
