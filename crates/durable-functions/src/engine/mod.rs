//! The replay engine: one request in, one answer out, nothing else.
//!
//! A turn is one synchronous function call. The engine applies the events of the history one by one,
//! wakes what an event completes, and polls the orchestrator before the next event. Because of this
//! order, the same task finishes first on every replay, and the clock is right. The engine uses
//! neither tokio nor HTTP. Only kept instances know base64: they compare texts before they decode them.
//!
//! Invariant: for every sequence of bytes there is an answer or a [`RequestError`], never a panic,
//! and the same bytes give the same answer.

mod answer;
mod entities;
mod execution;
mod function;
mod kept;
mod non_durable;
mod payload;
mod state;
mod wake;

use std::rc::Rc;

#[cfg(feature = "worker")]
use durable_protocol::messages::OrchestratorAction;
use durable_protocol::messages::OrchestratorResponse;
use prost::Message;

#[cfg(feature = "worker")]
pub(crate) use entities::scheduled_request;
pub(crate) use execution::Execution;
pub use function::OrchestratorFunction;
pub(crate) use function::RunningOrchestrator;
pub(crate) use kept::Arrived;
#[cfg(feature = "handler")]
pub(crate) use kept::instance_id_of;
#[cfg(feature = "testing")]
pub(crate) use kept::replayed;
pub use kept::{KeptInstances, KeptLimits};
pub use state::Parent;
pub(crate) use state::{Call, Outcome, SharedState};

use crate::Failure;
use crate::wire::{Request, WireError};

/// A request that is not an `OrchestratorRequest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not a valid OrchestratorRequest: {0}")]
pub struct RequestError(#[from] WireError);

/// Runs one turn: an encoded `OrchestratorRequest` in, an encoded `OrchestratorResponse` out. Takes
/// the request, because the orchestrator decodes its results from where they lie.
///
/// For a thread of its own; on a task of tokio see [`run_turn`](crate::worker::run_turn).
///
/// Everything that goes wrong inside the orchestrator (an error, a panic, changed code, an await
/// that can never end) is a FAILED completion inside a valid response.
///
/// # Errors
/// [`RequestError`] when `request` is not an `OrchestratorRequest`. The host must still get a valid
/// answer then: see [`failed`].
pub fn execute(
    orchestrator: &OrchestratorFunction,
    request: Vec<u8>,
) -> Result<Vec<u8>, RequestError> {
    let request = Rc::new(request);
    let view = Request::read(&request)?;
    if view.lacks_history() {
        return Ok(history_required(view.instance_id));
    }
    let mut execution = Execution::new(&view, &request);
    execution.run(orchestrator, &view)?;
    Ok(execution.answer())
}

/// The answer to a turn without the history that it needs: the host sends the turn again, with it.
fn history_required(instance_id: &str) -> Vec<u8> {
    OrchestratorResponse {
        instance_id: instance_id.to_owned(),
        requires_history: true,
        ..Default::default()
    }
    .encode_to_vec()
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

/// The action that ends an instance with `failure`.
#[cfg(feature = "worker")]
pub(crate) fn failed_action(failure: &Failure) -> OrchestratorAction {
    answer::failed(0, failure)
}

/// The answer that makes the host drop a turn and deliver it again, after some seconds, as if it had
/// never been sent: for a turn that this process can no longer finish.
///
/// A failed completion with an inner failure of this type is the only way for a custom handler to ask
/// for this. Every other answer to an unfinished turn fails the instance for good. Nothing else may use
/// the type, because a turn with it is repeated without end.
#[cfg(feature = "handler")]
pub(crate) fn redeliver(instance_id: &str) -> Vec<u8> {
    use durable_protocol::messages::{
        CompleteOrchestrationAction, OrchestrationStatus, OrchestratorAction,
        OrchestratorActionType, TaskFailureDetails,
    };

    let failure = |error_type: &str, inner: Option<TaskFailureDetails>| TaskFailureDetails {
        error_type: error_type.to_owned(),
        error_message: "the handler cannot finish this turn; deliver it again".to_owned(),
        inner_failure: inner.map(Box::new),
        ..Default::default()
    };
    // As the inner failure, because version 2 of the extension looks at no other.
    let details = failure(
        "Redeliver",
        Some(failure("System.OutOfMemoryException", None)),
    );
    let end = CompleteOrchestrationAction {
        orchestration_status: OrchestrationStatus::Failed.into(),
        failure_details: Some(details),
        ..Default::default()
    };
    OrchestratorResponse {
        instance_id: instance_id.to_owned(),
        actions: vec![OrchestratorAction {
            id: 0,
            orchestrator_action_type: Some(OrchestratorActionType::CompleteOrchestration(
                Box::new(end),
            )),
        }],
        ..Default::default()
    }
    .encode_to_vec()
}
