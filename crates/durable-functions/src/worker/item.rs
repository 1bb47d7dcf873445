//! One work item, from its delivery to its end.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use durable_protocol::EntityId;
use durable_protocol::messages::{
    AbandonTaskRequest, AbandonTaskResponse, ActivityRequest, ActivityResponse,
    CompleteTaskResponse, EntityBatchRequest, EntityBatchResult, EntityRequest, HealthPing,
    OperationInfo, OperationResult, OperationResultFailure, OrchestratorResponse, ResultType,
};
use prost::Message;
use prost::bytes::Bytes;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::entities::{self, RawTurn};
use super::stream::Running;
use crate::time_limit::TimeLimit;
use crate::{ActivityContext, Failure, engine, error_type, trigger, turns};

/// A `WorkItem` whose turn is not decoded: the engine reads the message itself.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RawItem {
    #[prost(oneof = "RawRequest", tags = "1, 2, 3, 4, 5")]
    request: Option<RawRequest>,
    #[prost(string, tag = "10")]
    completion_token: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum RawRequest {
    #[prost(bytes = "bytes", tag = "1")]
    Turn(Bytes),
    #[prost(message, boxed, tag = "2")]
    Activity(Box<ActivityRequest>),
    #[prost(message, boxed, tag = "3")]
    Batch(Box<EntityBatchRequest>),
    #[prost(message, tag = "4")]
    Ping(HealthPing),
    #[prost(message, boxed, tag = "5")]
    BatchV2(Box<EntityRequest>),
}

/// What the three kinds of work have in common.
struct Kind {
    noun: &'static str,
    complete: &'static str,
    abandon: &'static str,
}

const TURN: Kind = Kind {
    noun: "turn",
    complete: "CompleteOrchestratorTask",
    abandon: "AbandonTaskOrchestratorWorkItem",
};
const ACTIVITY: Kind = Kind {
    noun: "activity",
    complete: "CompleteActivityTask",
    abandon: "AbandonTaskActivityWorkItem",
};
const BATCH: Kind = Kind {
    noun: "entity batch",
    complete: "CompleteEntityTask",
    abandon: "AbandonTaskEntityWorkItem",
};

/// Runs an item and sends its end.
pub(super) async fn work(running: &Arc<Running>, item: RawItem) {
    let token = item.completion_token;
    let Some(request) = item.request else {
        // Of a kind that did not exist when this was written; which call would abandon it is unknown.
        tracing::warn!("the sidecar sent a work item of an unknown kind");
        return;
    };
    match request {
        RawRequest::Ping(_) => {}
        RawRequest::Turn(request) => {
            let answer = turn(running, request, token.clone());
            finish(running, &TURN, &running.turns, token, answer).await;
        }
        RawRequest::Activity(request) => {
            let answer = activity(running, *request, token.clone());
            finish(running, &ACTIVITY, &running.activities, token, answer).await;
        }
        RawRequest::Batch(request) => {
            let answer = batch(running, *request, Vec::new(), token.clone());
            finish(running, &BATCH, &running.batches, token, answer).await;
        }
        RawRequest::BatchV2(request) => {
            let (request, destinations) = entities::batch(*request);
            let answer = batch(running, request, destinations, token.clone());
            finish(running, &BATCH, &running.batches, token, answer).await;
        }
    }
}

/// Waits for a place, runs the work, and completes it. What cannot be run or finished is abandoned: work
/// without an answer, work that has no place when the worker stops, and what runs when the grace is over.
async fn finish<A: Message + Clone + 'static>(
    running: &Running,
    kind: &Kind,
    places: &Semaphore,
    token: String,
    answer: impl Future<Output = Option<A>>,
) {
    let place = tokio::select! {
        biased;
        () = running.stopping.cancelled() => None,
        place = places.acquire() => place.ok(),
    };
    if place.is_some() {
        let done = async {
            let answer = answer.await?;
            let connection = &running.connection;
            connection
                .deliver::<A, CompleteTaskResponse>(kind.complete, answer)
                .await;
            Some(())
        };
        let done = tokio::select! {
            done = done => done,
            () = running.cut.cancelled() => None,
        };
        if done.is_some() {
            return;
        }
    }
    tracing::warn!(
        "a work item ({}) is abandoned; the sidecar delivers it again",
        kind.noun
    );
    let abandoned = AbandonTaskRequest {
        completion_token: token,
    };
    let connection = &running.connection;
    connection
        .deliver::<_, AbandonTaskResponse>(kind.abandon, abandoned)
        .await;
}

/// Runs a turn; `None` when its history cannot be fetched.
async fn turn(running: &Running, request: Bytes, token: String) -> Option<OrchestratorResponse> {
    let mut answer = match RawTurn::decode(request.clone()) {
        Ok(turn) => run_turn(running, turn, request).await?,
        Err(error) => failed("", error_type::INVALID_REQUEST, error.to_string()),
    };
    answer.completion_token = token;
    Some(answer)
}

