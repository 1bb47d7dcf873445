//! Ids and choices that follow from a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use task_hub::Ids;

/// The source of everything that production draws by chance.
#[derive(Debug)]
pub(super) struct Random(ChaCha8Rng);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Whether something with this probability happens. Draws nothing for 0.
    pub(super) fn percent(&mut self, percent: u8) -> bool {
        percent > 0 && self.pick(100) < usize::from(percent)
    }

    /// A number below `count`; 0 when that is 0.
    pub(super) fn pick(&mut self, count: usize) -> usize {
        // Not exactly uniform, which does not matter for the few choices that there are.
        usize::try_from(self.0.next_u32())
            .ok()
            .and_then(|number| number.checked_rem(count))
            .unwrap_or_default()
    }

    /// A GUID.
    pub(super) fn guid(&mut self) -> String {
        uuid::Uuid::from_u128(self.draw()).to_string()
    }
}

impl Ids for Random {
    fn draw(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }
}
