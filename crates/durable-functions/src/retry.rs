//! Retry policies: when a failed activity or sub-orchestration is tried again.

use std::time::Duration;

use crate::Failure;

/// When a failed activity or sub-orchestration is tried again.
///
/// Retries are durable: each wait is a timer of the orchestration, each attempt has an action id of
/// its own, and both go on whether or not the future is polled. A failure that is marked
/// non-retriable is never retried. [The guide](crate::guide::errors) lists what else is not.
///
/// The intervals have no random part: calls that fail at the same time are tried again at the same time.
///
/// ```
/// use std::time::Duration;
/// use durable_functions::RetryPolicy;
///
/// const POLICY: RetryPolicy = RetryPolicy::new(4, Duration::from_secs(2))
///     .backoff(2.0)
///     .max_interval(Duration::from_secs(30))
///     .when(|failure| failure.error_type() != "NotFound");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) first_interval: Duration,
    pub(crate) backoff: f64,
    pub(crate) max_interval: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) when: Option<fn(&Failure) -> bool>,
}

impl RetryPolicy {
    /// At most `max_attempts` attempts (the first one included; 0 counts as 1), with a constant
    /// `first_interval` between them.
    pub const fn new(max_attempts: u32, first_interval: Duration) -> Self {
        RetryPolicy {
            max_attempts,
            first_interval,
            backoff: 1.0,
            max_interval: None,
            timeout: None,
            when: None,
        }
    }

    /// Multiplies the interval by `coefficient` after each attempt. Below 1, or not a number: 1.
    #[must_use]
    pub const fn backoff(mut self, coefficient: f64) -> Self {
        self.backoff = if coefficient >= 1.0 { coefficient } else { 1.0 };
        self
    }

    /// The longest interval between two attempts; without it there is none.
    #[must_use]
    pub const fn max_interval(mut self, interval: Duration) -> Self {
        self.max_interval = Some(interval);
        self
    }

    /// No further attempt for a failure that comes when this much time has passed since the first
    /// attempt, on the orchestration's clock. A wait that has begun is not cut short, so that the
    /// last attempt may begin later.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Retries only the failures for which `retry` says so. It runs on every replay, so it must
    /// depend on nothing but the failure. A predicate that captures is given at the call:
    /// [`TaskFuture::with_retry_when`](crate::TaskFuture::with_retry_when).
    #[must_use]
    pub const fn when(mut self, retry: fn(&Failure) -> bool) -> Self {
        self.when = Some(retry);
        self
    }

    /// How long to wait after the failed attempt `attempt` (1 is the first), or `None` when there
    /// is no further attempt. `elapsed` is the time since the first attempt.
    pub(crate) fn next_delay(
        &self,
        attempt: u32,
        elapsed: Duration,
        failure: &Failure,
    ) -> Option<Duration> {
        let refused = attempt >= self.max_attempts
            || failure.is_non_retriable()
            || self.timeout.is_some_and(|timeout| elapsed >= timeout)
            || self.when.is_some_and(|retry| !retry(failure));
        if refused {
            return None;
        }
        if self.first_interval.is_zero() {
            // Times an infinite factor it would be no number, and that the longest wait.
            return Some(Duration::ZERO);
        }
        let factor = self
            .backoff
            .powi(i32::try_from(attempt - 1).unwrap_or(i32::MAX));
        let delay = Duration::try_from_secs_f64(self.first_interval.as_secs_f64() * factor)
            .unwrap_or(Duration::MAX);
        Some(delay.min(self.max_interval.unwrap_or(Duration::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_interval_stays_none_whatever_the_backoff() {
        let policy = RetryPolicy::new(9, Duration::ZERO).backoff(1e300);
        assert_eq!(delays(policy), [Some(0); 7]);
    }

    fn delays(policy: RetryPolicy) -> Vec<Option<u64>> {
        let failure = Failure::new("E", "m");
        (1..8)
            .map(|attempt| policy.next_delay(attempt, Duration::ZERO, &failure))
            .map(|delay| delay.map(|delay| delay.as_secs()))
            .collect()
    }

    #[test]
    fn intervals_grow_by_the_coefficient_up_to_the_maximum() {
        let policy = RetryPolicy::new(6, Duration::from_secs(1))
            .backoff(2.0)
            .max_interval(Duration::from_secs(10));
        assert_eq!(
            delays(policy),
            [Some(1), Some(2), Some(4), Some(8), Some(10), None, None]
        );
    }

    #[test]
    fn the_interval_is_constant_without_backoff() {
        let policy = RetryPolicy::new(3, Duration::from_secs(5));
        assert_eq!(delays(policy)[..3], [Some(5), Some(5), None]);
    }

    #[test]
    fn a_non_retriable_failure_the_timeout_and_the_predicate_end_retries() {
        let failure = Failure::new("E", "m");
        let policy = RetryPolicy::new(9, Duration::from_secs(1)).timeout(Duration::from_secs(14));
        assert!(
            policy
                .next_delay(1, Duration::from_secs(13), &failure)
                .is_some()
        );
        assert!(
            policy
                .next_delay(1, Duration::from_secs(14), &failure)
                .is_none()
        );
        let fatal = failure.clone().non_retriable();
        assert!(policy.next_delay(1, Duration::ZERO, &fatal).is_none());
        let never = policy.when(|failure| failure.error_type() != "E");
        assert!(never.next_delay(1, Duration::ZERO, &failure).is_none());
    }

    #[test]
    fn an_overflowing_interval_is_the_longest_not_a_panic() {
        let policy = RetryPolicy::new(u32::MAX, Duration::MAX).backoff(1e300);
        let failure = Failure::new("E", "m");
        assert_eq!(
            policy.next_delay(4_000_000_000, Duration::ZERO, &failure),
            Some(Duration::MAX)
        );
    }
}
