//! How a request of the hub differs from the recorded one.
//!
//! Events are compared as bytes. Only when they differ are they decoded, to find out in which field.

use std::time::Duration;

use durable_protocol::Timestamp;
use durable_protocol::messages::{EventType, HistoryEvent, OrchestrationInstance};
use prost::Message as _;
use prost::bytes::Bytes;
use prost::encoding::{WireType, decode_key, decode_varint};

/// How far the times of events may be apart that a real host wrote one after the other.
const LONGEST_LAG: Duration = Duration::from_secs(1);

/// The encoded request, split.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) past: Vec<Bytes>,
    pub(super) new: Vec<Bytes>,
    /// Entity parameters and properties, which a driver adds.
    pub(super) tail: Vec<u8>,
}

impl Parts {
    pub(super) fn of(request: &Bytes) -> Self {
        let mut parts = Self::default();
        let mut rest = request.clone();
        while !rest.is_empty() {
            let start = request.len() - rest.len();
            let (number, wire) = decode_key(&mut rest).unwrap();
            assert_eq!(wire, WireType::LengthDelimited);
            let length = usize::try_from(decode_varint(&mut rest).unwrap()).unwrap();
            let content = rest.split_to(length);
            match number {
                1 => {}
                3 => parts.past.push(content),
                4 => parts.new.push(content),
                _ => {
                    let end = request.len() - rest.len();
                    parts.tail.extend_from_slice(&request[start..end]);
                }
            }
        }
        parts
    }
}

/// A field whose value is not the recorded one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Difference {
    /// The time of an event that a turn or a batch caused, by kind.
    Time(&'static str),
    /// A turn with a fired timer began before the timer was due.
    EarlyTimer,
    /// The trace context or the span of a start.
    Trace,
    /// The input of an activity or a sub-orchestration in the history.
    StoredInput,
    /// The batch of an entity has operations that came in later batches.
    LargerBatch,
    /// Anything else.
    Other(String),
}

pub(super) fn decode(event: &Bytes) -> HistoryEvent {
    HistoryEvent::decode(event.clone()).unwrap()
}

/// The differences of two events.
pub(super) fn of_events(ours: &Bytes, theirs: &Bytes) -> Vec<Difference> {
    let mut found = Vec::new();
    if ours == theirs {
        return found;
    }
    let (mut event, recorded) = (decode(ours), decode(theirs));
    if event.timestamp != recorded.timestamp {
        let (ours, theirs) = (time(&event), time(&recorded));
        if ours.since(theirs).max(theirs.since(ours)) > LONGEST_LAG {
            found.push(Difference::Other(format!(
                "{} at another time",
                kind(&recorded)
            )));
        }
        let is_begin = matches!(recorded.event_type, Some(EventType::OrchestratorStarted(_)));
        found.push(if is_begin && theirs < ours {
            Difference::EarlyTimer
        } else {
            Difference::Time(kind(&recorded))
        });
        event.timestamp = recorded.timestamp;
    }
    match (&mut event.event_type, &recorded.event_type) {
        (Some(EventType::ExecutionStarted(ours)), Some(EventType::ExecutionStarted(theirs)))
            if ours.parent_trace_context != theirs.parent_trace_context
                || ours.orchestration_span_id != theirs.orchestration_span_id =>
        {
            found.push(Difference::Trace);
            ours.parent_trace_context
                .clone_from(&theirs.parent_trace_context);
            ours.orchestration_span_id
                .clone_from(&theirs.orchestration_span_id);
        }
        (Some(EventType::TaskScheduled(ours)), Some(EventType::TaskScheduled(theirs))) => {
            if ours.parent_trace_context != theirs.parent_trace_context {
                found.push(Difference::Trace);
                ours.parent_trace_context
                    .clone_from(&theirs.parent_trace_context);
            }
            if ours.input.is_none() && theirs.input.is_some() {
                found.push(Difference::StoredInput);
                ours.input.clone_from(&theirs.input);
            }
        }
        (
            Some(EventType::SubOrchestrationInstanceCreated(ours)),
            Some(EventType::SubOrchestrationInstanceCreated(theirs)),
        ) => {
            if ours.parent_trace_context != theirs.parent_trace_context {
                found.push(Difference::Trace);
                ours.parent_trace_context
                    .clone_from(&theirs.parent_trace_context);
            }
            if ours.input.is_none() && theirs.input.is_some() {
                found.push(Difference::StoredInput);
                ours.input.clone_from(&theirs.input);
            }
        }
        _ => {}
    }
    if event.encode_to_vec() != *theirs {
        let ours = decode(ours);
        found.push(Difference::Other(format!(
            "ours {ours:?}\n      theirs {recorded:?}"
        )));
    }
    found
}

/// A name for the kind of an event.
pub(super) fn kind(event: &HistoryEvent) -> &'static str {
    match event.event_type.as_ref().unwrap() {
        EventType::ExecutionStarted(start) if start.parent_instance.is_some() => "ChildStarted",
        EventType::ExecutionStarted(_) => "ExecutionStarted",
        EventType::OrchestratorStarted(_) => "OrchestratorStarted",
        EventType::OrchestratorCompleted(_) => "OrchestratorCompleted",
        EventType::EventRaised(_) => "EventRaised",
        EventType::EventSent(_) => "EventSent",
        EventType::GenericEvent(_) => "GenericEvent",
        EventType::TaskScheduled(_) => "TaskScheduled",
        EventType::TaskCompleted(_) => "TaskCompleted",
        EventType::TaskFailed(_) => "TaskFailed",
        EventType::TimerCreated(_) => "TimerCreated",
        EventType::TimerFired(_) => "TimerFired",
        EventType::ContinueAsNew(_) => "ContinueAsNew",
        EventType::ExecutionCompleted(_) => "ExecutionCompleted",
        EventType::ExecutionSuspended(_) => "ExecutionSuspended",
        EventType::ExecutionResumed(_) => "ExecutionResumed",
        EventType::ExecutionTerminated(_) => "ExecutionTerminated",
        EventType::SubOrchestrationInstanceCreated(_) => "ChildCreated",
        EventType::SubOrchestrationInstanceCompleted(_) => "ChildCompleted",
        EventType::SubOrchestrationInstanceFailed(_) => "ChildFailed",
        _ => "Other",
    }
}

pub(super) fn time(event: &HistoryEvent) -> Timestamp {
    event.timestamp.map(Timestamp::from).unwrap_or_default()
}

pub(super) fn execution_of(instance: Option<&OrchestrationInstance>) -> Option<String> {
    instance.and_then(|instance| instance.execution_id.clone())
}
