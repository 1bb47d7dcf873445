//! Pauses between attempts: exponential, with full jitter.

use std::time::Duration;

use uuid::Uuid;

/// See the module documentation.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Backoff {
            first,
            longest,
            attempts: 0,
        }
    }

    /// The next pause: anything up to the limit of this attempt.
    pub(super) fn next(&mut self) -> Duration {
        // The low half of a random UUID has 62 random bits; six digits of them are enough here.
        const STEPS: u32 = 1_000_000;
        let random = (Uuid::new_v4().as_u64_pair().1 % u64::from(STEPS)) as u32;
        self.limit().mul_f64(f64::from(random) / f64::from(STEPS))
    }

    /// The connection works: the next failure is a first one.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    fn limit(&mut self) -> Duration {
        let factor = 2_u32.saturating_pow(self.attempts);
        self.attempts = self.attempts.saturating_add(1);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_doubles_up_to_the_longest_and_starts_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let limits: Vec<_> = (0..5).map(|_| backoff.limit().as_secs()).collect();
        assert_eq!(limits, [1, 2, 4, 5, 5]);
        backoff.reset();
        assert_eq!(backoff.limit(), Duration::from_secs(1));
        for _ in 0..100 {
            assert!(backoff.next() <= Duration::from_secs(5));
        }
    }

    #[test]
    fn pauses_differ() {
        let pause = || Backoff::new(Duration::from_secs(1), Duration::from_secs(1)).next();
        let first = pause();
        assert!((0..20).any(|_| pause() != first));
    }
}
