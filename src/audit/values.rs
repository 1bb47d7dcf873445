//! What stands for a value where many are counted: 128 bits of a hash.
//!
//! Invariant: the same text has the same hash on every machine and in every version, because the hashes of one count come
//! from many processes. So neither the hash nor the form of its text may change while jobs run.

use std::{
    collections::HashSet,
    fmt,
    hash::{BuildHasherDefault, Hash, Hasher},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// 128 bits that stand for one value: the first 16 bytes of SHA-256 of its text.
///
/// Two values with the same hash would count as one. Among n values the chance of that is below n²/2¹²⁹: about 10⁻²⁷ for a
/// million values, and 10⁻²¹ for a billion, which is far below the chance of an undetected error of memory or disk. Nobody
/// can choose values that collide either: that takes 2⁶⁴ hashes.
///
/// Hashes are spread evenly. So a range of them holds about as many of the values as its part of all hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ValueHash([u8; 16]);

impl ValueHash {
    /// The number of buckets.
    pub const BUCKETS: u8 = 16;

    /// The length of a hash, in bytes.
    pub const LENGTH: usize = 16;

    /// The hash of the value with this text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Self(*first)
    }

    /// The bucket that the hash belongs to, from 0 to 15: its first four bits. In the order of the hashes, one bucket follows
    /// the other.
    #[must_use]
    pub fn bucket(self) -> u8 {
        let [first, ..] = self.0;
        first >> 4
    }

    /// The hash of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; Self::LENGTH] {
        self.0
    }

    /// The hash as a number, in the same order.
    #[must_use]
    pub fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

impl Hash for ValueHash {
    /// The last eight bytes. The first bits are the same throughout a bucket, and would not spread its hashes.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (_, last) = self.0.split_last_chunk().unwrap_or((&[], &[0; 8]));
        state.write_u64(u64::from_ne_bytes(*last));
    }
}

/// The form of a hash in JSON: 22 characters of base64url.
impl Serialize for ValueHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for ValueHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

struct Text;

impl de::Visitor<'_> for Text {
    type Value = ValueHash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("22 characters of base64url")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ValueHash, E> {
        // The decoder wants room for a whole group more than it writes.
        let mut decoded = [0; 18];
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut decoded);
        match (length, decoded.first_chunk()) {
            (Ok(ValueHash::LENGTH), Some(bytes)) => Ok(ValueHash(*bytes)),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

/// A set of hashes, for many values: 17 bytes for each place, of which 7 in 16 to 7 in 8 are taken.
#[derive(Clone, Debug, Default)]
pub struct ValueSet(HashSet<ValueHash, BuildHasherDefault<OwnBits>>);

impl ValueSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a hash. Whether it was not there yet.
    pub fn insert(&mut self, value: ValueHash) -> bool {
        self.0.insert(value)
    }

    /// Whether the hash is there.
    #[must_use]
    pub fn contains(&self, value: ValueHash) -> bool {
        self.0.contains(&value)
    }

    /// The number of hashes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hashes, in no order.
    pub fn iter(&self) -> impl Iterator<Item = ValueHash> + '_ {
        self.0.iter().copied()
    }

    /// Removes the hashes for which `keep` does not hold. The memory stays for those that follow.
    pub fn retain(&mut self, mut keep: impl FnMut(ValueHash) -> bool) {
        self.0.retain(|value| keep(*value));
    }

    /// Removes all. The memory stays for those that follow.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The hashes in their order.
    #[must_use]
    pub fn into_sorted_vec(self) -> Vec<ValueHash> {
        let mut values: Vec<_> = self.0.into_iter().collect();
        values.sort_unstable();
        values
    }

    /// Takes all hashes out, in their order. The memory stays for those that follow.
    pub fn drain_sorted(&mut self) -> Vec<ValueHash> {
        let mut values: Vec<_> = self.0.drain().collect();
        values.sort_unstable();
        values
    }
}

impl Extend<ValueHash> for ValueSet {
    fn extend<I: IntoIterator<Item = ValueHash>>(&mut self, values: I) {
        self.0.extend(values);
    }
}

impl FromIterator<ValueHash> for ValueSet {
    fn from_iter<I: IntoIterator<Item = ValueHash>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// The hasher of a set whose members are hashes already: it takes their bits as they are.
#[derive(Clone, Copy, Debug, Default)]
struct OwnBits(u64);

impl Hasher for OwnBits {
    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hash_of_a_text_never_changes() {
        // The first half of what `sha256sum` prints for "abc".
        let hash = ValueHash::of("abc");
        assert_eq!(hash.number(), 0xba78_16bf_8f01_cfea_4141_40de_5dae_2223);
        assert_eq!(hash.bucket(), 0xb);
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(json, r#""ungWv48Bz-pBQUDeXa4iIw""#);
    }

    #[test]
    fn a_text_that_is_no_hash_is_refused() {
        for text in [
            "",
            "ungWv48Bz-pBQUDeXa4iI",
            "ungWv48Bz-pBQUDeXa4iIwA",
            "ungWv48Bz-pBQUDeXa4iIw==",
            "ungWv48Bz+pBQUDeXa4iIw",
            // Bits beyond the 128: the same hash would have two texts.
            "ungWv48Bz-pBQUDeXa4iIx",
        ] {
            let json = serde_json::Value::String(text.to_owned());
            assert!(ValueHash::deserialize(json).is_err(), "{text}");
        }
    }

    #[test]
    fn each_bucket_gets_its_part_of_the_values() {
        let mut buckets = [0; ValueHash::BUCKETS as usize];
        for number in 0..16_000 {
            buckets[usize::from(ValueHash::of(&number.to_string()).bucket())] += 1;
        }
        assert!(
            buckets.iter().all(|values| (850..1150).contains(values)),
            "{buckets:?}"
        );
    }

    proptest! {
        #[test]
        fn a_set_of_hashes_is_the_set_of_the_texts(
            texts in proptest::collection::vec("[a-c]{0,3}", 0..200)
        ) {
            let distinct: HashSet<_> = texts.iter().collect();
            let mut set = ValueSet::new();
            for text in &texts {
                let is_new = !set.contains(ValueHash::of(text));
                prop_assert_eq!(set.insert(ValueHash::of(text)), is_new);
            }
            prop_assert_eq!(set.len(), distinct.len());
            let sorted = set.clone().into_sorted_vec();
            prop_assert!(sorted.is_sorted_by(|a, b| a < b && a.number() < b.number()));
            prop_assert!(sorted.is_sorted_by_key(|value| value.bucket()));
            let json = serde_json::to_string(&sorted).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<ValueHash>>(&json).unwrap(), sorted.clone());
            prop_assert_eq!(set.drain_sorted(), sorted);
            prop_assert!(set.is_empty());
        }
    }
}
