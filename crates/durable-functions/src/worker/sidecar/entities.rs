//! Messages to and from entities in the form of a sidecar, and in the form that the engine and entity
//! functions know.
//!
//! The engine speaks to entities in events, as the Durable extension delivers them. A sidecar has messages
//! of their own for that: actions of the kind `SendEntityMessage`, and history events of seven kinds. Here
//! one becomes the other, as in the workers for .NET; the engine has one form.
//!
//! Invariant: the same event is translated to the same bytes in every turn. Otherwise no kept instance
//! could be continued.

use std::borrow::Cow;

use durable_protocol::entity_message::{
    FailureDetails, GRANTED, RELEASE, REQUEST, Release, Reply, Request,
};
use durable_protocol::messages::{
    EntityBatchRequest, EntityLockRequestedEvent, EntityMessageType, EntityOperationCalledEvent,
    EntityOperationSignaledEvent, EntityRequest, EntityUnlockSentEvent, EventRaisedEvent,
    EventSentEvent, EventType, HistoryEvent, OperationInfo, OperationRequest,
    OrchestrationInstance, OrchestratorAction, OrchestratorActionType, OrchestratorResponse,
    SendEntityMessageAction, SendEventAction,
};
use durable_protocol::{EntityId, Timestamp, nonchars};
use serde::Serialize;

use crate::{engine, error_type};

/// An event about an entity as the extension has it.
pub(super) fn translated(event: HistoryEvent, now: Timestamp) -> HistoryEvent {
    let event_type = event.event_type.map(|kind| match kind {
        EventType::EntityOperationSignaled(signal) => {
            let due = signal.scheduled_time.map(Timestamp::from);
            let name = due.map_or(Cow::Borrowed(REQUEST), |due| {
                engine::scheduled_request(due, now).into()
            });
            let request = Request {
                op: Some(signal.operation.into()),
                signal: Some(true),
                input: signal.input.map(Cow::Owned),
                id: signal.request_id.into(),
                due: due.map(|due| due.round_trip().into()),
                ..Request::default()
            };
            sent(signal.target_instance_id, &name, &request)
        }
        EventType::EntityOperationCalled(call) => {
            let request = Request {
                op: Some(call.operation.into()),
                signal: Some(false),
                input: call.input.map(Cow::Owned),
                id: call.request_id.into(),
                ..Request::default()
            };
            sent(call.target_instance_id, REQUEST, &request)
        }
        EventType::EntityLockRequested(lock) => {
            let position = usize::try_from(lock.position).unwrap_or_default();
            let target = lock.lock_set.get(position).cloned();
            let entities = lock.lock_set.iter().filter_map(|id| id.parse().ok());
            let request = Request {
                lockset: Some(entities.collect()),
                pos: Some(position),
                id: lock.critical_section_id.into(),
                ..Request::default()
            };
            sent(target, REQUEST, &request)
        }
        EventType::EntityUnlockSent(unlock) => {
            let release = Release {
                parent: unlock.parent_instance_id.unwrap_or_default().into(),
                id: unlock.critical_section_id.into(),
            };
            sent(unlock.target_instance_id, RELEASE, &release)
        }
        EventType::EntityOperationCompleted(done) => {
            let reply = Reply {
                result: done.output,
                ..Reply::default()
            };
            raised(done.request_id, &reply)
        }
        EventType::EntityOperationFailed(failed) => {
            let details = failed.failure_details.map(FailureDetails::from);
            let unknown = || error_type::UNKNOWN_FAILURE.to_owned();
            let reply = Reply {
                exception_type: details.is_none().then(unknown),
                failure_details: details,
                ..Reply::default()
            };
            raised(failed.request_id, &reply)
        }
        EventType::EntityLockGranted(granted) => {
            let reply = Reply {
                result: Some(GRANTED.to_owned()),
                ..Reply::default()
            };
            raised(granted.critical_section_id, &reply)
        }
        other => other,
    });
    HistoryEvent {
        event_type,
        ..event
    }
}

fn sent(target: Option<String>, name: &str, data: &impl Serialize) -> EventType {
    EventType::EventSent(Box::new(EventSentEvent {
        instance_id: target.unwrap_or_default(),
        name: name.to_owned(),
        input: Some(to_json(data)),
    }))
}

fn raised(id: String, reply: &Reply) -> EventType {
    EventType::EventRaised(EventRaisedEvent {
        // The engine compares ids in the form with hyphens; a sidecar may have another.
        name: uuid::Uuid::try_parse(&id).map_or(id, |id| id.to_string()),
        input: Some(to_json(reply)),
    })
}

