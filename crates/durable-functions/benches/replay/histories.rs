//! Requests as the extension sends them: the last turn of an orchestration whose results are all in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::proto::{
    EventType, ExecutionStartedEvent, HistoryEvent, OrchestrationInstance,
    OrchestratorCompletedEvent, OrchestratorRequest, OrchestratorStartedEvent, TaskCompletedEvent,
    TaskScheduledEvent,
};
use prost::Message;

/// `n` activities one after the other: a turn for each.
pub(crate) fn chain(n: u32) -> String {
    let mut past = begin("chain", n);
    for i in 0..n {
        past.push(scheduled(i));
        past.push(turn_ended());
        past.push(turn_began());
        past.push(completed(i));
    }
    request("chain", past, 2)
}

/// `n` activities at once; the results arrive ten to a turn, as from a busy task hub.
pub(crate) fn fan_out(n: u32) -> String {
    let mut past = begin("fan-out", n);
    past.extend((0..n).map(scheduled));
    for i in 0..n {
        if i % 10 == 0 {
            past.push(turn_ended());
            past.push(turn_began());
        }
        past.push(completed(i));
    }
    let new = (n as usize - 1) % 10 + 2;
    request("fan-out", past, new)
}

fn begin(name: &str, n: u32) -> Vec<HistoryEvent> {
    let started = ExecutionStartedEvent {
        name: name.to_owned(),
        input: Some(n.to_string()),
        orchestration_instance: Some(OrchestrationInstance {
            instance_id: "0123456789abcdef0123456789abcdef".to_owned(),
            execution_id: Some("8d0d835f-2308-4723-9dc3-55b67a2a0469".to_owned()),
        }),
        ..Default::default()
    };
    vec![
        turn_began(),
        event(-1, EventType::ExecutionStarted(Box::new(started))),
    ]
}

/// The last `new` events are the new ones of the turn.
fn request(name: &str, mut past: Vec<HistoryEvent>, new: usize) -> String {
    let new_events = past.split_off(past.len() - new);
    let request = OrchestratorRequest {
        instance_id: format!("{name}-of-the-benchmark"),
        past_events: past,
        new_events,
        ..Default::default()
    };
    STANDARD.encode(request.encode_to_vec())
}

fn scheduled(i: u32) -> HistoryEvent {
    let task = TaskScheduledEvent {
        name: "echo".to_owned(),
        ..Default::default()
    };
    event(i as i32, EventType::TaskScheduled(Box::new(task)))
}

fn completed(i: u32) -> HistoryEvent {
    let task = TaskCompletedEvent {
        task_scheduled_id: i as i32,
        result: Some(format!("\"Hello number {i}!\"")),
    };
    event(-1, EventType::TaskCompleted(task))
}

fn turn_began() -> HistoryEvent {
    event(
        -1,
        EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
    )
}

fn turn_ended() -> HistoryEvent {
    event(
        -1,
        EventType::OrchestratorCompleted(OrchestratorCompletedEvent {}),
    )
}

fn event(event_id: i32, kind: EventType) -> HistoryEvent {
    HistoryEvent {
        event_id,
        timestamp: Some(prost_types::Timestamp {
            seconds: 1_795_242_275,
            nanos: 384_168_500,
        }),
        event_type: Some(kind),
    }
}
