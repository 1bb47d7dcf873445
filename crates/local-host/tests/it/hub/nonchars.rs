//! U+FFFE and U+FFFF in each place of the recorded table. A message that blocks a real task hub fails at
//! once, with a message that says so. A call that a real host refuses is refused with the same code. All
//! other places, and all places with queue messages in Base64, are harmless.

use std::sync::Arc;

use durable_protocol::messages::{
    CompleteOrchestrationAction, CreateSubOrchestrationAction, EventType, HistoryEvent,
    OrchestrationInstance, OrchestrationStatus, OrchestratorAction, OrchestratorActionType,
    OrchestratorRequest, OrchestratorResponse, ScheduleTaskAction, SendEventAction,
    SignalEntityRequest, SignalEntityResponse, TaskFailureDetails, TerminateRequest,
    TerminateResponse,
};
use futures::future::BoxFuture;
use local_host::hub::{Hub, HubOptions};
use local_host::invoke::Invoke;
use local_host::json::JsonObject;
use local_host::log::LogLevel;
use serde_json::Value;
use tonic::{Code, Status};

use super::fixture;
use super::script::invocation;
use super::support::{
    Answer, Client, Log, action, activity, complete, decide, decode_request, history, options,
    orchestrator, request_bytes, response,
};

/// Both characters, each with its name.
const CHARACTERS: [(char, &str); 2] = [('\u{fffe}', "U+FFFE"), ('\u{ffff}', "U+FFFF")];
const COMPLETED: OrchestrationStatus = OrchestrationStatus::Completed;
const FAILED: OrchestrationStatus = OrchestrationStatus::Failed;

/// The answer of an orchestrator, from its name and the turn.
type Decide = dyn Fn(&str, OrchestratorRequest) -> Answer + Send + Sync;

/// A handler with orchestrators, and one activity that answers with `answer`.
struct App {
    decide: Box<Decide>,
    answer: fixture::Answer,
}

impl Invoke for App {
    fn invoke(&self, name: &str, data: JsonObject, _: JsonObject) -> BoxFuture<'static, Answer> {
        let answer = match data.get("context") {
            Some(context) => (self.decide)(name, decode_request(&request_bytes(context))),
            None => invocation(&self.answer),
        };
        Box::pin(async move { answer })
    }
}

