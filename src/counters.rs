//! What this process has done since its start, for `GET /api/health`.
//!
//! They are of the process, not of the app: a host with several instances of the app has as many of them, and a restart
//! begins again at 0. What is counted for the clients of every app is in `job-api`. Invariant: counting never waits and never
//! fails, so any code may count.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

pub use job_api::counters::{Counter, Entered, Gauge, JOBS_CANCELLED, STATUS_REQUESTS, WAITS_OPEN};
use serde::Serialize;
use utoipa::ToSchema;

/// Jobs that this process has started. A submit that found its job there already does not count.
pub static JOBS_STARTED: Counter = Counter::new();
/// Jobs that failed with their host, and that this process has set going again.
pub static JOBS_HEALED: Counter = Counter::new();
/// Jobs that this process is starting at this moment.
pub static STARTS_IN_FLIGHT: Gauge = Gauge::new();
/// Entities that scans of the table have read.
pub static ROWS_SCANNED: Counter = Counter::new();
/// How long the requests took that brought them, in microseconds.
static SCAN_MICROS: Counter = Counter::new();

/// Counts the entities of one page of the table, and how long the page took.
pub fn scanned(rows: u64, took: Duration) {
    ROWS_SCANNED.add(rows);
    SCAN_MICROS.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
}

/// Entities per second of one scan, on the average of all scans; 0 before the first. Scans that run at the same time
/// do not add up.
pub fn rows_per_second() -> u64 {
    rate(ROWS_SCANNED.get(), SCAN_MICROS.get())
}

fn rate(rows: u64, micros: u64) -> u64 {
    let rate = u128::from(rows) * 1_000_000 / u128::from(micros.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// All of them, as a client sees them; its members are in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(description = "Numbers since the start of the process, or of this moment.")]
pub struct Counters {
    /// Jobs that the process has started.
    pub jobs_started: u64,
    /// Jobs that it has cancelled for a client.
    pub jobs_cancelled: u64,
    /// Jobs that failed with their host, and that it has set going again.
    pub jobs_healed: u64,
    /// Requests for the state of a job.
    pub status_requests: u64,
    /// Requests that wait for a change of a job at this moment.
    pub waits_open: u64,
    /// Rows of the table that it has read.
    pub rows_scanned: u64,
    /// Rows that one scan reads in a second, on the average.
    pub rows_per_second: u64,
}

impl Counters {
    /// What they are now.
    pub fn now() -> Self {
        Self {
            jobs_started: JOBS_STARTED.get(),
            jobs_cancelled: JOBS_CANCELLED.get(),
            jobs_healed: JOBS_HEALED.get(),
            status_requests: STATUS_REQUESTS.get(),
            waits_open: WAITS_OPEN.get(),
            rows_scanned: ROWS_SCANNED.get(),
            rows_per_second: rows_per_second(),
        }
    }
}

/// Since when the process counts: the first call of this, which is when the app is built.
pub fn started() -> SystemTime {
    static START: OnceLock<SystemTime> = OnceLock::new();
    *START.get_or_init(SystemTime::now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_time_spent_on_pages() {
        assert_eq!(rate(0, 0), 0);
        assert_eq!(rate(1_000, 2_000_000), 500);
        assert_eq!(rate(u64::MAX, 1), u64::MAX);
    }
}
