//! Batches: sends the operations to the entity function and carries out its answer.

use std::sync::Arc;

use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, ExecutionStartedEvent, OperationAction,
    OperationActionType, OperationRequest, OperationResult, OrchestrationInstance,
    ParentInstanceInfo, ResultType, StartNewOrchestrationAction, TaskFailureDetails,
};
use prost::Message as _;
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use super::super::failure::{self, Cause};
use super::super::instance::{self, blocks_start};
use super::super::{DurableKind, Inner, backoff, clock, events, payload};
use super::message::{Message, Request};
use super::{Batch, Entity, parts, reply};
use crate::binding_data::BindingData;
use crate::invoke::InvokeError;
use crate::json::JsonObject;
use crate::log::LogLevel;

/// The tag of orchestrations that have no parent waiting for them.
const FIRE_AND_FORGET: &str = "FireAndForget";

/// Runs batches of `entity` until no message waits that it may take.
pub(super) async fn run(hub: Arc<Inner>, entity: Arc<Entity>) {
    loop {
        // Messages that arrive while the batch waits for its place become part of it.
        let Ok(place) = hub.entity_batches.acquire().await else {
            return;
        };
        let Some(batch) = entity.next() else {
            return;
        };
        let Batch {
            state,
            operations,
            lock,
        } = batch;
        if !operations.is_empty() {
            match play(&hub, &entity.id, state, &operations, place).await {
                Ok(result) => decided(&hub, &entity, &operations, result),
                Err(details) => failed(&hub, &entity, &operations, &details),
            }
        }
        if let Some(lock) = lock {
            grant(&hub, &entity, lock);
        }
    }
}

async fn play(
    hub: &Arc<Inner>,
    id: &str,
    state: Option<String>,
    operations: &[Request],
    place: SemaphorePermit<'_>,
) -> Result<EntityBatchResult, TaskFailureDetails> {
    let mut place = Some(place);
    let name = parts(id).map_or(id, |(name, _)| name);
    let Some(function) = hub.functions.entity(name) else {
        hub.explain_missing(name, DurableKind::Entity);
        let known = hub.functions.names(DurableKind::Entity);
        return Err(not_found(name, &known));
    };
    let request = EntityBatchRequest {
        instance_id: id.to_owned(),
        entity_state: state,
        operations: operations
            .iter()
            .map(|request| OperationRequest {
                operation: request.operation.clone(),
                request_id: request.id.clone(),
                input: request.input.clone(),
                trace_context: None,
            })
            .collect(),
        ..EntityBatchRequest::default()
    }
    .encode_to_vec();
    let mut stopped = 0;
    let answer = loop {
        let place = match place.take() {
            None => hub.entity_batches.acquire().await.ok(),
            held => held,
        };
        let data = JsonObject::from_iter([(function.binding.as_str(), payload::encode(&request))]);
        let mut metadata = BindingData::new();
        metadata.insert_system(&function.folder);
        let invocation = hub
            .invoke
            .invoke(&function.folder, data, metadata.into_metadata());
        match invocation.await {
            // The batch is run again, as by a real host after a restart.
            Err(InvokeError::Stopping) => {
                drop(place);
                tokio::time::sleep(backoff::after(stopped)).await;
                stopped += 1;
            }
            answer => break answer,
        }
    };
    let result: EntityBatchResult = answer
        .map_err(|error| Cause::from(&error))
        .and_then(|answer| payload::decode(answer.return_value.as_ref(), "entity"))
        .map_err(|cause| invocation_failed(name, &function.folder, cause))?;
    match result.failure_details {
        Some(details) => Err(details),
        None => Ok(result),
    }
}

fn not_found(name: &str, known: &str) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: "EntityFunctionNotFound".to_owned(),
        error_message: failure::unknown_function(name, "an entity", "entity", known),
        is_non_retriable: true,
        ..TaskFailureDetails::default()
    }
}

fn invocation_failed(name: &str, folder: &str, cause: Cause) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: "FunctionInvocationFailed".to_owned(),
        error_message: format!("Invocation of function '{name}' failed with an exception."),
        inner_failure: Some(Box::new(failure::activity(folder, cause))),
        is_non_retriable: true,
        ..TaskFailureDetails::default()
    }
}

/// Keeps the state, answers the calls, then carries out the actions.
fn decided(
    hub: &Arc<Inner>,
    entity: &Arc<Entity>,
    operations: &[Request],
    result: EntityBatchResult,
) {
    entity.keep(result.entity_state);
    let mut sent = 0;
    for (request, result) in operations.iter().zip(&result.results) {
        log_failure(hub, entity, request, result);
        sent += i32::from(answer(hub, request, || reply::of_result(result)));
    }
    let missing = operations.get(result.results.len()..).unwrap_or_default();
    if !missing.is_empty() {
        let details = too_few(operations.len(), result.results.len());
        hub.log(
            LogLevel::Error,
            format!(
                "Entity '{}': {} local-host fails the rest; a real host sends it again at once, without \
                 pause or end.",
                entity.id, details.error_message
            ),
        );
        for request in missing {
            sent += i32::from(answer(hub, request, || reply::of_failed_batch(&details)));
        }
    }
    let execution = Uuid::new_v4().simple().to_string();
    for action in result.actions {
        act(hub, entity, &execution, sent, action);
        sent += 1;
    }
}

