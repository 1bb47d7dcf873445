//! Session ids, which web applications choose, and the keys under which stores keep them.
//!
//! Invariant: nothing here shows a session id. Whoever knows one may look its jobs up, so that it is a secret like the
//! cookie that it often comes from.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::owners::hex;

/// The most that Service Bus takes as the session id of a message.
const MAX_LENGTH: usize = 128;

/// Comes before a session id in its digest, and must never change: it would cut sessions off from their jobs.
const SCOPE: &[u8] = b"session\0";

/// A session id: 1 to 128 visible ASCII characters without `/`, `\`, `?`, `#` and `%`, and neither `.` nor `..`, because it is
/// a segment of a path. Its `Debug` text does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId(String);

/// What is wrong with a session id. The text does not show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "sessionId: expected 1 to 128 visible ASCII characters without / \\ ? # %, and neither . nor .."
)]
pub struct InvalidSessionId;

impl SessionId {
    /// Reads a session id.
    ///
    /// # Errors
    /// When it has other characters, or another length.
    pub fn parse(text: &str) -> Result<Self, InvalidSessionId> {
        let allowed = |c: u8| c.is_ascii_graphic() && !br"/\?#%".contains(&c);
        let is_valid = (1..=MAX_LENGTH).contains(&text.len())
            && text.bytes().all(allowed)
            && !matches!(text, "." | "..");
        match is_valid {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidSessionId),
        }
    }

    /// The id itself, for an address that goes to who knows it anyway.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key under which a store keeps the session.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        let digest = Sha256::new()
            .chain_update(SCOPE)
            .chain_update(&self.0)
            .finalize();
        SessionKey(hex(&digest))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

/// A digest of a session id: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionKey(String);

/// A text is the key of no session. Stores put keys into addresses and commands, and may rely on their form.
impl TryFrom<String> for SessionKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match text.len() == 32 && text.bytes().all(is_digit) {
            true => Ok(Self(text)),
            false => Err("expected 32 hexadecimal digits"),
        }
    }
}

impl From<SessionKey> for String {
    fn from(key: SessionKey) -> Self {
        key.0
    }
}

impl SessionKey {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_a_segment_of_a_path() {
        for valid in [
            "s",
            "8e03978e-40d5-43e8-bc93-6894a57f9324",
            "s:q+/".trim_end_matches('/'),
            "a=b&c",
            "...",
            &"x".repeat(128),
        ] {
            assert_eq!(SessionId::parse(valid).unwrap().as_str(), valid);
        }
        for invalid in [
            "",
            ".",
            "..",
            "a b",
            "a/b",
            r"a\b",
            "a?",
            "a#",
            "a%20",
            "ä",
            "a\n",
            &"x".repeat(129),
        ] {
            assert_eq!(
                SessionId::parse(invalid),
                Err(InvalidSessionId),
                "{invalid}"
            );
        }
    }

    #[test]
    fn only_a_key_is_read_as_one() {
        let key = SessionId::parse("s-1").unwrap().key();
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<SessionKey>(&text).unwrap(), key);
        let quote = format!("\"{}'\"", &key.as_str()[1..]);
        for text in ["\"\"", "\"s-1\"", &text.to_uppercase(), &quote] {
            assert!(serde_json::from_str::<SessionKey>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_key_of_a_session_is_the_same_in_every_version_and_does_not_show_the_id() {
        let id = SessionId::parse("s-1").unwrap();
        // The first half of SHA-256 over `session`, a zero byte and the id.
        assert_eq!(id.key().as_str(), "8239159c534cb5c1e4d0c69c1b48a37f");
        assert_eq!(format!("{id:?}"), "SessionId(..)");
        assert_ne!(id.key(), SessionId::parse("S-1").unwrap().key());
    }
}
