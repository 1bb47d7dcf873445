//! Retries of one request to the table service.
//!
//! Each request is retried by itself: a scan of hours does not begin again because its last page failed. Attempts and
//! total time are bounded. Delays are random, so that clients do not all retry at the same moment.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::Duration,
};

use tokio::time::Instant;

use super::error::{Failed, TableError};

/// How often and how long a request is repeated after a transient error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts, the first one included.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles with each further one.
    pub first_delay: Duration,
    /// The longest wait, unless the service asks for a longer one.
    pub max_delay: Duration,
    /// No attempt begins later than this after the first one.
    pub budget: Duration,
}

impl Default for RetryPolicy {
    /// Six attempts over at most two minutes, with waits of about 0.2, 0.4, 0.8, 1.6 and 3.2 seconds.
    fn default() -> Self {
        Self {
            attempts: 6,
            first_delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(20),
            budget: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// Runs `attempt` until it succeeds, fails for good, or the policy is used up; then the last error is returned.
    pub(crate) async fn run<T, F, Fut>(&self, mut attempt: F) -> Result<T, TableError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failed>>,
    {
        let begin = Instant::now();
        let mut made = 0;
        loop {
            let failed = match attempt().await {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            made += 1;
            if !failed.error.is_transient() || made >= self.attempts {
                return Err(failed.error);
            }
            let delay = self.wait(made, &failed);
            if begin.elapsed().saturating_add(delay) > self.budget {
                return Err(failed.error);
            }
            tracing::warn!(
                reason = %failed.error,
                attempt = made,
                delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                "table request failed, will be repeated"
            );
            tokio::time::sleep(delay).await;
        }
    }

    /// The wait after so many attempts: random, and at least what the service asked for.
    pub(crate) fn wait(&self, made: u32, failed: &Failed) -> Duration {
        let asked = failed.retry_after.unwrap_or_default();
        jitter(self.delay(made)).max(asked)
    }

    /// The wait after so many attempts, before jitter.
    fn delay(&self, made: u32) -> Duration {
        let factor = 2_u32.saturating_pow(made.saturating_sub(1));
        self.first_delay.saturating_mul(factor).min(self.max_delay)
    }
}

/// Between half of the delay and the whole.
fn jitter(delay: Duration) -> Duration {
    // The random hash keys of the standard library are good enough to spread clients; a crate for random numbers
    // would bring nothing more.
    let random = RandomState::new().build_hasher().finish();
    let part = f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    delay.mul_f64(0.5 + part / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 4,
        first_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(3),
        budget: Duration::from_secs(60),
    };

    /// Fails with the given errors, then succeeds. Returns the outcome, the number of attempts, and the time on
    /// tokio's paused clock.
    async fn run(
        policy: RetryPolicy,
        errors: Vec<Failed>,
    ) -> (Result<(), TableError>, usize, Duration) {
        let begin = Instant::now();
        let mut made = 0;
        let outcome = policy
            .run(|| {
                made += 1;
                future::ready(errors.get(made - 1).map_or(Ok(()), |failed| Err(*failed)))
            })
            .await;
        (outcome, made, begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_transient_error_is_repeated_with_growing_delays() {
        let (outcome, made, took) = run(POLICY, vec![TableError::Throttled.into(); 3]).await;
        assert_eq!((outcome, made), (Ok(()), 4));
        // 1 + 2 + 3 seconds (capped) less jitter of at most a half.
        assert!(took >= Duration::from_secs(3) && took <= Duration::from_millis(6_010));
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_error_is_not_repeated() {
        let (outcome, made, took) = run(POLICY, vec![TableError::AccessDenied.into(); 9]).await;
        assert_eq!((outcome, made), (Err(TableError::AccessDenied), 1));
        assert_eq!(took, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded() {
        let (outcome, made, _) = run(POLICY, vec![TableError::Timeout.into(); 9]).await;
        assert_eq!((outcome, made), (Err(TableError::Timeout), 4));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_that_the_service_asks_for_is_kept() {
        let asked = Failed {
            error: TableError::Throttled,
            retry_after: Some(Duration::from_secs(20)),
        };
        let (outcome, made, took) = run(POLICY, vec![asked]).await;
        assert_eq!((outcome, made), (Ok(()), 2));
        assert!(took >= Duration::from_secs(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_budget_ends_the_retries_at_once() {
        let asked = Failed {
            error: TableError::Throttled,
            retry_after: Some(Duration::from_secs(61)),
        };
        let (outcome, made, took) = run(POLICY, vec![asked; 2]).await;
        assert_eq!((outcome, made), (Err(TableError::Throttled), 1));
        assert_eq!(took, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_without_an_end_is_only_a_wait_beyond_the_budget() {
        let forever = Failed {
            error: TableError::Throttled,
            retry_after: Some(Duration::MAX),
        };
        let errors = vec![
            TableError::Timeout.into(),
            TableError::Timeout.into(),
            forever,
        ];
        let (outcome, made, _) = run(POLICY, errors).await;
        assert_eq!((outcome, made), (Err(TableError::Throttled), 3));
    }

    #[test]
    fn jitter_stays_between_half_and_whole_and_varies() {
        let delay = Duration::from_secs(10);
        let waits: Vec<_> = (0..100).map(|_| jitter(delay)).collect();
        assert!(
            waits
                .iter()
                .all(|wait| *wait >= delay / 2 && *wait <= delay)
        );
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }
}
