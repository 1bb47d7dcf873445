//! Ids and random numbers that are the same on every replay.

use std::convert::Infallible;
use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{SeedableRng, TryRng};
use uuid::Uuid;

use super::OrchestrationContext;

/// The namespace that the .NET SDK uses, so that ported orchestrators draw the same ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x9e95_2958_5e33_4daf_827f_2fa1_2937_b875);

impl OrchestrationContext {
    /// A UUID that is new on every call and the same on every replay.
    ///
    /// Version 5, made from the instance id, the current time and a counter as the .NET SDK does.
    /// Fit as an id or as an idempotency key for an activity; not a secret, because who knows the
    /// instance can compute it.
    pub fn new_uuid(&self) -> Uuid {
        let mut state = self.state.borrow_mut();
        let time = state.now().round_trip();
        let number = state.draw();
        let name = format!("{}_{time}_{number}", state.instance_id());
        Uuid::new_v5(&NAMESPACE, name.as_bytes())
    }

    /// A generator of random numbers that are the same on every replay; each call gives another
    /// stream. Not for secrets.
    ///
    /// ```
    /// use durable_functions::{OrchestrationContext, Result};
    ///
    /// async fn draw(ctx: OrchestrationContext, mut names: Vec<String>) -> Result<Vec<String>> {
    ///     let mut rng = ctx.rng();
    ///     rng.shuffle(&mut names);
    ///     names.truncate(3);
    ///     let dice = rng.in_range(1..7);
    ///     names.push(format!("and {dice} points"));
    ///     Ok(names)
    /// }
    /// ```
    pub fn rng(&self) -> DurableRng {
        let mut seed = [0; 32];
        let (first, second) = seed.split_at_mut(16);
        first.copy_from_slice(self.new_uuid().as_bytes());
        second.copy_from_slice(self.new_uuid().as_bytes());
        DurableRng(ChaCha8Rng::from_seed(seed))
    }
}

/// The generator behind [`OrchestrationContext::rng`].
///
/// ChaCha with 8 rounds. The numbers and what the methods make of them are the same on every platform and in every
/// version of this crate, because histories depend on them.
///
/// It has the traits of [`rand_core`](crate::rand_core), so it works with the crate `rand` as well. What that crate makes
/// of the numbers can change with its versions: write its version in full in Cargo.toml while instances run.
#[derive(Clone, Debug)]
pub struct DurableRng(ChaCha8Rng);

impl DurableRng {
    /// Any number.
    pub fn next_u64(&mut self) -> u64 {
        rand_chacha::rand_core::Rng::next_u64(&mut self.0)
    }

    /// A number from 0.0 up to, but not, 1.0.
    pub fn next_f64(&mut self) -> f64 {
        // The 53 bits that an f64 holds.
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of the range, each as likely as the others. The start of a range that is empty.
    pub fn in_range(&mut self, range: Range<u64>) -> u64 {
        let count = range.end.saturating_sub(range.start);
        if count == 0 {
            return range.start;
        }
        // Above it are too few numbers to give each of the range one more.
        let limit = u64::MAX - u64::MAX % count;
        loop {
            let drawn = self.next_u64();
            if drawn < limit {
                return range.start + drawn % count;
            }
        }
    }

    /// One of the items; `None` if there are none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.index(items.len()))
    }

    /// Puts the items into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.index(place + 1));
        }
    }

    /// An index below `length`; 0 for 0.
    fn index(&mut self, length: usize) -> usize {
        // What memory holds is fewer than an u64 counts.
        self.in_range(0..length as u64) as usize
    }
}

impl TryRng for DurableRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rng() -> DurableRng {
        DurableRng(ChaCha8Rng::from_seed([7; 32]))
    }

    /// Histories depend on them.
    #[test]
    fn what_is_drawn_never_changes() {
        let mut rng = rng();
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        rng.shuffle(&mut items);
        let drawn = (
            rng.next_u64(),
            rng.in_range(10..20),
            rng.choose(&["a", "b", "c"]).copied(),
            items,
        );
        let items = [0, 7, 2, 1, 6, 5, 3, 4];
        assert_eq!(drawn, (10_828_735_014_890_638_798, 16, Some("b"), items));
    }

    #[test]
    fn every_number_of_a_range_is_drawn_and_no_other() {
        let mut rng = rng();
        let drawn: std::collections::BTreeSet<_> =
            (0..1000).map(|_| rng.in_range(10..20)).collect();
        assert!(drawn.into_iter().eq(10..20));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&rng.next_f64())));
        let (most, empty) = (rng.in_range(0..u64::MAX), rng.in_range(5..5));
        assert!(most < u64::MAX && empty == 5);
    }

    #[test]
    fn nothing_is_chosen_from_nothing_and_a_shuffle_keeps_what_there_is() {
        let mut rng = rng();
        assert_eq!(rng.choose::<u8>(&[]), None);
        let mut items: Vec<_> = (0..100).collect();
        rng.shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert!(items.into_iter().eq(0..100));
    }
}
