//! What follows from `functionTimeout`: the deadline of a function, and the moment at which its
//! invocation is answered without it. Both formulas are here only.

use std::time::Duration;

/// The host's `functionTimeout`, and the margin before its end.
///
/// When one invocation is not answered in time, the host kills the whole handler. So the answer must
/// leave well before. The **margin** is a tenth of the timeout, at least 1 second and at most
/// 30, but never more than a third of the timeout:
///
/// ```text
/// margin   = min(clamp(timeout / 10, 1 s, 30 s), timeout / 3)
/// deadline = arrival + timeout - margin        the function's cancellation token fires
/// end      = arrival + timeout - margin / 2    the function is dropped, the answer leaves
/// ```
///
/// | timeout | deadline after | end after |
/// |---|---|---|
/// | 3 s | 2 s | 2.5 s |
/// | 1 min | 54 s | 57 s |
/// | 5 min | 4 min 30 s | 4 min 45 s |
/// | 30 min | 29 min 30 s | 29 min 45 s |
///
/// In the first half of the margin a function that watches its token can end by itself. The second half
/// is for what the handler cannot see: the host counts from before it has written the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLimit {
    timeout: Duration,
}

impl TimeLimit {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout }
    }

    /// The host's `functionTimeout`.
    pub(crate) fn timeout(self) -> Duration {
        self.timeout
    }

    /// The time from the arrival of an invocation to its deadline.
    pub(crate) fn deadline(self) -> Duration {
        self.timeout.saturating_sub(self.margin())
    }

    /// The time from the arrival of an invocation to the moment at which it is answered without its
    /// function.
    pub(crate) fn end(self) -> Duration {
        self.timeout.saturating_sub(self.margin() / 2)
    }

    fn margin(self) -> Duration {
        (self.timeout / 10)
            .clamp(Duration::from_secs(1), Duration::from_secs(30))
            .min(self.timeout / 3)
    }
}

/// The time that a function has of the host's `functionTimeout`: until its
/// [deadline](crate::Invocation::deadline), from the arrival of its invocation. For an app that limits
/// its own work.
#[must_use]
pub fn time_for_functions(function_timeout: Duration) -> Duration {
    TimeLimit::new(function_timeout).deadline()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_deadline_leaves_a_tenth_between_one_and_thirty_seconds_or_a_third() {
        for (timeout, deadline, end) in [
            (1_000, 666, 833),
            (3_000, 2_000, 2_500),
            (5_000, 4_000, 4_500),
            (10_000, 9_000, 9_500),
            (60_000, 54_000, 57_000),
            (300_000, 270_000, 285_000),
            (1_800_000, 1_770_000, 1_785_000),
            (86_400_000, 86_370_000, 86_385_000),
        ] {
            let limit = TimeLimit::new(Duration::from_millis(timeout));
            assert_eq!(limit.deadline().as_millis(), deadline, "{timeout}");
            assert_eq!(limit.end().as_millis(), end, "{timeout}");
        }
    }

    proptest! {
        #[test]
        fn every_limit_has_its_deadline_before_its_end_before_the_timeout(nanos in 10_u64..) {
            let limit = TimeLimit::new(Duration::from_nanos(nanos));
            prop_assert!(Duration::ZERO < limit.deadline());
            prop_assert!(limit.deadline() < limit.end());
            prop_assert!(limit.end() < limit.timeout());
        }
    }

    #[test]
    fn the_extremes_do_not_overflow() {
        assert_eq!(TimeLimit::new(Duration::ZERO).end(), Duration::ZERO);
        assert!(TimeLimit::new(Duration::MAX).deadline() < Duration::MAX);
    }
}
