//! The protobuf messages.

use std::fmt::Debug;

use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, OrchestratorRequest, OrchestratorResponse,
};
use prost::Message;

use crate::captures::{entity_batches, turns};

/// A field that is not declared, or under a wrong number or type, is lost on the way.
fn assert_nothing_is_lost<M: Message + Default + Debug + PartialEq>(name: &str, recorded: &[u8]) {
    let message = M::decode(recorded).unwrap_or_else(|error| panic!("{name}: {error}"));
    let written = message.encode_to_vec();
    // The entries of maps have no order, so the bytes may stand in another one.
    let sorted = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.sort_unstable();
        bytes
    };
    assert_eq!(sorted(&written), sorted(recorded), "{name}: {message:?}");
    assert!(M::decode(written.as_slice()).unwrap() == message, "{name}");
}

#[test]
fn every_recorded_turn_is_written_as_it_was_read() {
    for turn in turns() {
        assert_nothing_is_lost::<OrchestratorRequest>(&turn.name, &turn.request);
        if let Some(answer) = &turn.answer {
            assert_nothing_is_lost::<OrchestratorResponse>(&turn.name, answer);
        }
    }
}

#[test]
fn every_recorded_entity_batch_is_written_as_it_was_read() {
    for batch in entity_batches() {
        assert_nothing_is_lost::<EntityBatchRequest>(&batch.name, &batch.request);
        if let Some(answer) = &batch.answer {
            assert_nothing_is_lost::<EntityBatchResult>(&batch.name, answer);
        }
    }
}
