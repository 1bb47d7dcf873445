//! Finding the time of the computer's clock in what an orchestrator asked for.
//!
//! Runs of one turn follow each other within milliseconds, so they do not differ in a time of whole seconds or in a
//! date. But the clock of the hub shows another time, so such a value can only come from the computer's clock, unless
//! it is in the history, as the result of an activity.

use std::time::{Duration, SystemTime};

use durable_protocol::Timestamp;

/// How far the two clocks must be apart. Nearer, a time cannot be told to be of one of them.
const APART: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// The times that the computer's clock showed during a test.
pub(super) struct WallClock {
    /// Seconds since 1970.
    from: u64,
    to: u64,
    dates: [String; 2],
}

impl WallClock {
    /// The times from `began` to now; `None` when the hub's clock, which is at `virtual_now`, is near them.
    pub(super) fn new(began: SystemTime, virtual_now: Timestamp) -> Option<Self> {
        let now = SystemTime::now();
        let (at, real) = (virtual_now, Timestamp::from(now));
        if at.since(real).max(real.since(at)) < APART {
            return None;
        }
        let seconds = |time: SystemTime| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            since.unwrap_or_default().as_secs()
        };
        Some(WallClock {
            from: seconds(began),
            to: seconds(now),
            dates: [began, now].map(date),
        })
    }

    /// A time of this clock in `text` that is not in `known`.
    pub(super) fn find(&self, text: &str, known: &[u8]) -> Option<String> {
        let numbers = text.split(|char: char| !char.is_ascii_digit());
        let numbers = numbers.filter(|digits| self.is_time(digits));
        let dates = self.dates.iter().map(String::as_str);
        let dates = dates.filter(|date| text.contains(date));
        let mut found = numbers.chain(dates);
        found
            .find(|value| !contains(known, value.as_bytes()))
            .map(str::to_owned)
    }

    /// Whether these are the seconds since 1970, or milli-, micro- or nanoseconds.
    fn is_time(&self, digits: &str) -> bool {
        let is_of_a_unit = matches!(digits.len(), 10 | 13 | 16 | 19);
        let seconds = digits.get(..10).filter(|_| is_of_a_unit);
        let seconds = seconds.and_then(|digits| digits.parse::<u64>().ok());
        seconds.is_some_and(|seconds| (self.from..=self.to).contains(&seconds))
    }
}

/// `2026-11-21`.
fn date(time: SystemTime) -> String {
    let text = Timestamp::from(time).round_trip();
    text.chars().take(10).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T06:24:51Z.
    const AT: u64 = 1_795_242_291;

    fn clock() -> WallClock {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(AT);
        WallClock {
            from: AT,
            to: AT + 1,
            dates: [time, time].map(date),
        }
    }

    #[test]
    fn times_of_the_clock_are_found_in_every_unit_and_as_dates() {
        for (text, value) in [
            ("1795242291", "1795242291"),
            (r#"{"at":1795242292.75}"#, "1795242292"),
            ("1795242291066", "1795242291066"),
            ("[1795242291066123456]", "1795242291066123456"),
            ("\"2026-11-21T06:24:51Z\"", "2026-11-21"),
        ] {
            assert_eq!(clock().find(text, b"").as_deref(), Some(value), "{text}");
        }
    }

    #[test]
    fn other_numbers_and_times_of_the_history_are_not_taken_for_it() {
        for text in ["", "1795242290", "17952422910", "x1704067200", "2024-01-01"] {
            assert_eq!(clock().find(text, b""), None, "{text}");
        }
        assert_eq!(clock().find("1795242291", b"\x08\"1795242291\""), None);
    }

    #[test]
    fn a_hub_whose_clock_shows_the_real_time_is_not_checked() {
        let now = SystemTime::now();
        assert!(WallClock::new(now, Timestamp::from(now)).is_none());
        assert!(WallClock::new(now, Timestamp::default()).is_some());
    }
}
