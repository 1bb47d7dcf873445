//! Ids and random numbers that are the same on every replay.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use uuid::Uuid;

use super::OrchestrationContext;

/// The namespace that the .NET SDK uses, so that ported orchestrators draw the same ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x9e95_2958_5e33_4daf_827f_2fa1_2937_b875);

/// The generator behind [`OrchestrationContext::rng`]: ChaCha with 8 rounds, whose numbers are the
/// same on every platform and in every version.
pub type DurableRng = ChaCha8Rng;

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
    pub fn rng(&self) -> DurableRng {
        let mut seed = [0; 32];
        let (first, second) = seed.split_at_mut(16);
        first.copy_from_slice(self.new_uuid().as_bytes());
        second.copy_from_slice(self.new_uuid().as_bytes());
        ChaCha8Rng::from_seed(seed)
    }
}
