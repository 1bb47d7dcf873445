//! The history of one execution, as encoded events.
//!
//! Invariant: an event is encoded once. So the past events of a turn begin, byte for byte, with the past and
//! new events of the turn before. Workers compare these bytes to continue without a replay, and a request is
//! built by copying bytes. Only a rewind changes events that are persisted.

use std::collections::HashSet;

use durable_protocol::messages::{EventType, GenericEvent, HistoryEvent, OrchestrationStatus};
use prost::Message;
use prost::bytes::Bytes;
use prost::encoding::{DecodeContext, WireType, decode_key, encode_key, encode_varint, skip_field};

/// Field numbers of `OrchestratorRequest`.
const INSTANCE_ID: u32 = 1;
const PAST_EVENTS: u32 = 3;
const NEW_EVENTS: u32 = 4;

pub(crate) fn encode(event: &HistoryEvent) -> Bytes {
    event.encode_to_vec().into()
}

/// The event in `bytes`. A store returns what it was given, so bytes that are not an event mean that its data
/// were changed from outside; an empty event takes their place.
pub(crate) fn decode(bytes: &Bytes) -> HistoryEvent {
    HistoryEvent::decode(bytes.clone()).unwrap_or_default()
}

/// The kinds of events that the hub looks into, by their field numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ExecutionStarted,
    TimerFired,
    OrchestratorCompleted,
    EventRaised,
    ExecutionSuspended,
    ExecutionResumed,
    Other,
}

/// The kind of an encoded event. The event is not decoded, because its payload can be large.
pub(crate) fn kind(event: &[u8]) -> Kind {
    let mut rest = event;
    let mut last = 0;
    while !rest.is_empty() {
        let Ok((field, wire)) = decode_key(&mut rest) else {
            break;
        };
        last = field;
        if skip_field(wire, field, &mut rest, DecodeContext::default()).is_err() {
            break;
        }
    }
    // The fields are written in the order of their numbers, and those of the kinds are the highest.
    match last {
        3 => Kind::ExecutionStarted,
        13 => Kind::TimerFired,
        15 => Kind::OrchestratorCompleted,
        17 => Kind::EventRaised,
        21 => Kind::ExecutionSuspended,
        22 => Kind::ExecutionResumed,
        _ => Kind::Other,
    }
}

/// The encoded `OrchestratorRequest` of a turn; `tail` has the encoded fields behind the events.
pub(crate) fn request(instance_id: &str, past: &[Bytes], new: &[Bytes], tail: &[u8]) -> Vec<u8> {
    let events: usize = past.iter().chain(new).map(|event| event.len() + 8).sum();
    let mut request = Vec::with_capacity(events + tail.len() + instance_id.len() + 8);
    if !instance_id.is_empty() {
        put(INSTANCE_ID, instance_id.as_bytes(), &mut request);
    }
    for event in past {
        put(PAST_EVENTS, event, &mut request);
    }
    for event in new {
        put(NEW_EVENTS, event, &mut request);
    }
    request.extend_from_slice(tail);
    request
}

/// Writes a length-delimited field.
fn put(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The undone failures of a history.
#[derive(Debug, Default)]
pub(crate) struct Undone {
    /// The events that change, by index.
    pub(crate) replaced: Vec<(u64, Bytes)>,
    /// The instance ids of the sub-orchestrations that failed, each once.
    pub(crate) children: Vec<String>,
}

/// Undoes the failures in the history of a failed execution. These events become generic events: the failure
/// of each activity and its scheduling, the failure of each sub-orchestration, the end of the execution.
pub(crate) fn undo(history: &[Bytes]) -> Undone {
    let mut events: Vec<HistoryEvent> = history.iter().map(decode).collect();
    let mut activities = HashSet::new();
    let mut children = HashSet::new();
    for event in &events {
        match &event.event_type {
            Some(EventType::TaskFailed(failed)) => {
                activities.insert(failed.task_scheduled_id);
            }
            Some(EventType::SubOrchestrationInstanceFailed(failed)) => {
                children.insert(failed.task_scheduled_id);
            }
            _ => {}
        }
    }
    let mut undone = Undone::default();
    let mut known = HashSet::new();
    for (index, event) in (0..).zip(&mut events) {
        let is_failure = match &event.event_type {
            Some(EventType::TaskScheduled(_)) => activities.contains(&event.event_id),
            Some(EventType::SubOrchestrationInstanceCreated(created)) => {
                // Attempts with an id that the user chose are one instance.
                let id = &created.instance_id;
                if children.contains(&event.event_id) && known.insert(id.clone()) {
                    undone.children.push(id.clone());
                }
                false
            }
            Some(EventType::ExecutionCompleted(end)) => {
                end.orchestration_status() == OrchestrationStatus::Failed
            }
            Some(EventType::TaskFailed(_) | EventType::SubOrchestrationInstanceFailed(_)) => true,
            _ => false,
        };
        if is_failure {
            event.event_type = Some(EventType::GenericEvent(GenericEvent::default()));
            undone.replaced.push((index, encode(event)));
        }
    }
    undone
}

#[cfg(test)]
mod tests {
    use durable_protocol::Timestamp;
    use durable_protocol::messages::OrchestratorRequest;

    use super::*;
    use crate::events;

    #[test]
    fn the_kind_of_an_event_is_read_without_decoding_it() {
        let at = Timestamp {
            seconds: 1_800_000_000,
            nanos: 100,
        };
        let start = EventType::ExecutionStarted(Box::default());
        for (event, expected) in [
            (events::host_event(at, start), Kind::ExecutionStarted),
            (events::timer_fired(at, 0, at), Kind::TimerFired),
            (
                events::orchestrator_completed(at),
                Kind::OrchestratorCompleted,
            ),
            (
                events::event_raised(at, "e".into(), None),
                Kind::EventRaised,
            ),
            (events::suspended(at, None), Kind::ExecutionSuspended),
            (events::resumed(at, None), Kind::ExecutionResumed),
            (events::task_completed(at, 1, Some("1".into())), Kind::Other),
            (events::orchestrator_started(at), Kind::Other),
        ] {
            assert_eq!(kind(&encode(&event)), expected, "{event:?}");
        }
        assert_eq!(kind(&[]), Kind::Other);
        assert_eq!(kind(&[0xff]), Kind::Other);
    }

    #[test]
    fn a_request_is_a_protobuf_message_whose_past_grows_by_its_new_events() {
        let at = Timestamp::default();
        let first = [
            encode(&events::orchestrator_started(at)),
            encode(&events::event_raised(at, "a".into(), None)),
        ];
        let sent = OrchestratorRequest::decode(&*request("id", &[], &first, &[])).unwrap();
        assert_eq!(sent.instance_id, "id");
        assert!(sent.past_events.is_empty());
        let second = [encode(&events::orchestrator_started(at))];
        let next = OrchestratorRequest::decode(&*request("id", &first, &second, &[])).unwrap();
        assert_eq!(next.past_events, sent.new_events);
        assert_eq!(next.new_events.len(), 1);
    }
}
