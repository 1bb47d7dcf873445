//! Which job a submission is about: a new one, or the one of a key that the client has chosen.
//!
//! Invariant: the instance id is a function of the key alone. So equal keys meet in the task hub, which starts an
//! instance of an id only once, among any number of processes and hosts. Nothing else has to be stored.

use sha2::{Digest, Sha256};

use crate::owners::hex;

/// How the id of a job comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A new job with a random id.
    Random,
    /// The one job of an `Idempotency-Key`.
    IdempotencyKey(String),
    /// The one job of an `Operation-Id`, which is its id as well.
    OperationId(String),
}

/// Comes before a key in its digest. It keeps the ids of this kind of jobs apart from those that the same key gives
/// elsewhere, and it must never change: a key that was sent before a deployment is sent again after it.
const SCOPE: &[u8] = b"submit/query\0";

impl Identity {
    /// The instance id; `None` for a random one.
    ///
    /// That of an `Idempotency-Key` is a digest, because a key may hold what an id may not, and because an id is in
    /// addresses and logs, from which nobody shall learn the key. It has 128 bits, a few more than a random UUID.
    pub(crate) fn instance_id(&self) -> Option<String> {
        match self {
            Self::Random => None,
            Self::OperationId(id) => Some(id.clone()),
            Self::IdempotencyKey(key) => {
                let digest = Sha256::new()
                    .chain_update(SCOPE)
                    .chain_update(key)
                    .finalize();
                Some(hex(&digest))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_key(key: &str) -> String {
        Identity::IdempotencyKey(key.to_owned())
            .instance_id()
            .unwrap()
    }

    #[test]
    fn the_id_of_a_key_is_the_same_in_every_version_and_does_not_show_the_key() {
        // The first half of SHA-256 over `submit/query`, a zero byte and the key.
        assert_eq!(
            of_key("8e03978e-40d5-43e8-bc93-6894a57f9324"),
            "7095477338a4ea7c510f7281e563ae23"
        );
        assert_ne!(of_key("a"), of_key("A"));
        assert_ne!(of_key("a"), of_key("a "));
    }

    #[test]
    fn an_operation_id_is_the_id() {
        let identity = Identity::OperationId("My-Operation_1.~".to_owned());
        assert_eq!(identity.instance_id().as_deref(), Some("My-Operation_1.~"));
        assert_eq!(Identity::Random.instance_id(), None);
    }
}
