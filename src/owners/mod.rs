//! Whose a job is, and who asks for it.
//!
//! Invariant: an owner is kept as a digest. Neither the task hub nor a store of sessions holds a name, an address or an
//! object id of a person.

mod caller;
mod principal;

pub(crate) use caller::Caller;

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Comes before an identity in its digest, and must never change: it would take everybody's jobs away.
const SCOPE: &[u8] = b"owner\0";

/// The owner of a job or a session: 32 hexadecimal digits, the same for the same identity on every machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(String);

impl Owner {
    /// The owner with this identity. `provider` says who vouches for it: two providers may use the same name for two
    /// people.
    #[must_use]
    pub fn of(provider: &str, id: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(SCOPE)
            .chain_update(provider)
            .chain_update(b"\0")
            .chain_update(id)
            .finalize();
        Self(hex(&digest))
    }

    /// The digest, as [`from_digest`](Self::from_digest) reads it.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0
    }

    /// An owner as a store has kept it. Any text will do: one that is no digest is nobody's.
    #[must_use]
    pub fn from_digest(digest: impl Into<String>) -> Self {
        Self(digest.into())
    }
}

/// The first half of a digest in hexadecimal digits: 128 bits, a few more than a random UUID has.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().take(16).fold(String::new(), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_the_same_in_every_version_and_does_not_show_the_identity() {
        let owner = Owner::of("aad", "8e03978e-40d5-43e8-bc93-6894a57f9324");
        assert_eq!(owner.digest().len(), 32);
        assert_eq!(Owner::from_digest(owner.digest()), owner);
        assert_ne!(Owner::of("a", "b"), Owner::of("b", "a"));
        assert_ne!(Owner::of("a", "bc"), Owner::of("ab", "c"));
    }
}
