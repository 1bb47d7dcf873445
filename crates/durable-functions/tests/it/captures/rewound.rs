//! A recorded rewind, carried on to the end with our own answers.
//!
//! The recorded worker waited for an activity whose result the host had thrown away, until it was
//! terminated. Ours asks for the activity again; from there on the history is what a host makes of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    EventType, HistoryEvent, OrchestratorCompletedEvent, OrchestratorRequest, OrchestratorResponse,
    OrchestratorStartedEvent, TaskCompletedEvent, TaskScheduledEvent,
};
use durable_protocol::messages::{OrchestratorAction, OrchestratorActionType};
use prost::Message;

use crate::captures::case::{self, Turn};
use crate::captures::replay;

fn event(id: i32, kind: EventType) -> HistoryEvent {
    HistoryEvent {
        event_id: id,
        timestamp: Some(prost_types::Timestamp::default()),
        event_type: Some(kind),
    }
}

/// The turn that follows `turn` and its answer, and brings the result of `task`.
fn next(turn: &Turn, answer: &OrchestratorResponse, task: i32, result: &str) -> Vec<u8> {
    let mut request: OrchestratorRequest = turn.decoded_request();
    request.past_events.append(&mut request.new_events);
    for OrchestratorAction {
        id,
        orchestrator_action_type,
    } in &answer.actions
    {
        let Some(OrchestratorActionType::ScheduleTask(task)) = orchestrator_action_type else {
            panic!("not an activity: {answer:?}");
        };
        let scheduled = TaskScheduledEvent {
            name: task.name.clone(),
            ..Default::default()
        };
        let scheduled = EventType::TaskScheduled(Box::new(scheduled));
        request.past_events.push(event(*id, scheduled));
    }
    let completed = EventType::OrchestratorCompleted(OrchestratorCompletedEvent {});
    request.past_events.push(event(-1, completed));
    let started = EventType::OrchestratorStarted(OrchestratorStartedEvent {});
    let result = TaskCompletedEvent {
        task_scheduled_id: task,
        result: Some(result.to_owned()),
    };
    request.new_events = vec![
        event(-1, started),
        event(-1, EventType::TaskCompleted(result)),
    ];
    request.encode_to_vec()
}

#[test]
fn the_recorded_rewind_goes_through_to_completed() {
    let case = case::load("rewind-open-activity");
    let rewound = case.turns.iter().find(|turn| turn.n == 8).unwrap();
    let answer = replay::answer(rewound, &rewound.request());
    let [slow] = answer.actions.as_slice() else {
        panic!("one activity is open: {answer:?}");
    };
    // Under the new id, and under the old one if the first run is not lost after all.
    for id in [slow.id, 1] {
        let last = next(rewound, &answer, id, "\"slow done\"");
        let end = replay::answer(rewound, &last);
        let expected = case.turns.last().unwrap().answer().unwrap();
        let expected = OrchestratorResponse::decode(expected.as_slice()).unwrap();
        assert_eq!(end.actions, expected.actions, "{}", STANDARD.encode(last));
    }
}
