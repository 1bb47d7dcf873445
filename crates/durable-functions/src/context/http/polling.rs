//! When the next poll of an accepted request is due.

use std::time::{Duration, SystemTime};

use durable_protocol::Timestamp;
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::HttpResponse;

/// What the extension waits when host.json says nothing; hosts before 3.x do not tell.
const DEFAULT: Duration = Duration::from_secs(30);

/// A server that asks for no pause at all must not keep the task hub busy: each poll is a turn and
/// a message on the queue.
const SHORTEST: Duration = Duration::from_secs(1);

/// `Sat, 21 Nov 2026 06:28:23 GMT`, the one form of HTTP dates that servers may send today.
const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// How long to wait, on the orchestration's clock, before `response` is followed.
pub(super) fn delay(
    response: &HttpResponse,
    now: SystemTime,
    default: Option<Duration>,
) -> Duration {
    response
        .header("retry-after")
        .and_then(|value| retry_after(value.trim(), now))
        .unwrap_or_else(|| default.unwrap_or(DEFAULT))
        .max(SHORTEST)
}

fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = PrimitiveDateTime::parse(value, HTTP_DATE).ok()?;
    let seconds = date.assume_utc().unix_timestamp();
    let date = Timestamp { seconds, nanos: 0 };
    Some(date.since(Timestamp::from(now)))
}
