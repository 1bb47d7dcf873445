//! The recorded messages against our declarations of them.

use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, OrchestratorRequest, OrchestratorResponse,
};
use prost::Message;

use crate::captures::case;

/// prost drops fields that a declaration does not know, so a message that keeps its length has none.
/// (Not its bytes: maps have no order.)
fn assert_complete<M: Message + Default>(bytes: &[u8], place: &str) {
    let message = M::decode(bytes).unwrap();
    assert_eq!(
        message.encoded_len(),
        bytes.len(),
        "a field is missing in the declaration: {place}"
    );
}

#[test]
fn our_declarations_know_every_field_of_the_recorded_messages() {
    for name in case::names() {
        let case = case::load(&name);
        for turn in &case.turns {
            let place = format!("{name}, {}", turn.n);
            assert_complete::<OrchestratorRequest>(&turn.request(), &place);
            if let Some(answer) = turn.answer() {
                assert_complete::<OrchestratorResponse>(&answer, &place);
            }
        }
        for batch in &case.entity_batches {
            let place = format!("{name}, {}", batch.n);
            assert_complete::<EntityBatchRequest>(&batch.request(), &place);
            if let Some(answer) = batch.answer() {
                assert_complete::<EntityBatchResult>(&answer, &place);
            }
        }
    }
}
