//! The state of an instance as clients see it.
//!
//! Clients of a real host and clients of workers see different things: the Azure Storage provider keeps no details of
//! a failure, and has a custom status where there is none.

use durable_protocol::messages::{
    EventType, ExecutionCompletedEvent, HistoryEvent, OrchestrationState, OrchestrationStatus,
    TaskFailureDetails,
};
use prost::Message as _;
use serde::Serialize;
use task_hub::instance::{InstanceRecord, Payloads};
use task_hub::{Store as _, StoreError};

use super::Extension;
use super::driver::TaskHub;

/// The text of a custom status that was not set.
const NO_CUSTOM_STATUS: &str = "null";

/// The error type of a failure that the hub words, because it refused an answer.
const REFUSED: &str = "AnswerRefused";

/// The answer of `GetInstance` of a real host. Payloads are in it only on request; version, scheduled start and failure
/// details never.
pub(super) fn of_real_host(
    state: OrchestrationState,
    payloads: bool,
    extension: Extension,
) -> OrchestrationState {
    OrchestrationState {
        parent_instance_id: state
            .parent_instance_id
            .filter(|_| extension >= Extension::V3_19),
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

/// The state of an instance, or of an entity as the instance that it is with the Azure Storage provider: it runs for
/// ever, and its input is the state of its scheduler.
pub(super) fn of_instance_or_entity(
    hub: &TaskHub,
    id: &str,
) -> Result<Option<OrchestrationState>, StoreError> {
    if !id.starts_with('@') {
        return hub.state(id);
    }
    let Some(entity) = hub.store().entity(id)? else {
        return Ok(None);
    };
    let scheduler = Scheduler {
        state: entity.state.as_deref(),
        sorter: Sorter {},
    };
    let status = SchedulerStatus {
        entity_exists: entity.state.is_some(),
    };
    Ok(Some(OrchestrationState {
        instance_id: id.to_owned(),
        name: id.to_owned(),
        orchestration_status: OrchestrationStatus::Running.into(),
        created_timestamp: entity.modified.map(Into::into),
        last_updated_timestamp: entity.modified.map(Into::into),
        input: serde_json::to_string(&scheduler).ok(),
        custom_status: serde_json::to_string(&status).ok(),
        ..OrchestrationState::default()
    }))
}

#[derive(Serialize)]
struct Scheduler<'a> {
    /// JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    sorter: Sorter,
}

/// The order of messages, which local-host keeps elsewhere.
#[derive(Serialize)]
struct Sorter {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SchedulerStatus {
    entity_exists: bool,
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
    let mut state = OrchestrationState {
        execution_id: Some(record.execution.clone()),
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
