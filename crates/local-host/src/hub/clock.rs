//! UTC time as the task hub writes it: in steps of 100 ns, like a real host.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;
use time::OffsetDateTime;

use crate::dotnet_time;

/// The current time.
pub(super) fn now() -> Timestamp {
    cut(Timestamp::from(SystemTime::now()))
}

/// `time` without what a .NET `DateTime` cannot hold.
pub(super) fn cut(mut time: Timestamp) -> Timestamp {
    time.normalize();
    time.nanos -= time.nanos % 100;
    time
}

/// The later of two times.
pub(super) fn later(a: Timestamp, b: Timestamp) -> Timestamp {
    if (b.seconds, b.nanos) > (a.seconds, a.nanos) {
        b
    } else {
        a
    }
}

/// How long it is from `from` to `to`; zero when `to` is not later.
pub(super) fn until(from: Timestamp, to: Timestamp) -> Duration {
    let nanos = (i128::from(to.seconds) - i128::from(from.seconds)) * 1_000_000_000
        + i128::from(to.nanos)
        - i128::from(from.nanos);
    u64::try_from(nanos).map_or_else(
        |_| {
            if nanos < 0 {
                Duration::ZERO
            } else {
                Duration::MAX
            }
        },
        Duration::from_nanos,
    )
}

/// The round-trip form of .NET; empty for a time that .NET does not have.
pub(super) fn round_trip(time: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(time.seconds)
        .ok()
        .and_then(|whole| {
            whole
                .replace_nanosecond(u32::try_from(time.nanos).ok()?)
                .ok()
        })
        .map(dotnet_time::round_trip)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: i32) -> Timestamp {
        Timestamp { seconds, nanos }
    }

    #[test]
    fn a_time_is_cut_to_100_ns() {
        assert_eq!(cut(at(7, 123_456_789)), at(7, 123_456_700));
    }

    #[test]
    fn a_time_in_the_past_is_due_at_once() {
        assert_eq!(until(at(10, 5), at(0, 0)), Duration::ZERO);
        assert_eq!(until(at(10, 5), at(10, 7)), Duration::from_nanos(2));
        assert_eq!(until(at(i64::MIN, 0), at(i64::MAX, 0)), Duration::MAX);
    }
}
