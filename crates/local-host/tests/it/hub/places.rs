//! Places (the limits of turns, activities and batches at a time) and turns that are repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    CompleteOrchestrationAction, EntityBatchRequest, EntityBatchResult, EventType, OperationResult,
    OperationResultSuccess, OrchestrationStatus, OrchestratorActionType, OrchestratorRequest,
    ResultType, ScheduleTaskAction, SignalEntityRequest, SignalEntityResponse, TaskFailureDetails,
};
use futures::future::BoxFuture;
use local_host::hub::{DurableKind, Hub};
use local_host::invoke::{Invoke, InvokeError};
use local_host::json::JsonObject;
use local_host::log::LogLevel;
use prost::Message;

use super::support::{
    Answer, Client, Log, action, activity, complete, count, decide, decode_request, function,
    hub_with, options, orchestrator, request_bytes, return_value,
};

/// The number of places of each kind.
fn places() -> usize {
    10 * std::thread::available_parallelism().unwrap().get()
}

/// `stuck` fails with `Stopping` until `free` has run.
#[derive(Default)]
struct StuckUntilFree(Arc<AtomicBool>);

impl StuckUntilFree {
    fn run(&self, is_free: bool) -> Result<(), InvokeError> {
        if is_free {
            self.0.store(true, Ordering::SeqCst);
        }
        match self.0.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(InvokeError::Stopping),
        }
    }
}

impl Invoke for StuckUntilFree {
    fn invoke(&self, name: &str, data: JsonObject, _: JsonObject) -> BoxFuture<'static, Answer> {
        let answer = match (data.get("context"), data.get("entity")) {
            (Some(context), _) => fan_out(&decode_request(&request_bytes(context))),
            (_, Some(entity)) => {
                let batch = EntityBatchRequest::decode(&*request_bytes(entity)).unwrap();
                self.run(batch.instance_id.ends_with("free"))
                    .map(|()| batch_done())
            }
            _ => self.run(name == "free").map(|()| return_value("done")),
        };
        Box::pin(async move { answer })
    }
}

/// Fills every place with `stuck`, schedules `free`, and waits for all.
fn fan_out(request: &OrchestratorRequest) -> Answer {
    let all = places() + 1;
    let done = count(request, |it| matches!(it, EventType::TaskCompleted(_)));
    decide(if done == all {
        vec![complete(0, OrchestrationStatus::Completed, "1")]
    } else if request.past_events.is_empty() {
        (1..=all)
            .map(|id| {
                let task = ScheduleTaskAction {
                    name: if id == all { "free" } else { "stuck" }.into(),
                    ..ScheduleTaskAction::default()
                };
                action(
                    i32::try_from(id).unwrap(),
                    OrchestratorActionType::ScheduleTask(Box::new(task)),
                )
            })
            .collect()
    } else {
        Vec::new()
    })
}

fn batch_done() -> local_host::invoke::InvocationAnswer {
    let result = EntityBatchResult {
        results: vec![OperationResult {
            result_type: Some(ResultType::Success(OperationResultSuccess::default())),
        }],
        entity_state: Some("1".into()),
        ..EntityBatchResult::default()
    };
    return_value(STANDARD.encode(result.encode_to_vec()))
}

async fn start() -> (Hub, Client) {
    let functions = vec![
        orchestrator("fanOut"),
        activity("stuck"),
        activity("free"),
        function("gate", DurableKind::Entity, "entity"),
    ];
    let invoke = Arc::new(StuckUntilFree::default());
    let hub = Hub::start(options(), functions, invoke, Log::default().sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    (hub, client)
}

/// Fails when the work does not end, because a place was not released.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work)
        .await
        .expect("the places are taken for ever")
}

#[tokio::test]
async fn an_activity_that_waits_for_its_repetition_leaves_its_place_to_others() {
    let (hub, client) = start().await;
    client.start("a", "fanOut", "null").await.unwrap();
    let state = in_time(client.completion("a")).await;
    assert_eq!(state.orchestration_status(), OrchestrationStatus::Completed);
    hub.stop().await;
}

#[tokio::test]
async fn an_entity_that_waits_for_its_repetition_leaves_its_place_to_others() {
    let (hub, client) = start().await;
    let stuck = (0..places()).map(|n| format!("stuck{n}"));
    let keys: Vec<String> = stuck.chain(["free".to_owned()]).collect();
    for (n, key) in keys.iter().enumerate() {
        let request = SignalEntityRequest {
            instance_id: format!("@gate@{key}"),
            name: "open".into(),
            request_id: format!("aaaaaaaa-0000-4000-8000-{n:012}"),
            ..SignalEntityRequest::default()
        };
        let _: SignalEntityResponse = client.call("SignalEntity", request).await.unwrap();
    }
    for key in &keys {
        let id = format!("@gate@{key}");
        let opened = hub.wait_for_entity(&id, |entity| entity.serialized_state.is_some());
        in_time(opened).await;
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_returned_turn_is_logged_as_information_once_and_then_as_a_warning() {
    let log = Log::default();
    let turns = AtomicUsize::new(0);
    let (hub, client) = hub_with(vec![orchestrator("a")], &log, move |_, _| {
        if turns.fetch_add(1, Ordering::SeqCst) == 2 {
            return decide(vec![complete(0, OrchestrationStatus::Completed, "1")]);
        }
        let cause = TaskFailureDetails {
            error_type: "System.OutOfMemoryException".into(),
            ..TaskFailureDetails::default()
        };
        decide(vec![action(
            0,
            OrchestratorActionType::CompleteOrchestration(Box::new(CompleteOrchestrationAction {
                orchestration_status: OrchestrationStatus::Failed.into(),
                failure_details: Some(TaskFailureDetails {
                    error_type: "Redeliver".into(),
                    inner_failure: Some(Box::new(cause)),
                    ..TaskFailureDetails::default()
                }),
                ..CompleteOrchestrationAction::default()
            })),
        )])
    })
    .await;
    client.start("a", "a", "null").await.unwrap();
    client.completion("a").await;
    hub.stop().await;
    let words = "its handler gave the turn back, as it does when it stops.";
    assert!(log.contains(LogLevel::Info, words));
    assert!(log.contains(LogLevel::Warning, words));
    for level in [LogLevel::Info, LogLevel::Warning, LogLevel::Error] {
        assert!(!log.contains(level, "memory"));
    }
}