async fn run_turn(
    running: &Running,
    mut turn: RawTurn,
    request: Bytes,
) -> Option<OrchestratorResponse> {
    let instance_id = turn.instance_id.clone();
    let mut changed = false;
    if turn.requires_history_streaming {
        let history = entities::history_of(&turn);
        match running
            .connection
            .collect("StreamInstanceHistory", history)
            .await
        {
            Ok(chunks) => turn.add_history(chunks),
            Err(status) => {
                tracing::warn!(
                    instance = instance_id,
                    "the history cannot be fetched: {:?}: {}",
                    status.code(),
                    status.message()
                );
                return None;
            }
        }
        changed = true;
    }
    let Some(name) = turn.orchestrator_name() else {
        let problem = "the history has no ExecutionStarted event".to_owned();
        return Some(failed(&instance_id, error_type::INVALID_REQUEST, problem));
    };
    let Some(function) = running.functions.orchestrator(&name) else {
        let problem = format!("the worker has no orchestrator '{name}'");
        return Some(failed(
            &instance_id,
            error_type::ORCHESTRATOR_NOT_FOUND,
            problem,
        ));
    };
    changed |= turn.translate();
    let request = if changed {
        turn.encode_to_vec().into()
    } else {
        request
    };
    let span = tracing::info_span!(
        "turn",
        orchestrator = function.name(),
        instance = instance_id
    );
    let answer = {
        let (function, request) = (function.clone(), request.clone());
        turns::run(Some(&instance_id), move |kept| {
            kept.run_message(&function, &request, Instant::now())
        })
    };
    let answer = match answer.instrument(span.clone()).await {
        Some(answer) => answer,
        None => {
            // Without the thread nothing is kept, and a replay needs no particular thread.
            tracing::error!("the thread of this instance has ended; its turn is replayed");
            let replay = async { trigger::run_message(function, &request) };
            tokio::task::unconstrained(replay.instrument(span)).await
        }
    };
    let mut answer = match OrchestratorResponse::decode(answer.as_slice()) {
        Ok(answer) => answer,
        Err(error) => failed(&instance_id, error_type::INVALID_REQUEST, error.to_string()),
    };
    answer.instance_id = instance_id;
    entities::translate_actions(&mut answer);
    Some(answer)
}

fn failed(instance_id: &str, error_type: &str, problem: String) -> OrchestratorResponse {
    let failure = Failure::new(error_type, problem).non_retriable();
    tracing::error!(instance = instance_id, "{failure}");
    OrchestratorResponse {
        instance_id: instance_id.to_owned(),
        actions: vec![engine::failed_action(&failure)],
        ..Default::default()
    }
}

/// Runs an activity; `None` when the runtime ends under it.
async fn activity(
    running: &Running,
    request: ActivityRequest,
    token: String,
) -> Option<ActivityResponse> {
    let instance = request.orchestration_instance.unwrap_or_default();
    let outcome = match running.functions.activity(&request.name) {
        Some(function) => {
            let ids = [
                Some(instance.instance_id.clone()),
                instance.execution_id,
                Some(request.task_id.to_string()),
            ];
            let ids: Vec<_> = ids.into_iter().flatten().collect();
            let mut context = ActivityContext::new(function.name(), ids.join("/"));
            context.instance_id = Some(instance.instance_id.clone());
            context.time_limit = TimeLimit::until(running.stopping.clone());
            let span = tracing::info_span!(
                "activity",
                name = function.name(),
                instance = instance.instance_id
            );
            let function = function.clone();
            let input = request.input;
            let call = async move { function.call_plain(context, input.as_deref()).await };
            // A task of its own: tokio catches the panic of a destructor when the activity is dropped.
            AbortOnDropHandle::new(tokio::spawn(call.instrument(span)))
                .await
                .ok()?
        }
        None => Err(Failure::new(
            error_type::ACTIVITY_NOT_FOUND,
            format!("the worker has no activity '{}'", request.name),
        )
        .non_retriable()),
    };
    let mut answer = ActivityResponse {
        instance_id: instance.instance_id,
        task_id: request.task_id,
        completion_token: token,
        ..Default::default()
    };
    match outcome {
        Ok(result) => answer.result = Some(result),
        Err(failure) => {
            tracing::warn!(
                activity = request.name,
                instance = answer.instance_id,
                "activity failed: {failure}"
            );
            let mut details = failure.to_details();
            if details.error_message.is_empty() {
                // Some sidecars take a failure without a message for a success.
                details.error_message.clone_from(&details.error_type);
            }
            answer.failure_details = Some(details);
        }
    }
    Some(answer)
}

/// Runs a batch; `None` when its thread ended without an answer.
async fn batch(
    running: &Running,
    request: EntityBatchRequest,
    destinations: Vec<OperationInfo>,
    token: String,
) -> Option<EntityBatchResult> {
    let name = request.instance_id.parse::<EntityId>();
    let name = name.as_ref().map_or("", EntityId::name);
    let mut answer = match running.functions.entity(name) {
        Some(function) => {
            let span = tracing::info_span!("entity batch", entity = request.instance_id);
            let time_limit = TimeLimit::until(running.stopping.clone());
            function.run(request, time_limit).instrument(span).await?
        }
        None => unknown_entity(request),
    };
    answer.completion_token = token;
    answer.operation_infos = destinations;
    Some(answer)
}

/// Every operation fails, and the state stays.
fn unknown_entity(request: EntityBatchRequest) -> EntityBatchResult {
    let failure = Failure::new(
        error_type::ENTITY_FUNCTION_NOT_FOUND,
        format!(
            "the worker has no entity function for '{}'",
            request.instance_id
        ),
    )
    .non_retriable();
    tracing::error!("{failure}");
    let failed = || OperationResult {
        result_type: Some(ResultType::Failure(OperationResultFailure {
            failure_details: Some(failure.to_details()),
            ..Default::default()
        })),
    };
    EntityBatchResult {
        results: request.operations.iter().map(|_| failed()).collect(),
        entity_state: request.entity_state,
        ..Default::default()
    }
}