/// Structs of texts and numbers always serialise.
fn to_json(message: &impl Serialize) -> String {
    nonchars::to_json(message).unwrap_or_default()
}

/// Translates what a turn sends to entities.
pub(super) fn translate_actions(answer: &mut OrchestratorResponse) {
    for action in &mut answer.actions {
        if let Some(message) = entity_message(action, &answer.instance_id) {
            action.orchestrator_action_type = Some(OrchestratorActionType::SendEntityMessage(
                Box::new(SendEntityMessageAction {
                    entity_message_type: Some(message),
                }),
            ));
        }
    }
}

/// The message of an action that sends an event to an entity.
fn entity_message(action: &OrchestratorAction, sender: &str) -> Option<EntityMessageType> {
    let Some(OrchestratorActionType::SendEvent(event)) = &action.orchestrator_action_type else {
        return None;
    };
    let SendEventAction {
        instance: Some(target),
        name,
        data: Some(data),
    } = &**event
    else {
        return None;
    };
    target.instance_id.parse::<EntityId>().ok()?;
    let target = Some(target.instance_id.clone());
    if name == RELEASE {
        let release: Release<'_> = serde_json::from_str(data).ok()?;
        return Some(EntityMessageType::EntityUnlockSent(Box::new(
            EntityUnlockSentEvent {
                critical_section_id: release.id.into_owned(),
                parent_instance_id: Some(release.parent.into_owned()),
                target_instance_id: target,
            },
        )));
    }
    if name != REQUEST && !name.starts_with("op@") {
        return None;
    }
    let request: Request<'_> = serde_json::from_str(data).ok()?;
    let parent = request
        .parent
        .map_or_else(|| sender.to_owned(), Cow::into_owned);
    if let Some(entities) = request.lockset {
        return Some(EntityMessageType::EntityLockRequested(Box::new(
            EntityLockRequestedEvent {
                critical_section_id: request.id.into_owned(),
                lock_set: entities.iter().map(EntityId::to_string).collect(),
                position: request
                    .pos
                    .and_then(|pos| i32::try_from(pos).ok())
                    .unwrap_or(0),
                parent_instance_id: Some(parent),
            },
        )));
    }
    let operation = request.op?.into_owned();
    let input = request.input.map(Cow::into_owned);
    Some(if request.signal == Some(true) {
        EntityMessageType::EntityOperationSignaled(Box::new(EntityOperationSignaledEvent {
            request_id: request.id.into_owned(),
            operation,
            scheduled_time: request.due.as_deref().and_then(time_of),
            input,
            target_instance_id: target,
        }))
    } else {
        EntityMessageType::EntityOperationCalled(Box::new(EntityOperationCalledEvent {
            request_id: request.id.into_owned(),
            operation,
            scheduled_time: None,
            input,
            parent_instance_id: Some(parent),
            parent_execution_id: request.parent_execution.map(Cow::into_owned),
            target_instance_id: target,
        }))
    })
}

/// The time that .NET's round-trip text names.
fn time_of(text: &str) -> Option<prost_types::Timestamp> {
    text.parse().ok()
}

/// A batch as entity functions know it, and where each result goes.
pub(super) fn batch(request: EntityRequest) -> (EntityBatchRequest, Vec<OperationInfo>) {
    let mut operations = Vec::new();
    let mut destinations = Vec::new();
    for event in request.operation_requests {
        let (request_id, operation, input, destination) = match event.event_type {
            Some(EventType::EntityOperationSignaled(signal)) => {
                (signal.request_id, signal.operation, signal.input, None)
            }
            Some(EventType::EntityOperationCalled(call)) => {
                let caller = OrchestrationInstance {
                    instance_id: call.parent_instance_id.unwrap_or_default(),
                    execution_id: call.parent_execution_id,
                };
                (call.request_id, call.operation, call.input, Some(caller))
            }
            other => {
                // The sidecar itself handles locks.
                tracing::warn!(
                    "an entity was sent a message that is no operation: {}",
                    kind(&other)
                );
                continue;
            }
        };
        operations.push(OperationRequest {
            operation,
            request_id: request_id.clone(),
            input,
            trace_context: None,
        });
        destinations.push(OperationInfo {
            request_id,
            response_destination: destination,
        });
    }
    let batch = EntityBatchRequest {
        instance_id: request.instance_id,
        entity_state: request.entity_state,
        operations,
        ..Default::default()
    };
    (batch, destinations)
}

fn kind(event: &Option<EventType>) -> &'static str {
    match event {
        Some(EventType::EntityLockRequested(_)) => "a request for a lock",
        Some(EventType::EntityUnlockSent(_)) => "a release of a lock",
        _ => "an unknown one",
    }
}