/// A hub with queue messages in Base64 or not.
async fn hub(base64: bool, decide: Box<Decide>, answer: fixture::Answer) -> (Hub, Client, Log) {
    let options = HubOptions {
        base64_queue_messages: base64,
        ..options()
    };
    let functions = vec![orchestrator("main"), orchestrator("child"), activity("act")];
    let log = Log::default();
    let app = Arc::new(App { decide, answer });
    let hub = Hub::start(options, functions, app, log.sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    (hub, client, log)
}

fn answer(body: String, content_type: &str) -> fixture::Answer {
    fixture::Answer {
        status: 200,
        headers: vec![("Content-Type".into(), content_type.into())],
        body,
        ..fixture::Answer::default()
    }
}

fn result(value: &str) -> fixture::Answer {
    answer(format!(r#"{{"ReturnValue":{value}}}"#), "application/json")
}

fn call(name: &str, input: &str) -> OrchestratorAction {
    action(
        0,
        OrchestratorActionType::ScheduleTask(Box::new(ScheduleTaskAction {
            name: name.into(),
            input: Some(input.into()),
            ..ScheduleTaskAction::default()
        })),
    )
}

fn child(id: &str, name: &str, input: &str) -> OrchestratorAction {
    action(
        0,
        OrchestratorActionType::CreateSubOrchestration(Box::new(CreateSubOrchestrationAction {
            instance_id: id.into(),
            name: name.into(),
            input: Some(input.into()),
            ..CreateSubOrchestrationAction::default()
        })),
    )
}

fn event(target: &str, name: &str, data: &str) -> OrchestratorAction {
    action(
        0,
        OrchestratorActionType::SendEvent(Box::new(SendEventAction {
            instance: Some(OrchestrationInstance {
                instance_id: target.into(),
                execution_id: None,
            }),
            name: name.into(),
            data: Some(data.into()),
        })),
    )
}

fn failed(message: &str) -> OrchestratorAction {
    action(
        1,
        OrchestratorActionType::CompleteOrchestration(Box::new(CompleteOrchestrationAction {
            orchestration_status: FAILED.into(),
            failure_details: Some(TaskFailureDetails {
                error_type: "E".into(),
                error_message: "outer".into(),
                inner_failure: Some(Box::new(TaskFailureDetails {
                    error_message: message.into(),
                    ..TaskFailureDetails::default()
                })),
                ..TaskFailureDetails::default()
            }),
            ..CompleteOrchestrationAction::default()
        })),
    )
}

/// Status and output of an instance that decides this in its first turn and completes.
async fn outcome(base64: bool, decided: OrchestratorAction) -> (OrchestrationStatus, Value) {
    let decide = move |name: &str, _: OrchestratorRequest| match name {
        "main" => decide(vec![decided.clone(), complete(1, COMPLETED, "1")]),
        _ => decide(vec![complete(0, COMPLETED, "1")]),
    };
    let (hub, client, _) = hub(base64, Box::new(decide), result("1")).await;
    client.start("i", "main", "null").await.unwrap();
    let state = client.completion("i").await;
    hub.stop().await;
    let output = serde_json::from_str(&state.output.clone().unwrap()).unwrap();
    (state.orchestration_status(), output)
}

/// The character in this place blocks a real hub. Its escape is harmless, and so is Base64.
async fn blocks_a_real_hub(
    place: &str,
    decided: impl Fn(&str) -> OrchestratorAction,
    is_json: bool,
) {
    for (char, name) in CHARACTERS {
        let raw = decided(&format!("\"x{char}\""));
        let (status, output) = outcome(false, raw.clone()).await;
        assert_eq!(status, FAILED, "{place} {name}");
        let message = output["message"].as_str().unwrap();
        assert!(message.contains(place), "{message}");
        assert!(message.contains(name), "{message}");
        let details = output["details"].as_str().unwrap();
        for part in ["delivered again for ever", "escape", "Base64"] {
            assert!(details.contains(part), "{details}");
        }
        assert_eq!(outcome(true, raw).await.0, COMPLETED, "{place} {name}");
    }
    if is_json {
        let escaped = decided(r#""x\uffff""#);
        assert_eq!(outcome(false, escaped).await.0, COMPLETED, "{place}");
    }
}

#[tokio::test]
async fn activity_input_blocks_a_real_hub_and_its_escape_does_not() {
    blocks_a_real_hub(
        "the input of activity 'act'",
        |text| call("act", text),
        true,
    )
    .await;
}

#[tokio::test]
async fn activity_name_blocks_a_real_hub() {
    blocks_a_real_hub("the name of an activity", |text| call(text, "1"), false).await;
}

#[tokio::test]
async fn child_input_blocks_a_real_hub_and_its_escape_does_not() {
    let place = "the input of sub-orchestration 'child'";
    blocks_a_real_hub(place, |text| child("c", "child", text), true).await;
}

#[tokio::test]
async fn child_instance_id_blocks_a_real_hub() {
    let place = "the id of a sub-orchestration";
    blocks_a_real_hub(place, |text| child(text, "child", "1"), false).await;
}

#[tokio::test]
async fn child_name_blocks_a_real_hub() {
    let place = "the name of a sub-orchestration";
    blocks_a_real_hub(place, |text| child("c", text, "1"), false).await;
}

#[tokio::test]
async fn event_data_blocks_a_real_hub_and_its_escape_does_not() {
    let place = "the data of event 'go'";
    blocks_a_real_hub(place, |text| event("other", "go", text), true).await;
}

#[tokio::test]
async fn event_name_blocks_a_real_hub() {
    let place = "the name of an event";
    blocks_a_real_hub(place, |text| event("other", text, "1"), false).await;
}

#[tokio::test]
async fn entity_signal_blocks_a_real_hub_and_its_escape_does_not() {
    let signal = |text: &str| {
        let input = serde_json::to_string(text).unwrap();
        let data = format!(
            r#"{{"op":"set","signal":true,"id":"8d0d835f-2308-4723-9b36-000000000001","input":{input}}}"#
        );
        event("@counter@a", "op", &data)
    };
    blocks_a_real_hub("a message to the entity '@counter@a'", signal, true).await;
}

/// The output of a child, and whether its parent is notified.
async fn end_of_child(base64: bool, end: OrchestratorAction) -> (OrchestrationStatus, Value) {
    let decide = move |name: &str, request: OrchestratorRequest| {
        if name == "child" {
            return decide(vec![end.clone()]);
        }
        let is_parent_notified = history(&request).any(|event| {
            matches!(
                event.event_type,
                Some(
                    EventType::SubOrchestrationInstanceCompleted(_)
                        | EventType::SubOrchestrationInstanceFailed(_)
                )
            )
        });
        match is_parent_notified {
            true => decide(vec![complete(1, COMPLETED, "1")]),
            false => decide(vec![child("c", "child", "1")]),
        }
    };
    let (hub, client, _) = hub(base64, Box::new(decide), result("1")).await;
    client.start("i", "main", "null").await.unwrap();
    let parent = client.completion("i").await;
    assert_eq!(parent.orchestration_status(), COMPLETED, "{parent:?}");
    let state = client.completion("c").await;
    hub.stop().await;
    let output = state.output.clone().unwrap_or_default();
    let output = serde_json::from_str(&output).unwrap_or_default();
    (state.orchestration_status(), output)
}

#[tokio::test]
async fn child_output_blocks_a_real_hub_and_its_escape_does_not() {
    for (char, name) in CHARACTERS {
        let raw = complete(1, COMPLETED, &format!("\"{char}\""));
        let (status, output) = end_of_child(false, raw.clone()).await;
        assert_eq!(status, FAILED);
        let message = output["message"].as_str().unwrap();
        assert!(message.contains("the output of a sub-orchestration"));
        assert!(message.contains(name), "{message}");
        assert_eq!(end_of_child(true, raw).await.0, COMPLETED);
    }
    let escaped = complete(1, COMPLETED, r#""\uffff""#);
    assert_eq!(end_of_child(false, escaped).await.0, COMPLETED);
}

#[tokio::test]
async fn child_failure_message_blocks_a_real_hub_also_that_of_a_cause() {
    for (char, name) in CHARACTERS {
        let raw = failed(&format!("x{char}"));
        let (_, output) = end_of_child(false, raw.clone()).await;
        let message = output["message"].as_str().unwrap();
        assert!(message.contains("the failure of a sub-orchestration"));
        assert!(message.contains(name), "{message}");
        let (status, output) = end_of_child(true, raw).await;
        assert_eq!((status, output), (FAILED, Value::Null));
    }
}

/// The outcome of the activity for the orchestrator, and the log.
async fn end_of_activity(base64: bool, answer: fixture::Answer) -> (HistoryEvent, Log) {
    let (sender, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let decide = move |_: &str, request: OrchestratorRequest| {
        let end = history(&request).find(|event| {
            matches!(
                event.event_type,
                Some(EventType::TaskCompleted(_) | EventType::TaskFailed(_))
            )
        });
        match end {
            Some(end) => {
                sender.send(end.clone()).unwrap();
                decide(vec![complete(1, COMPLETED, "1")])
            }
            None => decide(vec![call("act", "1")]),
        }
    };
    let (hub, client, log) = hub(base64, Box::new(decide), answer).await;
    client.start("i", "main", "null").await.unwrap();
    client.completion("i").await;
    hub.stop().await;
    (ends.recv().await.unwrap(), log)
}

/// The answer blocks a real hub, and is harmless in Base64.
async fn answer_blocks_a_real_hub(place: &str, name: &str, answer: fixture::Answer) {
    let (end, log) = end_of_activity(false, answer.clone()).await;
    let Some(EventType::TaskFailed(failed)) = end.event_type else {
        panic!("{end:?}");
    };
    let inner = failed.failure_details.unwrap().inner_failure.unwrap();
    let message = inner.error_message;
    for part in [place, name, "run again and again", "Base64"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(log.contains(LogLevel::Error, place));
    let (end, _) = end_of_activity(true, answer).await;
    assert!(!format!("{end:?}").contains("local-host"), "{end:?}");
}

#[tokio::test]
async fn activity_result_blocks_a_real_hub_also_as_an_escape_because_the_host_parses_it() {
    for (char, name) in CHARACTERS {
        let escape = format!("\\u{:04x}", u32::from(char));
        for text in [char.to_string(), escape] {
            for value in [format!("\"x{text}\""), format!(r#"{{"a":["{text}"]}}"#)] {
                answer_blocks_a_real_hub("its result", name, result(&value)).await;
            }
        }
    }
}

#[tokio::test]
async fn activity_result_that_is_json_in_a_string_keeps_its_escape() {
    let (end, _) = end_of_activity(false, result(r#""{\"activityResult\":\"\\uffff\"}""#)).await;
    let Some(EventType::TaskCompleted(completed)) = end.event_type else {
        panic!("{end:?}");
    };
    assert_eq!(
        completed.result.as_deref(),
        Some(r#""{\"activityResult\":\"\\uffff\"}""#)
    );
}

#[tokio::test]
async fn activity_failure_text_blocks_a_real_hub() {
    for (char, name) in CHARACTERS {
        let text = answer(format!("Busy: {char}"), "text/plain");
        answer_blocks_a_real_hub("its failure", name, text).await;
    }
}

/// These are stored in tables and blobs only.
#[tokio::test]
async fn output_failure_and_custom_status_without_a_parent_are_harmless() {
    for (char, _) in CHARACTERS {
        let raw = format!("\"{char}\"");
        for end in [complete(1, COMPLETED, &raw), failed(&raw)] {
            let status = raw.clone();
            let decide = move |_: &str, _: OrchestratorRequest| {
                Ok(response(&OrchestratorResponse {
                    actions: vec![end.clone()],
                    custom_status: Some(status.clone()),
                    ..OrchestratorResponse::default()
                }))
            };
            let (hub, client, _) = hub(false, Box::new(decide), result("1")).await;
            client.start("i", "main", "null").await.unwrap();
            let state = client.completion("i").await;
            assert_eq!(state.custom_status.as_deref(), Some(raw.as_str()));
            assert!(!state.output.unwrap_or_default().contains("local-host"));
            hub.stop().await;
        }
    }
}

#[tokio::test]
async fn input_of_continue_as_new_is_harmless() {
    let raw = "\"\u{ffff}\"";
    let decide = move |_: &str, request: OrchestratorRequest| {
        let again = history(&request).any(|event| {
            matches!(&event.event_type, Some(EventType::ExecutionStarted(started))
                if started.input.as_deref() == Some(raw))
        });
        decide(vec![match again {
            true => complete(0, COMPLETED, "1"),
            false => complete(0, OrchestrationStatus::ContinuedAsNew, raw),
        }])
    };
    let (hub, client, _) = hub(false, Box::new(decide), result("1")).await;
    client.start("i", "main", "null").await.unwrap();
    assert_eq!(
        client.completion("i").await.orchestration_status(),
        COMPLETED
    );
    hub.stop().await;
}

/// A hub with an instance `i` that waits.
async fn waiting(base64: bool) -> (Hub, Client, Log) {
    let decide = |_: &str, _: OrchestratorRequest| decide(vec![]);
    let (hub, client, log) = hub(base64, Box::new(decide), result("1")).await;
    client.start("i", "main", "null").await.unwrap();
    (hub, client, log)
}

async fn terminate(client: &Client, reason: &str) -> Result<(), Status> {
    let request = TerminateRequest {
        instance_id: "i".into(),
        output: Some(reason.into()),
        recursive: false,
    };
    client
        .call::<_, TerminateResponse>("TerminateInstance", request)
        .await
        .map(|_| ())
}

async fn signal(client: &Client, input: &str) -> Result<(), Status> {
    let request = SignalEntityRequest {
        instance_id: "@counter@a".into(),
        name: "set".into(),
        input: Some(input.into()),
        request_id: "8d0d835f-2308-4723-9b36-000000000001".into(),
        ..SignalEntityRequest::default()
    };
    client
        .call::<_, SignalEntityResponse>("SignalEntity", request)
        .await
        .map(|_| ())
}

/// Code and text, as recorded over gRPC.
fn refusal(outcome: Result<(), Status>) -> (Code, String) {
    let status = outcome.unwrap_err();
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn calls_of_clients_are_refused_with_the_recorded_codes_and_nothing_else_happens() {
    const STORAGE: &str = "An error occurred while communicating with Azure Storage";
    for (char, name) in CHARACTERS {
        let (hub, client, log) = waiting(false).await;
        let raw = format!("\"{char}\"");
        let not_started = |id: &str| {
            let text = format!(
                "Failed to start instance with ID {id}.\nInner Exception message: {STORAGE}."
            );
            (Code::Internal, text)
        };
        let input = client.start("x", "main", &raw).await.map(|_| ());
        assert_eq!(refusal(input), not_started("x"));
        assert_eq!(client.get("x").await, None);
        let id = client.start(&raw, "main", "1").await.map(|_| ());
        assert_eq!(refusal(id), not_started(&raw));
        let unknown = (Code::Unknown, STORAGE.to_owned());
        assert_eq!(refusal(client.raise("i", "go", &raw).await), unknown);
        assert_eq!(refusal(client.raise("i", &raw, "1").await), unknown);
        assert_eq!(refusal(terminate(&client, &raw).await), unknown);
        assert_eq!(
            refusal(signal(&client, &raw).await),
            (Code::Unknown, "Exception was thrown by handler.".to_owned())
        );
        for place in [
            "the input of an instance",
            "the id of an instance",
            "the data of an event",
            "the name of an event",
            "the reason of a termination",
            "the input of an operation",
        ] {
            assert!(log.contains(LogLevel::Error, &format!("{place} holds {name}")));
        }
        hub.stop().await;
    }
}

#[tokio::test]
async fn calls_of_clients_are_accepted_with_the_escape_and_in_base64() {
    for (base64, text) in [(false, r#""\uffff""#), (true, "\"\u{ffff}\"")] {
        let (hub, client, _) = waiting(base64).await;
        client.start("x", "main", text).await.unwrap();
        client.raise("i", "go", text).await.unwrap();
        signal(&client, text).await.unwrap();
        if base64 {
            client.start(text, "main", "1").await.unwrap();
            client.raise("i", text, "1").await.unwrap();
        }
        terminate(&client, text).await.unwrap();
        hub.stop().await;
    }
}
