//! Work items as a sidecar writes them, and what an answer says.

use durable_protocol::messages::{
    EntityBatchRequest, EventType, ExecutionStartedEvent, HistoryEvent, OperationRequest,
    OrchestrationStatus, OrchestratorActionType, OrchestratorRequest, OrchestratorResponse,
    OrchestratorStartedEvent, WorkItemRequest,
};

use super::fake::End;

/// The first events of an instance, whose input is 5.
pub(super) fn first_turn(name: &str) -> Vec<HistoryEvent> {
    first_turn_of(name, None)
}

pub(super) fn first_turn_of(name: &str, version: Option<&str>) -> Vec<HistoryEvent> {
    let event = |kind| HistoryEvent {
        event_id: -1,
        timestamp: None,
        event_type: Some(kind),
    };
    let started = ExecutionStartedEvent {
        name: name.to_owned(),
        version: version.map(str::to_owned),
        input: Some("5".to_owned()),
        ..Default::default()
    };
    vec![
        event(EventType::OrchestratorStarted(OrchestratorStartedEvent {})),
        event(EventType::ExecutionStarted(Box::new(started))),
    ]
}

/// A turn of the instance `i`.
pub(super) fn turn(new_events: Vec<HistoryEvent>) -> WorkItemRequest {
    turn_of("i", new_events)
}

pub(super) fn turn_of(instance_id: &str, new_events: Vec<HistoryEvent>) -> WorkItemRequest {
    WorkItemRequest::OrchestratorRequest(Box::new(OrchestratorRequest {
        instance_id: instance_id.to_owned(),
        new_events,
        ..Default::default()
    }))
}

/// A batch of one operation.
pub(super) fn batch(instance_id: &str, operation: &str) -> WorkItemRequest {
    WorkItemRequest::EntityRequest(Box::new(EntityBatchRequest {
        instance_id: instance_id.to_owned(),
        entity_state: Some("7".to_owned()),
        operations: vec![OperationRequest {
            operation: operation.to_owned(),
            request_id: "r".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    }))
}

/// The status, the result and the type of the failure that a turn ended with.
pub(super) fn end_of(end: End) -> (OrchestrationStatus, Option<String>, Option<String>) {
    let End::Turn(OrchestratorResponse { actions, .. }) = end else {
        panic!("{end:?}");
    };
    match actions
        .into_iter()
        .next_back()
        .unwrap()
        .orchestrator_action_type
    {
        Some(OrchestratorActionType::CompleteOrchestration(end)) => (
            end.orchestration_status(),
            end.result,
            end.failure_details.map(|details| details.error_type),
        ),
        other => panic!("{other:?}"),
    }
}
