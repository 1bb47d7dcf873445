//! Any bytes as the result of an activity, as the message of its failure, and as the marker inside that
//! message: the orchestrator gets a value or a failure, never a panic.
#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    EventType, ExecutionStartedEvent, HistoryEvent, OrchestratorRequest, OrchestratorResponse,
    TaskCompletedEvent, TaskFailedEvent, TaskFailureDetails,
};
use durable_functions::{Activity, OrchestrationContext, Orchestrator};
use durable_functions::worker::{OrchestratorFunction, execute};
use libfuzzer_sys::fuzz_target;
use prost::Message;
use serde_json::Value;

static FUNCTION: LazyLock<OrchestratorFunction> = LazyLock::new(|| {
    OrchestratorFunction::new(
        Orchestrator::new("call"),
        async |ctx: OrchestrationContext, (): ()| {
            Ok(ctx.call(Activity::<(), Value>::new("call"), ()).await?)
        },
    )
});

fn event(kind: EventType) -> HistoryEvent {
    HistoryEvent {
        event_id: -1,
        timestamp: None,
        event_type: Some(kind),
    }
}

/// The result as the host stores a string, and unchanged.
fn results(text: &str) -> [String; 2] {
    [Value::from(text).to_string(), text.to_owned()]
}

fn failed(message: String) -> EventType {
    EventType::TaskFailed(Box::new(TaskFailedEvent {
        task_scheduled_id: 0,
        failure_details: Some(TaskFailureDetails {
            error_message: message,
            ..Default::default()
        }),
    }))
}

/// The text unchanged, inside a marker, and as the content of a marker.
fn failures(text: &str) -> [EventType; 3] {
    let marker = |base64: &str| failed(format!("Type: message <activityFailure {base64}>"));
    let base64 = STANDARD.encode(text);
    [failed(text.to_owned()), marker(text), marker(&base64)]
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let completed = results(&text).map(|result| {
        EventType::TaskCompleted(TaskCompletedEvent {
            task_scheduled_id: 0,
            result: Some(result),
        })
    });
    for end in completed.into_iter().chain(failures(&text)) {
        let request = OrchestratorRequest {
            instance_id: "abc".to_owned(),
            new_events: vec![
                event(EventType::ExecutionStarted(Box::new(
                    ExecutionStartedEvent {
                        name: "call".to_owned(),
                        ..Default::default()
                    },
                ))),
                event(end),
            ],
            ..Default::default()
        };
        let answer = execute(&FUNCTION, request.encode_to_vec()).expect("the request is valid");
        let answer = OrchestratorResponse::decode(answer.as_slice()).expect("a valid answer");
        assert_eq!(answer.actions.len(), 2, "the call and the end");
    }
});
