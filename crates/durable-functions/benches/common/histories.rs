//! Histories as the extension keeps them, and the request of each of their turns.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    EventType, ExecutionStartedEvent, HistoryEvent, OrchestrationInstance,
    OrchestratorCompletedEvent, OrchestratorRequest, OrchestratorStartedEvent, TaskCompletedEvent,
    TaskScheduledEvent,
};
use prost::Message;

pub(crate) struct History {
    name: &'static str,
    events: Vec<HistoryEvent>,
    /// The new events of each turn.
    turns: Vec<Range<usize>>,
}

impl History {
    /// `n` activities one after the other: a turn for each.
    pub(crate) fn chain(n: u32) -> Self {
        History::chain_of(n, plain)
    }

    /// The same with results in the envelope that activities of this crate answer with.
    #[allow(dead_code, reason = "one of the benchmarks measures it")]
    pub(crate) fn enveloped_chain(n: u32) -> Self {
        History::chain_of(n, |i| {
            let envelope = format!(r#"{{"activityResult":{}}}"#, plain(i));
            serde_json::to_string(&envelope).unwrap()
        })
    }

    fn chain_of(n: u32, result: fn(u32) -> String) -> Self {
        let mut history = History::begin("chain", n);
        for i in 0..n {
            history.events.push(scheduled(i));
            history.turn(vec![completed(i, result(i))]);
        }
        history
    }

    /// `n` activities at once; the results arrive ten to a turn, as from a busy task hub.
    pub(crate) fn fan_out(n: u32) -> Self {
        let mut history = History::begin("fan-out", n);
        history.events.extend((0..n).map(scheduled));
        for first in (0..n).step_by(10) {
            let last = n.min(first + 10);
            history.turn((first..last).map(|i| completed(i, plain(i))).collect());
        }
        history
    }

    pub(crate) fn turns(&self) -> usize {
        self.turns.len()
    }

    /// The base64 text of the request of a turn.
    pub(crate) fn request(&self, turn: usize) -> String {
        self.request_of(&format!("{}-of-the-benchmark", self.name), turn)
    }

    /// The same for another instance.
    pub(crate) fn request_of(&self, instance_id: &str, turn: usize) -> String {
        let new = self.turns[turn].clone();
        let request = OrchestratorRequest {
            instance_id: instance_id.to_owned(),
            past_events: self.events[..new.start].to_vec(),
            new_events: self.events[new].to_vec(),
            ..Default::default()
        };
        STANDARD.encode(request.encode_to_vec())
    }

    fn begin(name: &'static str, n: u32) -> Self {
        let started = ExecutionStartedEvent {
            name: name.to_owned(),
            input: Some(n.to_string()),
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: format!("{name}-of-the-benchmark"),
                execution_id: Some("8d0d835f-2308-4723-9dc3-55b67a2a0469".to_owned()),
            }),
            ..Default::default()
        };
        let events = vec![
            turn_began(),
            event(-1, EventType::ExecutionStarted(Box::new(started))),
        ];
        let first = 0..events.len();
        let turns = std::iter::once(first).collect();
        History {
            name,
            events,
            turns,
        }
    }

    /// The turn before ends, and one with these messages begins.
    fn turn(&mut self, messages: Vec<HistoryEvent>) {
        self.events.push(event(
            -1,
            EventType::OrchestratorCompleted(OrchestratorCompletedEvent {}),
        ));
        let start = self.events.len();
        self.events.push(turn_began());
        self.events.extend(messages);
        self.turns.push(start..self.events.len());
    }
}

fn scheduled(i: u32) -> HistoryEvent {
    let task = TaskScheduledEvent {
        name: "echo".to_owned(),
        ..Default::default()
    };
    event(i as i32, EventType::TaskScheduled(Box::new(task)))
}

/// A result as JSON text.
fn plain(i: u32) -> String {
    format!("\"Hello number {i}!\"")
}

fn completed(i: u32, result: String) -> HistoryEvent {
    let task = TaskCompletedEvent {
        task_scheduled_id: i as i32,
        result: Some(result),
    };
    event(-1, EventType::TaskCompleted(task))
}

fn turn_began() -> HistoryEvent {
    event(
        -1,
        EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
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
