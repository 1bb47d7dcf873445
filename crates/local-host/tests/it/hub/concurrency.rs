//! Many instances, many activities, long histories.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use durable_protocol::messages::{
    EventType, OrchestrationStatus, OrchestratorActionType, OrchestratorRequest, ScheduleTaskAction,
};
use futures::future::{BoxFuture, join_all};
use local_host::hub::Hub;
use local_host::invoke::{Invoke, InvokeError};
use local_host::json::JsonObject;

use super::script::events;
use super::support::{
    Answer, Client, Handler, Log, action, activity, complete, count, decide, decode_request,
    hub_with, options, orchestrator, request_bytes,
};

fn schedule(id: i32, input: &str) -> durable_protocol::messages::OrchestratorAction {
    action(
        id,
        OrchestratorActionType::ScheduleTask(Box::new(ScheduleTaskAction {
            name: "echo".into(),
            input: Some(input.into()),
            ..ScheduleTaskAction::default()
        })),
    )
}

/// Runs `echo` five times, one after the other.
fn chain(request: &OrchestratorRequest) -> Answer {
    let scheduled = count(request, |event| {
        matches!(event, EventType::TaskScheduled(_))
    });
    let completed = count(request, |event| {
        matches!(event, EventType::TaskCompleted(_))
    });
    decide(match (scheduled, completed) {
        (_, 5) => vec![complete(5, OrchestrationStatus::Completed, "\"done\"")],
        (scheduled, completed) if scheduled == completed => {
            let id = i32::try_from(scheduled).unwrap();
            vec![schedule(id, &id.to_string())]
        }
        _ => Vec::new(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_instances_run_side_by_side() {
    let (hub, client) = hub_with(
        vec![orchestrator("chain"), activity("echo")],
        &Log::default(),
        |_, request| chain(&request),
    )
    .await;
    let jobs = (0..200).map(|n| {
        let client = client.clone();
        async move {
            let id = format!("job-{n}");
            client.start(&id, "chain", "null").await.unwrap();
            client.completion(&id).await
        }
    });
    for state in join_all(jobs).await {
        assert_eq!(state.orchestration_status(), OrchestrationStatus::Completed);
        assert_eq!(state.output.as_deref(), Some("\"done\""));
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_two_hundred_activities_of_one_turn_has_one_result() {
    let (hub, client) = hub_with(
        vec![orchestrator("fanOut"), activity("echo")],
        &Log::default(),
        |_, request| {
            if request.past_events.is_empty() {
                return decide((0..200).map(|id| schedule(id, &id.to_string())).collect());
            }
            let results: HashMap<i32, String> = super::support::history(&request)
                .filter_map(|event| match &event.event_type {
                    Some(EventType::TaskCompleted(it)) => {
                        Some((it.task_scheduled_id, it.result.clone().unwrap()))
                    }
                    _ => None,
                })
                .collect();
            let arrived = count(&request, |event| {
                matches!(event, EventType::TaskCompleted(_))
            });
            if arrived < 200 {
                return decide(Vec::new());
            }
            let right = arrived == 200 && (0..200).all(|id| results[&id] == id.to_string());
            decide(vec![complete(
                200,
                OrchestrationStatus::Completed,
                &right.to_string(),
            )])
        },
    )
    .await;
    client.start("fan-out", "fanOut", "null").await.unwrap();
    assert_eq!(
        client.completion("fan-out").await.output.as_deref(),
        Some("true")
    );
    hub.stop().await;
}

/// Keeps the bytes of every request.
struct Recorder<F> {
    handler: Handler<F>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl<F> Invoke for Recorder<F>
where
    F: Fn(&str, OrchestratorRequest) -> Answer + Send + Sync + 'static,
{
    fn invoke(
        &self,
        function: &str,
        data: JsonObject,
        metadata: JsonObject,
    ) -> BoxFuture<'static, Answer> {
        if let Some(context) = data.get("context") {
            self.requests.lock().unwrap().push(request_bytes(context));
        }
        self.handler.invoke(function, data, metadata)
    }
}

#[tokio::test]
async fn every_past_begins_with_the_bytes_that_the_turn_before_had_seen() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let hub = Hub::start(
        options(),
        vec![orchestrator("many"), activity("echo")],
        Arc::new(Recorder {
            handler: Handler(|_: &str, request: OrchestratorRequest| {
                let turns = count(&request, |it| {
                    matches!(it, EventType::OrchestratorStarted(_))
                });
                let id = i32::try_from(turns).unwrap();
                decide(if turns == 300 {
                    vec![complete(id, OrchestrationStatus::Completed, "1")]
                } else {
                    vec![schedule(id, "{\"a\":\"é\"}")]
                })
            }),
            requests: Arc::clone(&requests),
        }),
        Log::default().sink(),
    )
    .await
    .unwrap();
    let client = Client::connect(&hub).await;
    client.start("many", "many", "null").await.unwrap();
    client.completion("many").await;
    hub.stop().await;
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 300);
    let mut seen = Vec::new();
    for request in requests.iter() {
        let past = events(request, 3);
        assert!(past.starts_with(&seen));
        seen = [past, events(request, 4)].concat();
    }
    // Only the tag of the field differs, so new events can be decoded as past ones.
    let last = decode_request(requests.last().unwrap());
    assert_eq!(last.past_events.len(), 299 * 4);
}

#[tokio::test]
async fn a_turn_that_timed_out_or_met_a_stopping_host_is_repeated() {
    let turns = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&turns);
    let (hub, client) = hub_with(
        vec![orchestrator("slow")],
        &Log::default(),
        move |_, request| {
            let mut turns = seen.lock().unwrap();
            turns.push(super::shape::all(&request.new_events));
            match turns.len() {
                1 => Err(InvokeError::Timeout {
                    timeout: "00:00:05".into(),
                    function: "slow".into(),
                }),
                2 => Err(InvokeError::Stopping),
                _ => decide(vec![complete(0, OrchestrationStatus::Completed, "1")]),
            }
        },
    )
    .await;
    client.start("slow", "slow", "null").await.unwrap();
    let state = client.completion("slow").await;
    assert_eq!(state.orchestration_status(), OrchestrationStatus::Completed);
    hub.stop().await;
    let turns = turns.lock().unwrap();
    assert_eq!(turns.len(), 3);
    assert!(turns.iter().all(|turn| *turn == turns[0]));
}
