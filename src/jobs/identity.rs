//! Which job a submission is about: a new one, or the one of a key that the client has chosen.
//!
//! Invariant: the instance id is a function of the key and its owner alone. So equal keys of an owner meet in the task
//! hub, which starts an instance of an id only once, among any number of processes and hosts. Nothing else has to be
//! stored.

use sha2::{Digest, Sha256};

use crate::owners::{Owner, hex};

/// How the id of a job comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A new job with a random id.
    Random,
    /// The one job of an `Idempotency-Key` of an owner.
    IdempotencyKey(String),
    /// The one job of an `Operation-Id`, which is its id as well.
    OperationId(String),
}

/// Comes before a key in its digest. It keeps the ids of this kind of jobs apart from those that the same key gives
/// elsewhere, and it must never change: a key that was sent before a deployment is sent again after it.
const SCOPE: &[u8] = b"submit/query\0";
/// The same for a key of an owner, whose digest follows. A zero byte ends the digest; keys hold none, so no key of
/// nobody gives the same text.
const SCOPE_OF_OWNERS: &[u8] = b"submit/query/owner\0";

impl Identity {
    /// The instance id; `None` for a random one.
    ///
    /// That of an `Idempotency-Key` is a digest, because a key may hold what an id may not, and because an id is in
    /// addresses and logs, from which nobody shall learn the key. It has 128 bits, a few more than a random UUID. The
    /// owner is a part of it: otherwise somebody who guesses a key would hinder its owner, and learn that it was used.
    ///
    /// An `Operation-Id` is the id for everybody. Whoever finds it in use by somebody else has to choose another.
    pub(crate) fn instance_id(&self, owner: Option<&Owner>) -> Option<String> {
        match self {
            Self::Random => None,
            Self::OperationId(id) => Some(id.clone()),
            Self::IdempotencyKey(key) => {
                let scope = match owner {
                    None => Sha256::new().chain_update(SCOPE),
                    Some(owner) => Sha256::new()
                        .chain_update(SCOPE_OF_OWNERS)
                        .chain_update(owner.digest())
                        .chain_update(b"\0"),
                };
                Some(hex(&scope.chain_update(key).finalize()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_key(key: &str, owner: Option<&Owner>) -> String {
        let identity = Identity::IdempotencyKey(key.to_owned());
        identity.instance_id(owner).unwrap()
    }

    #[test]
    fn the_id_of_a_key_is_the_same_in_every_version_and_does_not_show_the_key() {
        // The first half of SHA-256 over `submit/query`, a zero byte and the key.
        assert_eq!(
            of_key("8e03978e-40d5-43e8-bc93-6894a57f9324", None),
            "7095477338a4ea7c510f7281e563ae23"
        );
        assert_ne!(of_key("a", None), of_key("A", None));
        assert_ne!(of_key("a", None), of_key("a ", None));
    }

    #[test]
    fn row_61_each_owner_has_keys_of_his_own() {
        let (anna, ben) = (Owner::of("aad", "anna"), Owner::of("aad", "ben"));
        assert_eq!(of_key("a", Some(&anna)), "c7ae56ff3850af15a4c26bfba7026189");
        let ids = [
            of_key("a", None),
            of_key("a", Some(&anna)),
            of_key("a", Some(&ben)),
        ];
        assert!(
            ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2],
            "{ids:?}"
        );
    }

    #[test]
    fn an_operation_id_is_the_id() {
        let identity = Identity::OperationId("My-Operation_1.~".to_owned());
        let owner = Owner::of("aad", "anna");
        for owner in [None, Some(&owner)] {
            let id = identity.instance_id(owner);
            assert_eq!(id.as_deref(), Some("My-Operation_1.~"));
            assert_eq!(Identity::Random.instance_id(owner), None);
        }
    }
}
