//! The history of one execution, as encoded events.
//!
//! Invariant: an event is encoded once. So the past events of a turn begin, byte for byte, with the past and
//! new events of the turn before. Workers compare these bytes to continue without a replay, and a request is
//! built by copying bytes. Only a rewind changes events that are persisted.

use durable_protocol::messages::{EventType, GenericEvent, HistoryEvent, OrchestrationStatus};
use prost::Message;
use prost::bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint};

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
    let mut activities = Vec::new();
    let mut children = Vec::new();
    for event in &events {
        match &event.event_type {
            Some(EventType::TaskFailed(failed)) => activities.push(failed.task_scheduled_id),
            Some(EventType::SubOrchestrationInstanceFailed(failed)) => {
                children.push(failed.task_scheduled_id);
            }
            _ => {}
        }
    }
    let mut undone = Undone::default();
    for (index, event) in (0..).zip(&mut events) {
        let is_failure = match &event.event_type {
            Some(EventType::TaskScheduled(_)) => activities.contains(&event.event_id),
            Some(EventType::SubOrchestrationInstanceCreated(created)) => {
                // Attempts with an id that the user chose are one instance.
                let id = &created.instance_id;
                if children.contains(&event.event_id) && !undone.children.contains(id) {
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
