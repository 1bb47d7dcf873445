//! Values, as 128 bits each.
//!
//! A value is kept as the first 16 bytes of the SHA-256 of its text. Two values then count as one when these are equal.
//! For n distinct values the chance of that is at most n² / 2¹²⁹: 1.5 · 10⁻²⁷ for a million values, and
//! 1.5 · 10⁻²¹ for a billion, which is far less than the chance that the memory of a machine flips a bit meanwhile. No way is
//! known to choose two texts with equal hashes either: it would take some 2⁶⁴ attempts. In return every value takes 16 bytes,
//! however long its text, and no text of the table gets into the history of a job or into the scratch table.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hash, Hasher},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sha2::{Digest, Sha256};

/// 128 bits that stand for one value. As JSON: 22 characters of URL-safe base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueHash([u8; Self::BYTES]);

impl ValueHash {
    /// The bytes of one.
    pub const BYTES: usize = 16;

    /// The hash of a text.
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text);
        let mut bytes = [0; Self::BYTES];
        bytes.copy_from_slice(digest.split_at(Self::BYTES).0);
        Self(bytes)
    }

    /// The hash with these bytes.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Its first 64 bits, as a number.
    pub fn head(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl Hash for ValueHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.head());
    }
}

impl Serialize for ValueHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for ValueHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or_else(|| D::Error::custom("expected 16 bytes in URL-safe base64"))
    }
}

/// Takes the 64 bits of a [`ValueHash`] as they are: they are random already.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The values of one bucket begin with the same bits, and a table takes the last ones as well as the first.
        self.0 = number.rotate_left(32);
    }
}

/// Distinct values, some 18 to 36 bytes for each.
#[derive(Clone, Debug, Default)]
pub struct ValueSet(HashSet<ValueHash, BuildHasherDefault<AsIs>>);

impl ValueSet {
    /// Adds a value.
    pub fn insert(&mut self, value: ValueHash) {
        self.0.insert(value);
    }

    /// The number of distinct values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all values, and keeps the memory for others.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The values in their order.
    pub fn into_sorted(self) -> Vec<ValueHash> {
        let mut values: Vec<_> = self.0.into_iter().collect();
        values.sort_unstable();
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_beginning_of_sha_256_and_survives_json() {
        let hash = ValueHash::of("abc");
        assert_eq!(hash.head(), 0xba78_16bf_8f01_cfea);
        let text = serde_json::to_string(&hash).unwrap();
        assert_eq!(text, r#""ungWv48Bz-pBQUDeXa4iIw""#);
        assert_eq!(serde_json::from_str::<ValueHash>(&text).unwrap(), hash);
        for wrong in [
            r#""""#,
            r#""ungWv48Bz-pBQUDeXa4i""#,
            "1",
            r#""ungWv48Bz+pBQUDeXa4iIw""#,
        ] {
            assert!(serde_json::from_str::<ValueHash>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_set_has_each_value_once_and_gives_them_in_order() {
        let mut set = ValueSet::default();
        for number in [5, 3, 5, 1, 3] {
            set.insert(ValueHash::of(&number.to_string()));
        }
        assert_eq!(set.len(), 3);
        let sorted = set.into_sorted();
        assert_eq!(sorted.len(), 3);
        assert!(sorted.is_sorted());
    }
}
