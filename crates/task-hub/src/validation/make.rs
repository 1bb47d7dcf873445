//! Rows for the checks.

use std::sync::Arc;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    ExecutionStartedEvent, OrchestrationInstance, OrchestrationStatus, ParentInstanceInfo,
};
use prost::bytes::Bytes;

use crate::changes::{Activity, Changes, HistoryChange, InstanceChange, Message, Payload, Timer};
use crate::instance::{FirstTurn, InstanceRecord, Phase};

/// Seconds after a fixed time.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp {
        seconds: 1_800_000_000 + seconds,
        nanos: 100,
    }
}

/// A record with a value in every field.
#[must_use]
pub fn record(id: &str, status: OrchestrationStatus, created: Timestamp) -> InstanceRecord {
    InstanceRecord {
        id: id.to_owned(),
        execution: "e1".to_owned(),
        start: Arc::new(ExecutionStartedEvent {
            name: "Name\u{0}\u{1F600}".to_owned(),
            version: Some(String::new()),
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: id.to_owned(),
                execution_id: Some("e1".to_owned()),
            }),
            parent_instance: Some(ParentInstanceInfo {
                task_scheduled_id: 7,
                name: Some("parent".to_owned()),
                version: None,
                orchestration_instance: None,
            }),
            scheduled_start_timestamp: Some(at(5).into()),
            tags: [("tag".to_owned(), "'value'".to_owned())].into(),
            ..ExecutionStartedEvent::default()
        }),
        status,
        custom_status: Some("null".to_owned()),
        created,
        updated: at(9),
        phase: Phase::Begun,
        first_turn: Some(FirstTurn { from: 4, to: 6 }),
        latest: at(8),
        history: 0,
        earlier: 3,
    }
}

/// A change that sets the record and nothing else.
#[must_use]
pub fn change(record: InstanceRecord) -> InstanceChange {
    InstanceChange {
        record,
        input: Payload::Keep,
        output: Payload::Keep,
        history: HistoryChange::default(),
    }
}

/// A running instance.
#[must_use]
pub fn instance(id: &str) -> Changes {
    Changes {
        instances: vec![change(record(id, OrchestrationStatus::Running, at(0)))],
        ..Changes::default()
    }
}

/// A message.
#[must_use]
pub fn message(number: u64, target: &str) -> Message {
    Message {
        number,
        target: target.to_owned(),
        execution: Some("e1".to_owned()),
        body: Bytes::from(format!("body {number}\u{0}")),
    }
}

/// A timer of the execution `e1`.
#[must_use]
pub fn timer(number: u64, target: &str, due: Timestamp) -> Timer {
    Timer {
        due,
        message: message(number, target),
    }
}

/// An activity.
#[must_use]
pub fn activity(number: u64, instance: &str) -> Activity {
    Activity {
        number,
        instance: instance.to_owned(),
        execution: "e1".to_owned(),
        id: -3,
        name: "Activity".to_owned(),
        version: None,
        input: Some("\"in\"".to_owned()),
        tags: [("a".to_owned(), "b".to_owned())].into(),
    }
}
