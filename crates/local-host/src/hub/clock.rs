//! UTC time as the task hub writes it: in steps of 100 ns, like a real host.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;

/// The current time.
pub(super) fn now() -> Timestamp {
    cut(Timestamp::from(SystemTime::now()))
}

/// `time` in steps of 100 ns, which is what a .NET `DateTime` holds.
pub(super) fn cut(time: Timestamp) -> Timestamp {
    durable_protocol::Timestamp::from(time).in_ticks().into()
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
    durable_protocol::Timestamp::from(to).since(from.into())
}

/// The round-trip form of .NET.
pub(super) fn round_trip(time: Timestamp) -> String {
    durable_protocol::Timestamp::from(time).round_trip()
}
