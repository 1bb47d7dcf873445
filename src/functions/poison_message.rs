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

/// The longest text that is kept, in bytes: more than a queue takes, apart from large messages of Service Bus Premium. Those
/// would not fit into a call of the task hub, so they are not recorded but left to the service.
pub(crate) const MAX_TEXT: usize = 1024 * 1024;

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
    /// The text.
    pub text: String,
}

impl PoisonMessage {
    /// The record of a message. `None` when its text is longer than [`MAX_TEXT`].
    pub(crate) fn new(message: &Message, reason: String) -> Option<Self> {
        let text = message.text();
        (text.len() <= MAX_TEXT).then(|| Self {
            message_id: message.id().map(str::to_owned),
            reason,
            enqueued_at: message.enqueued_at().map(rfc3339),
            session_id: message.session_id().map(str::to_owned),
            text: text.to_owned(),
        })
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
