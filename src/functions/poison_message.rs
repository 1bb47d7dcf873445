//! `poison-message`: an entity for each message that can never start a job, where `MalformedMessages` is `record`.
//!
//! Invariant: a message is recorded before it is completed, so that none is lost.

use durable_functions::{Entity, EntityContext, EntityFunction, Operation, Result};
use functions_handler::Message;
use serde::{Deserialize, Serialize};

use crate::api::views::job::rfc3339;

/// The entity in the folder `poison-message`.
pub const POISON_MESSAGE: Entity<Option<PoisonMessage>> = Entity::new("poison-message");

/// Keeps a message. Repeated, it changes nothing.
pub const RECORD: Operation<PoisonMessage, ()> = Operation::new("record");

/// Removes the record.
pub const FORGET: Operation<(), ()> = Operation::new("forget");

/// How much of a text is kept, in bytes. A well-formed message is shorter.
const MAX_TEXT: usize = super::submit::body::MAX_BYTES;

/// A message that can never start a job.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoisonMessage {
    /// Its id, if it has one.
    pub message_id: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// When it was sent: RFC 3339, UTC. `None` if the service did not say.
    pub enqueued_at: Option<String>,
    /// Its own session id, if it has one.
    pub session_id: Option<String>,
    /// The text, of which at most 65536 bytes are kept.
    pub text: String,
    /// The length of the whole text in bytes.
    pub length: usize,
}

impl PoisonMessage {
    pub(crate) fn new(message: &Message, reason: String) -> Self {
        let text = message.text();
        let end = text.floor_char_boundary(MAX_TEXT);
        Self {
            message_id: message.id().map(str::to_owned),
            reason,
            enqueued_at: message.enqueued_at().map(rfc3339),
            session_id: message.session_id().map(str::to_owned),
            text: text.get(..end).unwrap_or_default().to_owned(),
            length: text.len(),
        }
    }
}

/// The entity function with its operations.
#[must_use]
pub fn poison_message() -> EntityFunction<Option<PoisonMessage>> {
    EntityFunction::new(POISON_MESSAGE)
        .on(RECORD, keep)
        .on(FORGET, forget)
}

async fn keep(
    _: EntityContext,
    state: &mut Option<PoisonMessage>,
    message: PoisonMessage,
) -> Result<()> {
    state.get_or_insert(message);
    Ok(())
}

async fn forget(context: EntityContext, _: &mut Option<PoisonMessage>, (): ()) -> Result<()> {
    context.delete_state();
    Ok(())
}
