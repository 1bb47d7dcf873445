//! Times of the protocol and the text in which .NET writes them.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::{datetime, format_description};

/// .NET's smallest time in its round-trip text. It stands for "no time".
pub const NEVER: &str = "0001-01-01T00:00:00";

/// A time in UTC: whole seconds since 1970 and nanoseconds behind them (0 to 999,999,999), as in
/// protobuf's `Timestamp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z; negative before it.
    pub seconds: i64,
    /// Nanoseconds after `seconds`.
    pub nanos: i32,
}

impl Timestamp {
    /// The time `duration` later. It stops at the latest time that the type holds.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let nanos = i64::from(self.nanos) + i64::from(duration.subsec_nanos());
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timestamp {
            seconds: self
                .seconds
                .saturating_add(seconds)
                .saturating_add(nanos / 1_000_000_000),
            nanos: (nanos % 1_000_000_000) as i32,
        }
    }

    /// The time from `earlier` to `self`; zero when `self` is not later.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        let nanos = (i128::from(self.seconds) - i128::from(earlier.seconds)) * 1_000_000_000
            + i128::from(self.nanos)
            - i128::from(earlier.nanos);
        u64::try_from(nanos.max(0) / 1_000_000_000)
            .map(|seconds| Duration::new(seconds, (nanos.max(0) % 1_000_000_000) as u32))
            .unwrap_or(Duration::MAX)
    }

    /// The time in whole steps of 100 ns, which is what a .NET `DateTime` holds.
    #[must_use]
    pub fn in_ticks(self) -> Self {
        Timestamp {
            seconds: self.seconds,
            nanos: self.nanos - self.nanos % 100,
        }
    }

    /// As a `SystemTime`; 1970 when the platform cannot hold it.
    #[must_use]
    pub fn to_system_time(self) -> SystemTime {
        let nanos = Duration::from_nanos(u64::try_from(self.nanos).unwrap_or(0));
        let whole = Duration::from_secs(self.seconds.unsigned_abs());
        let base = if self.seconds >= 0 {
            SystemTime::UNIX_EPOCH.checked_add(whole)
        } else {
            SystemTime::UNIX_EPOCH.checked_sub(whole)
        };
        base.and_then(|base| base.checked_add(nanos))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// .NET's round-trip format (`"o"`) in UTC: `2026-11-21T06:24:51.0660000Z`. A time that it cannot
    /// express (before year 1, after 9999) becomes the nearest that it can.
    #[must_use]
    pub fn round_trip(self) -> String {
        const FORMAT: &[BorrowedFormatItem<'_>] = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z"
        );
        let nanos = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos);
        let nearest = if self.seconds > 0 {
            datetime!(9999-12-31 23:59:59.999_999_9 UTC)
        } else {
            datetime!(0001-01-01 00:00 UTC)
        };
        OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .ok()
            .filter(|time| time.year() >= 1)
            .unwrap_or(nearest)
            .format(FORMAT)
            .unwrap_or_default()
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Timestamp::default().after(since),
            Err(error) => {
                let before = error.duration();
                let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                match before.subsec_nanos() {
                    0 => Timestamp {
                        seconds: -seconds,
                        nanos: 0,
                    },
                    nanos => Timestamp {
                        seconds: (-seconds).saturating_sub(1),
                        nanos: 1_000_000_000 - nanos as i32,
                    },
                }
            }
        }
    }
}

/// Nanoseconds that are out of range are carried into the seconds.
impl From<prost_types::Timestamp> for Timestamp {
    fn from(mut time: prost_types::Timestamp) -> Self {
        time.normalize();
        Timestamp {
            seconds: time.seconds,
            nanos: time.nanos,
        }
    }
}

impl From<Timestamp> for prost_types::Timestamp {
    fn from(time: Timestamp) -> Self {
        prost_types::Timestamp {
            seconds: time.seconds,
            nanos: time.nanos,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: i32) -> Timestamp {
        Timestamp { seconds, nanos }
    }

    #[test]
    fn a_time_is_cut_to_100_ns() {
        assert_eq!(at(7, 123_456_789).in_ticks(), at(7, 123_456_700));
    }

    #[test]
    fn a_time_in_the_past_is_due_at_once() {
        assert_eq!(at(0, 0).since(at(10, 5)), Duration::ZERO);
        assert_eq!(at(10, 7).since(at(10, 5)), Duration::from_nanos(2));
        let longest = at(i64::MAX, 0).since(at(i64::MIN, 0));
        assert_eq!(longest, Duration::from_secs(u64::MAX));
        assert_eq!(at(i64::MAX, 999_999_999).after(longest).seconds, i64::MAX);
    }

    #[test]
    fn system_times_before_and_after_1970_are_kept() {
        for time in [at(7, 5), at(-1, 999_999_999), at(-7, 0), at(0, 0)] {
            assert_eq!(Timestamp::from(time.to_system_time()), time);
            assert_eq!(Timestamp::from(prost_types::Timestamp::from(time)), time);
        }
        let denormalised = prost_types::Timestamp {
            seconds: 3,
            nanos: -1,
        };
        assert_eq!(Timestamp::from(denormalised), at(2, 999_999_999));
    }

    #[test]
    fn the_round_trip_text_is_that_of_dotnet() {
        for (time, text) in [
            (
                at(1_795_242_291, 66_000_000),
                "2026-11-21T06:24:51.0660000Z",
            ),
            (at(0, 123_456_789), "1970-01-01T00:00:00.1234567Z"),
            (at(i64::MIN, 0), "0001-01-01T00:00:00.0000000Z"),
            (at(i64::MAX, 0), "9999-12-31T23:59:59.9999999Z"),
        ] {
            assert_eq!(time.round_trip(), text);
        }
    }
}
