//! The decision of a turn is dropped when its execution ended while it was under way.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use durable_protocol::messages::{
    CreateInstanceRequest, EventType, OrchestrationStatus, OrchestratorRequest, TerminateRequest,
    TerminateResponse,
};
use futures::future::BoxFuture;
use local_host::hub::Hub;
use local_host::invoke::{Invoke, InvokeError};
use local_host::json::JsonObject;
use local_host::log::LogLevel;
use tokio::sync::Semaphore;

use super::support::{
    Answer, Client, Log, complete, decide, decode_request, history, options, orchestrator,
    request_bytes,
};

/// Ends every instance with its input. Turns of the input `"old"` wait until they are released.
struct Held {
    fails: bool,
    entered: Arc<Semaphore>,
    let_go: Arc<Semaphore>,
}

fn input(request: &OrchestratorRequest) -> String {
    let inputs = history(request).filter_map(|event| match &event.event_type {
        Some(EventType::ExecutionStarted(start)) => start.input.clone(),
        _ => None,
    });
    inputs.collect()
}

impl Invoke for Held {
    fn invoke(&self, _: &str, data: JsonObject, _: JsonObject) -> BoxFuture<'static, Answer> {
        let request = decode_request(&request_bytes(data.get("context").unwrap()));
        let (entered, let_go, fails) = (self.entered.clone(), self.let_go.clone(), self.fails);
        Box::pin(async move {
            let input = input(&request);
            if input == "\"old\"" {
                entered.add_permits(1);
                let_go.acquire().await.unwrap().forget();
                if fails {
                    return Err(InvokeError::Stopping);
                }
            }
            decide(vec![complete(0, OrchestrationStatus::Completed, &input)])
        })
    }
}

/// As on a real host, an instance that is terminated before its scheduled start still runs. It can be started
/// again while its turn is under way.
async fn replaced_while_a_turn_is_under_way(fails: bool) {
    let held = Held {
        fails,
        entered: Arc::new(Semaphore::new(0)),
        let_go: Arc::new(Semaphore::new(0)),
    };
    let (entered, let_go) = (held.entered.clone(), held.let_go.clone());
    let log = Log::default();
    let functions = vec![orchestrator("echo")];
    let hub = Hub::start(options(), functions, Arc::new(held), log.sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    let start = |input: &str, scheduled| CreateInstanceRequest {
        instance_id: "a".into(),
        name: "echo".into(),
        input: Some(input.into()),
        scheduled_start_timestamp: scheduled,
        ..CreateInstanceRequest::default()
    };
    let soon = (SystemTime::now() + Duration::from_secs(1)).into();
    client
        .start_with(start("\"old\"", Some(soon)))
        .await
        .unwrap();
    let stop = TerminateRequest {
        instance_id: "a".into(),
        ..TerminateRequest::default()
    };
    client
        .call::<_, TerminateResponse>("TerminateInstance", stop)
        .await
        .unwrap();
    entered.acquire().await.unwrap().forget();
    client.start_with(start("\"new\"", None)).await.unwrap();
    let_go.add_permits(1);

    let state = client.completion("a").await;
    assert_eq!(state.orchestration_status(), OrchestrationStatus::Completed);
    assert_eq!(state.output.as_deref(), Some("\"new\""));
    if !fails {
        log.wait_for(LogLevel::Warning, "was thrown away").await;
    }
    hub.stop().await;
}

#[tokio::test]
async fn the_answer_of_an_ended_execution_does_not_reach_the_next_one() {
    replaced_while_a_turn_is_under_way(false).await;
}

#[tokio::test]
async fn the_messages_of_an_ended_execution_do_not_reach_the_next_one() {
    replaced_while_a_turn_is_under_way(true).await;
}
