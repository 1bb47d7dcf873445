//! `poison-message`: an entity for each message that can never start a job, where `MalformedMessages` is `record`.
//!
//! Invariant: a message is recorded before it is completed, so that none is lost.

use std::time::{Duration, SystemTime};

use durable_functions::{
    ClientError, DurableClient, Entity, EntityContext, EntityFunction, EntityQuery, Operation,
    Result,
};
use functions_handler::Message;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{api::views::job::rfc3339, owners::hex};

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
    pub(super) fn new(message: &Message, reason: String) -> Self {
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

/// Keeps a message until `purge-jobs` forgets it. `id` is that of the job which it would have started.
///
/// # Errors
/// The task hub does not answer. The message may be kept.
pub(super) async fn record(
    client: &DurableClient,
    id: &str,
    message: PoisonMessage,
) -> Result<String, ClientError> {
    // Another message with the same id must not take the place of the first.
    let text = hex(&Sha256::digest(&message.text));
    let key = format!("{id}-{text}");
    let entity = client.entity(POISON_MESSAGE.id(&key));
    entity.signal(RECORD, &message).await?;
    Ok(key)
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

/// Asks the records that are older than `kept` at this time to go, and says how many they are. `is_over` says that there is
/// no time left.
///
/// # Errors
/// The first error of the task hub; what was done before stays done.
pub(super) async fn forget_old(
    client: &DurableClient,
    kept: Duration,
    now: SystemTime,
    is_over: impl Fn() -> bool,
) -> Result<u64, ClientError> {
    let oldest = now.checked_sub(kept).unwrap_or(SystemTime::UNIX_EPOCH);
    let query = EntityQuery::new()
        .with_name(POISON_MESSAGE.name())
        .modified_before(oldest);
    let mut old = client.entities(query);
    let mut forgotten = 0;
    while let Some(message) = old.next().await? {
        if is_over() {
            break;
        }
        client.entity(&message.id).signal(FORGET, &()).await?;
        forgotten += 1;
    }
    Ok(forgotten)
}
