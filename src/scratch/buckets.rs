//! Values by their first bits, so that they can be merged in pieces.

use serde::{Deserialize, Serialize};

use crate::audit::ValueHash;

/// All buckets. Each has a partition of its own in a scope, so that they are written and read at the same time.
pub(super) const COUNT: u8 = 16;

/// The bucket of a value: its first four bits.
pub(super) fn bucket(value: &ValueHash) -> u8 {
    let [first, ..] = *value.as_bytes();
    first >> 4
}

/// Some buckets that follow each other: `start` to `end`, without `end`, of the sixteen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    start: u8,
    end: u8,
}

impl Buckets {
    /// All buckets, in this many pieces: at least one, at most sixteen.
    pub fn split(pieces: u64) -> Vec<Self> {
        let pieces = u8::try_from(pieces).unwrap_or(COUNT).clamp(1, COUNT);
        let bound = |piece: u8| {
            let bound = u16::from(piece) * u16::from(COUNT) / u16::from(pieces);
            u8::try_from(bound).unwrap_or(COUNT)
        };
        (0..pieces)
            .map(|piece| Self {
                start: bound(piece),
                end: bound(piece + 1),
            })
            .collect()
    }

    /// Whether the value is in one of them.
    pub fn contain(&self, value: &ValueHash) -> bool {
        (self.start..self.end).contains(&bucket(value))
    }

    pub(super) fn each(&self) -> impl Iterator<Item = u8> + use<> {
        self.start..self.end.min(COUNT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_in_one_piece_however_many_pieces_there_are() {
        let values: Vec<_> = (0..200).map(|it| ValueHash::of(&it.to_string())).collect();
        for pieces in [0, 1, 2, 3, 5, 15, 16, 17, u64::MAX] {
            let split = Buckets::split(pieces);
            assert_eq!(split.len() as u64, pieces.clamp(1, 16));
            for value in &values {
                let found = split.iter().filter(|it| it.contain(value)).count();
                assert_eq!(found, 1, "{pieces}");
            }
        }
    }
}
