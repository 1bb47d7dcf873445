//! The id of the job that a message starts.
//!
//! Invariant: all deliveries of a message give the same id, and two messages give two. So deliveries meet in the task hub,
//! which starts an instance of an id only once, among any number of processes and hosts.

use std::time::SystemTime;

use functions_handler::Message;
use sha2::{Digest, Sha256};

use crate::owners::hex;

/// These come before what tells messages apart in its digest, and must never change: a message that was delivered before a
/// deployment is delivered again after it.
const BY_ID: &[u8] = b"submit-event\0";
const BY_SEQUENCE_NUMBER: &[u8] = b"submit-event/sequence-number\0";
const BY_INVOCATION: &[u8] = b"submit-event/invocation\0";

/// The instance id of the message's job. It is a digest, because an id of a message may hold anything.
pub(super) fn instance_id(message: &Message, invocation_id: &str) -> String {
    of(
        message.id(),
        message.sequence_number(),
        message.enqueued_at(),
        invocation_id,
    )
}

fn of(
    message_id: Option<&str>,
    sequence_number: Option<u64>,
    enqueued_at: Option<SystemTime>,
    invocation_id: &str,
) -> String {
    let digest = match (message_id, sequence_number) {
        (Some(id), _) => Sha256::new().chain_update(BY_ID).chain_update(id),
        (None, Some(number)) if number > 0 => {
            // A queue that is deleted and made again begins again at 1.
            let since =
                enqueued_at.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
            Sha256::new()
                .chain_update(BY_SEQUENCE_NUMBER)
                .chain_update(number.to_be_bytes())
                .chain_update(since.unwrap_or_default().as_secs().to_be_bytes())
        }
        // Sent by hand: there is no other delivery.
        _ => Sha256::new()
            .chain_update(BY_INVOCATION)
            .chain_update(invocation_id),
    };
    hex(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_id_of_a_message_is_the_same_in_every_version_and_in_every_delivery() {
        let now = SystemTime::now();
        // The first half of SHA-256 over `submit-event`, a zero byte and the id.
        let id = "d4f3601f21aba49156cadf46b1cbae13";
        assert_eq!(of(Some("m-1"), Some(1), Some(now), "a"), id);
        assert_eq!(of(Some("m-1"), None, None, "b"), id);
        let by_number = of(None, Some(1), Some(now), "a");
        assert_eq!(of(None, Some(1), Some(now), "b"), by_number);
    }

    #[test]
    fn two_messages_have_two_ids() {
        let now = SystemTime::now();
        let later = now + Duration::from_secs(1);
        let ids = [
            of(Some("m-1"), Some(1), Some(now), "a"),
            of(Some("M-1"), Some(1), Some(now), "a"),
            of(Some("1"), None, None, "a"),
            of(None, Some(1), Some(now), "a"),
            of(None, Some(2), Some(now), "a"),
            of(None, Some(1), Some(later), "a"),
            of(None, Some(0), None, "a"),
            of(None, None, None, "b"),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{index}");
        }
    }
}
