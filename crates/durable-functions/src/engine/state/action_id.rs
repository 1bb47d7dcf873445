//! Ids of actions: the number of the action, and the epoch in which it is asked for.
//!
//! The epoch is 0 until an instance is rewound; see [`super::rewind`].

/// The lower bits of an id are the number of the action. No history of 16 million actions fits into
/// the memory of a host.
const NUMBER_BITS: u32 = 24;

/// The highest epoch whose ids are positive.
pub(super) const LAST_EPOCH: u8 = 127;

/// The id on the wire of the action `number`.
pub(super) fn wire_id(epoch: u8, number: usize) -> i32 {
    let number = i32::try_from(number).unwrap_or(i32::MAX);
    number | (i32::from(epoch) << NUMBER_BITS)
}

/// The epoch and the number of an id; `None` for one that is not ours.
pub(super) fn parts(id: i32) -> Option<(u8, usize)> {
    let id = u32::try_from(id).ok()?;
    let number = usize::try_from(id & ((1 << NUMBER_BITS) - 1)).ok()?;
    Some((u8::try_from(id >> NUMBER_BITS).ok()?, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_number_until_something_was_rewound() {
        assert_eq!(wire_id(0, 7), 7);
        assert_eq!(parts(7), Some((0, 7)));
    }

    #[test]
    fn epoch_and_number_come_back_from_every_id() {
        for (epoch, number) in [(1, 0), (1, 7), (LAST_EPOCH, (1 << NUMBER_BITS) - 1)] {
            let id = wire_id(epoch, number);
            assert!(id > 0);
            assert_eq!(parts(id), Some((epoch, number)));
        }
        assert_eq!(parts(-100), None);
    }
}
