//! One work item, from its delivery to its end.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use durable_protocol::EntityId;
use durable_protocol::messages::{
    AbandonTaskRequest, AbandonTaskResponse, ActivityRequest, ActivityResponse,
    CompleteTaskResponse, EntityBatchRequest, EntityBatchResult, EntityRequest, HealthPing,
    OperationInfo, OperationResult, OperationResultFailure, OrchestratorActionType,
    OrchestratorResponse, ResultType,
};
use functions_handler::redaction::redacted;
use prost::Message;
use prost::bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::connection::said;
use super::parts::parts;
use super::stream::Running;
use super::turn::{RawTurn, history_of};
use super::version::{VersionMismatch, Versioning};
use super::{entities, rewind};
use crate::engine::OrchestratorFunction;
use crate::time_limit::TimeLimit;
use crate::{ActivityContext, Failure, engine, entity, error_type, trigger, turns};

/// How long a turn of a version that this worker does not run is held, so that it does not come back at once.
const MISMATCH_PAUSE: Duration = Duration::from_secs(1);

/// A `WorkItem` whose turn is not decoded: the engine reads the message itself.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RawItem {
    #[prost(oneof = "RawRequest", tags = "1, 2, 3, 4, 5")]
    request: Option<RawRequest>,
    #[prost(string, tag = "10")]
    completion_token: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum RawRequest {
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

impl RawItem {
    /// Whether the sidecar only says that the stream is alive.
    pub(super) fn is_ping(&self) -> bool {
        matches!(self.request, Some(RawRequest::Ping(_)))
    }
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
///
/// An answer is one message, or several parts.
async fn finish<A: Message + Clone + 'static>(
    running: &Running,
    kind: &Kind,
    places: &Semaphore,
    token: String,
    answer: impl Future<Output = Option<Vec<A>>>,
) {
    let place = tokio::select! {
        biased;
        () = running.stopping.cancelled() => None,
        place = places.acquire() => place.ok(),
    };
    if place.is_some() {
        let done = async {
            for part in answer.await? {
                let sent = running
                    .connection
                    .deliver::<A, CompleteTaskResponse>(kind.complete, part);
                if !sent.await {
                    break;
                }
            }
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

/// What is answered in the place of something that is larger than the messages that the sidecar takes.
fn too_large(what: &str, size: usize, limit: usize) -> Failure {
    let problem = format!("{what} has {size} bytes; the message limit of the worker is {limit}");
    Failure::new(error_type::ANSWER_TOO_LARGE, problem).non_retriable()
}

/// Runs a turn; `None` when it is to be abandoned.
async fn turn(
    running: &Running,
    request: Bytes,
    token: String,
) -> Option<Vec<OrchestratorResponse>> {
    let mut answer = match RawTurn::decode(request.clone()) {
        Ok(turn) => run_turn(running, turn, request).await?,
        Err(error) => failed("", error_type::INVALID_REQUEST, error.to_string()),
    };
    answer.completion_token.clone_from(&token);
    let instance_id = answer.instance_id.clone();
    let limit = running.limits.message;
    Some(parts(answer, limit).unwrap_or_else(|size| {
        let failure = too_large("an action of the orchestrator", size, limit);
        let mut answer = failed_with(&instance_id, &failure);
        answer.completion_token = token;
        vec![answer]
    }))
}

async fn run_turn(
    running: &Running,
    mut turn: RawTurn,
    request: Bytes,
) -> Option<OrchestratorResponse> {
    let instance_id = turn.instance_id.clone();
    let mut changed = false;
    if turn.requires_history_streaming {
        let history = history_of(&turn);
        let fetched = running.connection.collect("StreamInstanceHistory", history);
        match fetched.await {
            Ok(chunks) => turn.add_history(chunks),
            Err(status) => {
                let problem = said(&status);
                tracing::warn!(
                    instance = instance_id,
                    "the history cannot be fetched: {problem}"
                );
                return None;
            }
        }
        changed = true;
    }
    let Some(started) = turn.started() else {
        let problem = "the history has no ExecutionStarted event".to_owned();
        return Some(failed(&instance_id, error_type::INVALID_REQUEST, problem));
    };
    let version = started.version.as_deref();
    if let Some(versioning) = &running.functions.versioning
        && let Some(problem) = versioning.problem(version)
    {
        return refused(running, versioning, &instance_id, problem).await;
    }
    let Some(function) = running.functions.orchestrator(&started.name) else {
        let problem = format!("the worker has no orchestrator '{}'", started.name);
        let error_type = error_type::ORCHESTRATOR_NOT_FOUND;
        return Some(failed(&instance_id, error_type, problem));
    };
    if let Some(rewound) = rewind::answer(&turn) {
        return Some(rewound.unwrap_or_else(|error| {
            failed(&instance_id, error_type::INVALID_REQUEST, error.to_string())
        }));
    }
    changed |= turn.translate();
    if let Some(version) = &running.functions.default_version {
        turn.set_default_version(version);
        changed = true;
    }
    let request = match changed {
        true => turn.encode_to_vec().into(),
        false => request,
    };
    let mut answer = execute(function, &instance_id, request).await;
    answer.instance_id = instance_id;
    for action in &mut answer.actions {
        if let Some(OrchestratorActionType::ScheduleTask(task)) =
            &mut action.orchestrator_action_type
        {
            // As the workers for .NET do. A sidecar chooses workers by it.
            task.version = task.version.take().or_else(|| version.map(str::to_owned));
        }
    }
    entities::translate_actions(&mut answer);
    Some(answer)
}

/// The answer to a turn of a version that this worker does not run; `None` when it is to be abandoned.
async fn refused(
    running: &Running,
    versioning: &Versioning,
    instance_id: &str,
    problem: String,
) -> Option<OrchestratorResponse> {
    match versioning.otherwise {
        VersionMismatch::Fail => Some(failed(instance_id, error_type::VERSION_MISMATCH, problem)),
        VersionMismatch::Abandon => {
            tracing::warn!(instance = instance_id, "{problem}");
            running
                .stopping
                .run_until_cancelled(sleep(MISMATCH_PAUSE))
                .await;
            None
        }
    }
}

/// Runs the turn on the thread of its instance.
async fn execute(
    function: &OrchestratorFunction,
    instance_id: &str,
    request: Bytes,
) -> OrchestratorResponse {
    let span = tracing::info_span!(
        "turn",
        orchestrator = function.name(),
        instance = instance_id
    );
    let answer = {
        let (function, request) = (function.clone(), request.clone());
        turns::run(Some(instance_id), move |kept| {
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
    OrchestratorResponse::decode(answer.as_slice())
        .unwrap_or_else(|error| failed(instance_id, error_type::INVALID_REQUEST, error.to_string()))
}

fn failed(instance_id: &str, error_type: &str, problem: String) -> OrchestratorResponse {
    failed_with(
        instance_id,
        &Failure::new(error_type, problem).non_retriable(),
    )
}

/// The answer that ends the instance with `failure`.
fn failed_with(instance_id: &str, failure: &Failure) -> OrchestratorResponse {
    tracing::error!(instance = instance_id, "{failure}");
    OrchestratorResponse {
        instance_id: instance_id.to_owned(),
        actions: vec![engine::failed_action(failure)],
        ..Default::default()
    }
}

/// Runs an activity; `None` when the runtime ends under it.
async fn activity(
    running: &Running,
    request: ActivityRequest,
    token: String,
) -> Option<Vec<ActivityResponse>> {
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
    let limit = running.limits.message;
    let outcome = outcome.and_then(|result| {
        let size = result.len() + answer.encoded_len();
        match size > limit {
            true => Err(too_large("the result of the activity", size, limit)),
            false => Ok(result),
        }
    });
    match outcome {
        Ok(result) => answer.result = Some(result),
        Err(failure) => {
            tracing::warn!(
                activity = request.name,
                instance = answer.instance_id,
                "activity failed: {}",
                redacted(&failure.to_string())
            );
            let mut details = failure.to_details();
            if details.error_message.is_empty() {
                // Some sidecars take a failure without a message for a success.
                details.error_message.clone_from(&details.error_type);
            }
            answer.failure_details = Some(details);
        }
    }
    Some(vec![answer])
}

/// Runs a batch; `None` when its thread ended without an answer.
async fn batch(
    running: &Running,
    request: EntityBatchRequest,
    destinations: Vec<OperationInfo>,
    token: String,
) -> Option<Vec<EntityBatchResult>> {
    let (instance_id, state) = (request.instance_id.clone(), request.entity_state.clone());
    let operations = request.operations.len();
    let name = instance_id.parse::<EntityId>();
    let name = name.as_ref().map_or("", EntityId::name);
    let answer = match running.functions.entity(name) {
        Some(function) => {
            let span = tracing::info_span!("entity batch", entity = instance_id);
            let time_limit = TimeLimit::until(running.stopping.clone());
            let batch = entity::on_thread(Arc::clone(function), request, time_limit);
            let answer = batch.instrument(span).await.ok()?;
            let (size, limit) = (answer.encoded_len(), running.limits.message);
            match size > limit {
                true => Err(too_large("the answer of the entity", size, limit)),
                false => Ok(answer),
            }
        }
        None => Err(Failure::new(
            error_type::ENTITY_FUNCTION_NOT_FOUND,
            format!("the worker has no entity function for '{instance_id}'"),
        )
        .non_retriable()),
    };
    let mut answer = answer.unwrap_or_else(|failure| {
        tracing::error!(entity = instance_id, "{failure}");
        all_failed(operations, state, &failure)
    });
    answer.completion_token = token;
    answer.operation_infos = destinations;
    Some(vec![answer])
}

/// Every operation fails, and the state stays.
fn all_failed(operations: usize, state: Option<String>, failure: &Failure) -> EntityBatchResult {
    let failed = || OperationResult {
        result_type: Some(ResultType::Failure(OperationResultFailure {
            failure_details: Some(failure.to_details()),
            ..Default::default()
        })),
    };
    EntityBatchResult {
        results: std::iter::repeat_with(failed).take(operations).collect(),
        entity_state: state,
        ..Default::default()
    }
}
