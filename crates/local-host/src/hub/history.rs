//! The history of one execution, kept as the bytes that were sent.
//!
//! Every event is encoded once. So the past events of a turn begin, byte for byte, with the past and new
//! events of the turn before; workers compare these bytes to continue without a replay. And a request is
//! built by copying bytes, without encoding the history again.

use durable_protocol::messages::{HistoryEvent, OrchestratorRequest};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

/// Field numbers of `OrchestratorRequest`.
const INSTANCE_ID: u32 = 1;
const PAST_EVENTS: u32 = 3;
const NEW_EVENTS: u32 = 4;

/// The persisted events of one execution.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The events as `past_events` fields, one after the other.
    past: Vec<u8>,
    count: usize,
}

/// Events of one turn, encoded, not yet persisted.
#[derive(Debug, Default)]
pub(super) struct NewEvents {
    encoded: Vec<Vec<u8>>,
}

impl NewEvents {
    pub(super) fn push(&mut self, event: &HistoryEvent) {
        self.encoded.push(event.encode_to_vec());
    }
}

impl History {
    /// How many events there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Changes events that are persisted. Only a rewind does that. Workers notice it, because the past then
    /// begins with other bytes.
    pub(super) fn rewrite<T>(&mut self, change: impl FnOnce(&mut [HistoryEvent]) -> T) -> T {
        // The stored bytes are the fields of a request, so they can be decoded as one.
        let mut request = OrchestratorRequest::decode(&*self.past).unwrap_or_default();
        let changed = change(&mut request.past_events);
        self.past = request.encode_to_vec();
        changed
    }

    /// Persists the events of a turn.
    pub(super) fn append(&mut self, events: NewEvents) {
        self.count += events.encoded.len();
        for event in &events.encoded {
            put(PAST_EVENTS, event, &mut self.past);
        }
    }

    /// The encoded request of a turn; `tail` has the fields after the events.
    pub(super) fn request(&self, instance_id: &str, new: &NewEvents, tail: &[u8]) -> Vec<u8> {
        let new_len: usize = new.encoded.iter().map(|event| event.len() + 8).sum();
        let mut request =
            Vec::with_capacity(self.past.len() + new_len + tail.len() + instance_id.len() + 8);
        if !instance_id.is_empty() {
            put(INSTANCE_ID, instance_id.as_bytes(), &mut request);
        }
        request.extend_from_slice(&self.past);
        for event in &new.encoded {
            put(NEW_EVENTS, event, &mut request);
        }
        request.extend_from_slice(tail);
        request
    }
}

/// Writes a length-delimited field.
fn put(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{clock, events};

    #[test]
    fn a_request_is_a_protobuf_message_whose_past_grows_by_its_new_events() {
        let mut history = History::default();
        let mut first = NewEvents::default();
        first.push(&events::orchestrator_started(clock::now()));
        first.push(&events::event_raised(clock::now(), "a".into(), None));
        let sent =
            OrchestratorRequest::decode(&*history.request("id", &first, &[])).expect("valid");
        assert_eq!(sent.instance_id, "id");
        assert!(sent.past_events.is_empty());
        history.append(first);

        let mut second = NewEvents::default();
        second.push(&events::orchestrator_started(clock::now()));
        let next =
            OrchestratorRequest::decode(&*history.request("id", &second, &[])).expect("valid");
        assert_eq!(next.past_events, sent.new_events);
        assert_eq!(next.new_events.len(), 1);
    }
}
