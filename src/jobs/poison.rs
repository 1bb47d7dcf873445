//! The records of messages that can never start a job: how they are made and how they end.

use std::time::{Duration, SystemTime};

use durable_functions::{ClientError, DurableClient, EntityQuery};
use sha2::{Digest, Sha256};

use crate::{
    functions::poison_message::{FORGET, POISON_MESSAGE, PoisonMessage, RECORD},
    owners::hex,
};

/// Keeps a message until `purge-jobs` forgets it. `id` is that of the job which it would have started. Returns the key of the entity.
///
/// # Errors
/// The task hub does not answer. The message may be kept.
pub(crate) async fn record(
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

/// Asks the records that are older than `kept` at this time to go, and says how many they are. `is_over` says that there is
/// no time left.
///
/// # Errors
/// The first error of the task hub; what was done before stays done.
pub(crate) async fn forget_old(
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
