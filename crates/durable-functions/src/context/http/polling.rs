//! When the next poll of an accepted request is due.

use std::time::{Duration, SystemTime};

use super::HttpResponse;

/// What the extension waits when host.json says nothing; hosts before 3.x do not send it.
const DEFAULT: Duration = Duration::from_secs(30);

/// A server that asks for no pause at all must not keep the task hub busy: each poll is a turn and
/// a message on the queue.
const SHORTEST: Duration = Duration::from_secs(1);

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
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}
