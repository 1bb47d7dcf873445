//! The delay before work that was abandoned is repeated.

use std::time::Duration;

/// The delay before the first repetition of an abandoned turn. A real host waits two seconds, then four, up
/// to ten minutes, which is too long for a developer.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// The longest delay before a repetition.
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// The delay before the next attempt, after this number of abandoned turns in a row.
pub(super) fn after(abandoned: u32) -> Duration {
    FIRST_BACKOFF
        .saturating_mul(2_u32.saturating_pow(abandoned))
        .min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        assert_eq!(after(0), FIRST_BACKOFF);
        assert_eq!(after(1), FIRST_BACKOFF * 2);
        assert_eq!(after(3), FIRST_BACKOFF * 8);
        assert_eq!(after(u32::MAX), LONGEST_BACKOFF);
    }
}