fn too_few(operations: usize, results: usize) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: "TooFewResults".to_owned(),
        error_message: format!(
            "The entity function answered {operations} operations with {results} results."
        ),
        is_non_retriable: true,
        ..TaskFailureDetails::default()
    }
}

/// Fails the operations; the state stays as it was.
fn failed(
    hub: &Arc<Inner>,
    entity: &Arc<Entity>,
    operations: &[Request],
    details: &TaskFailureDetails,
) {
    hub.log(
        LogLevel::Error,
        format!(
            "A batch of {} operations of entity '{}' failed: {}",
            operations.len(),
            entity.id,
            failure::with_causes(details)
        ),
    );
    for request in operations {
        answer(hub, request, || reply::of_failed_batch(details));
    }
}

fn log_failure(hub: &Inner, entity: &Entity, request: &Request, result: &OperationResult) {
    let Some(ResultType::Failure(failure)) = &result.result_type else {
        return;
    };
    let details = failure.failure_details.clone().unwrap_or_default();
    hub.log(
        LogLevel::Warning,
        format!(
            "Operation '{}' of entity '{}' failed: {}: {}",
            request.operation, entity.id, details.error_type, details.error_message
        ),
    );
}

/// Sends the answer of a call; `false` for a signal.
fn answer(hub: &Arc<Inner>, request: &Request, data: impl FnOnce() -> String) -> bool {
    let Some(parent) = request.parent.as_ref().filter(|_| !request.signal) else {
        return false;
    };
    // Dropped when the execution has ended.
    hub.deliver(
        &parent.instance_id,
        instance::Message {
            execution: parent.execution_id.clone().filter(|id| !id.is_empty()),
            event: events::event_raised(clock::now(), request.id.clone(), Some(data())),
        },
    );
    true
}

/// Locks the entity. Then passes the request on to the next entity, or, after the last, answers the
/// orchestration.
fn grant(hub: &Arc<Inner>, entity: &Arc<Entity>, mut lock: Request) {
    let Some(parent) = &lock.parent else {
        return;
    };
    entity.lock_for(parent.instance_id.clone());
    lock.position += 1;
    let next = lock
        .lock_set
        .as_ref()
        .and_then(|set| set.get(lock.position))
        .cloned();
    match next {
        Some(next) => {
            // Messages of entities always have a label.
            lock.labelled = true;
            hub.deliver_to_entity(&next, Message::Request(lock));
        }
        None => {
            answer(hub, &lock, reply::granted);
        }
    }
}

fn act(hub: &Arc<Inner>, entity: &Entity, execution: &str, number: i32, action: OperationAction) {
    match action.operation_action_type {
        Some(OperationActionType::SendSignal(signal)) => {
            let id = Uuid::new_v4().to_string();
            let due = signal.scheduled_time.map(clock::cut);
            let request = Request::signal(id, signal.name, signal.input, due);
            hub.deliver_to_entity(&signal.instance_id, Message::Request(request));
        }
        Some(OperationActionType::StartNewOrchestration(start)) => {
            start_orchestration(hub, entity, execution, number, start);
        }
        None => hub.log(
            LogLevel::Error,
            format!(
                "Entity '{}' answered with an action that local-host does not know.",
                entity.id
            ),
        ),
    }
}

fn start_orchestration(
    hub: &Arc<Inner>,
    entity: &Entity,
    execution: &str,
    number: i32,
    action: StartNewOrchestrationAction,
) {
    let id = action.instance_id;
    let refuse = |why: &str| {
        hub.log(
            LogLevel::Error,
            format!(
                "Entity '{}' did not start orchestration '{id}': {why}",
                entity.id
            ),
        );
    };
    if id.is_empty() || id.starts_with('@') {
        refuse(
            "an instance id must not be empty or begin with '@'. A real host accepts the start, \
             cannot process the message and slows down the whole task hub.",
        );
        return;
    }
    let start = ExecutionStartedEvent {
        name: action.name,
        version: action
            .version
            .or_else(|| hub.options.default_version.clone()),
        input: action.input,
        orchestration_instance: Some(OrchestrationInstance {
            instance_id: id.clone(),
            execution_id: Some(Uuid::new_v4().simple().to_string()),
        }),
        parent_instance: Some(ParentInstanceInfo {
            task_scheduled_id: number,
            name: Some(entity.id.clone()),
            version: Some(String::new()),
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: entity.id.clone(),
                execution_id: Some(execution.to_owned()),
            }),
        }),
        scheduled_start_timestamp: action.scheduled_time.map(clock::cut),
        tags: [(FIRE_AND_FORGET.to_owned(), String::new())].into(),
        ..ExecutionStartedEvent::default()
    };
    if !hub.start(&id, start, blocks_start) {
        refuse(
            "an instance with this id runs. A real host would let the two overwrite each other.",
        );
    }
}
