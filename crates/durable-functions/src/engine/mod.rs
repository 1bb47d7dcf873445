//! The replay engine: one request in, one answer out, nothing else.
//!
//! A turn is one synchronous function call. The engine applies the events of the history one by
//! one, wakes what an event completes, and polls the orchestrator before the next event; that alone
//! makes the first to finish the same on every replay, and the clock right. It knows neither tokio
//! nor HTTP nor base64.
//!
//! Invariant: for every sequence of bytes there is an answer or a [`RequestError`], never a panic,
//! and the same bytes give the same answer.

mod answer;
mod confirmed;
mod execution;
mod inbox;
mod nondeterminism;
mod slot;
mod state;
mod task;
mod wake;

use bytes::Bytes;
use prost::Message;

use crate::orchestrator::OrchestratorFunction;
use crate::proto::OrchestratorResponse;
use crate::wire::Request;
use crate::{Failure, wire::WireError};

pub(crate) use execution::Execution;
pub(crate) use nondeterminism::same_name;
pub(crate) use slot::{Outcome, SlotKind};
pub use state::Parent;
pub(crate) use state::{ContinuedAsNew, State};
pub(crate) use task::Call;

/// A request that is not an `OrchestratorRequest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not a valid OrchestratorRequest: {0}")]
pub struct RequestError(#[from] WireError);

/// Runs one turn: an encoded `OrchestratorRequest` in, an encoded `OrchestratorResponse` out.
///
/// Everything that goes wrong inside the orchestrator (an error, a panic, changed code, an await
/// that can never end) is a FAILED completion inside a valid response.
///
/// # Errors
/// [`RequestError`] when `request` is not an `OrchestratorRequest`. The host must still get a valid
/// answer then: see [`failed`].
pub fn execute(
    orchestrator: &OrchestratorFunction,
    request: &Bytes,
) -> Result<Vec<u8>, RequestError> {
    let view = Request::read(request)?;
    let mut execution = Execution::new(orchestrator.clone(), &view);
    for (index, event) in view.events.iter().enumerate() {
        execution.apply(event, request, index < view.past)?;
    }
    Ok(execution.answer().encode_to_vec())
}

/// The answer that ends an instance with `failure`, for a turn that could not be run at all.
pub fn failed(instance_id: &str, failure: &Failure) -> Vec<u8> {
    OrchestratorResponse {
        instance_id: instance_id.to_owned(),
        actions: vec![answer::failed(0, failure)],
        ..Default::default()
    }
    .encode_to_vec()
}
