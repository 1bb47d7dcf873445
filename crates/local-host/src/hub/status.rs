//! The state of an instance as clients see it.
//!
//! Clients of a real host and clients of workers see different things: the Azure Storage provider keeps no details of
//! a failure, and has a custom status where there is none.

use durable_protocol::messages::{
    EventType, ExecutionCompletedEvent, HistoryEvent, OrchestrationState, OrchestrationStatus,
    TaskFailureDetails,
};
use prost::Message as _;
use task_hub::instance::{InstanceRecord, Payloads};
use task_hub::{Store as _, StoreError};

use super::driver::TaskHub;

/// The text of a custom status that was not set.
const NO_CUSTOM_STATUS: &str = "null";

/// The error type of a failure that the hub words, because it refused an answer.
const REFUSED: &str = "AnswerRefused";

/// The answer of `GetInstance` of a real host. Payloads are in it only on request; version, scheduled start and failure
/// details never.
pub(super) fn of_real_host(state: OrchestrationState, payloads: bool) -> OrchestrationState {
    OrchestrationState {
        instance_id: state.instance_id,
        name: state.name,
        orchestration_status: state.orchestration_status,
        created_timestamp: state.created_timestamp,
        last_updated_timestamp: state.last_updated_timestamp,
        input: state.input.filter(|_| payloads),
        output: state.output.filter(|_| payloads),
        custom_status: state.custom_status.filter(|_| payloads),
        tags: state.tags,
        ..OrchestrationState::default()
    }
}

/// What clients of workers get.
pub(super) fn of_sidecar(
    hub: &TaskHub,
    record: InstanceRecord,
    payloads: bool,
) -> Result<OrchestrationState, StoreError> {
    let stored = if payloads {
        hub.store().payloads(&record.id)?
    } else {
        Payloads::default()
    };
    let parent = record.start.parent_instance.as_ref();
    let parent = parent.and_then(|parent| parent.orchestration_instance.as_ref());
    let mut state = OrchestrationState {
        execution_id: Some(record.execution.clone()),
        parent_instance_id: parent.map(|parent| parent.instance_id.clone()),
        ..record.state(stored)
    };
    state.custom_status = state
        .custom_status
        .filter(|text| payloads && text != NO_CUSTOM_STATUS);
    if record.status.is_terminal() {
        state.completed_timestamp = state.last_updated_timestamp;
    }
    if record.status == OrchestrationStatus::Failed && payloads {
        let end = end(hub, &record.id)?;
        // The output of a failed instance is a text about the failure.
        let text = state.output.take();
        match end.failure_details {
            Some(details) => {
                state.failure_details = Some(details);
                state.output = end.result;
            }
            None => {
                state.failure_details = Some(TaskFailureDetails {
                    error_type: REFUSED.to_owned(),
                    error_message: text.unwrap_or_default(),
                    is_non_retriable: true,
                    ..TaskFailureDetails::default()
                });
            }
        }
    }
    Ok(state)
}

/// The end of a history.
fn end(hub: &TaskHub, id: &str) -> Result<ExecutionCompletedEvent, StoreError> {
    let events = hub.store().history(id)?;
    let end = events.into_iter().rev().find_map(|event| {
        match HistoryEvent::decode(event).ok()?.event_type? {
            EventType::ExecutionCompleted(end) => Some(*end),
            _ => None,
        }
    });
    Ok(end.unwrap_or_default())
}
