//! How far a job is: its custom status.
//!
//! Invariant: every member is a number, a fixed word or a time, so the JSON text stays far below the 16 KB that the
//! host stores of a custom status. A longer one would fail the job.

use std::time::{Duration, SystemTime};

use durable_functions::Event;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::dates::DateRange;

/// How far a job is. It is the custom status of the job, as
/// `{"stage":"querying","done":12,"total":31,"percent":38,"rows":48211,"eta":"2026-11-28T18:20:05Z"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What the job does at present.
    pub stage: Stage,
    /// The days of the range that are scanned.
    pub done: u32,
    /// The days of the range, at least 1.
    pub total: u32,
    /// `done` of `total` in percent, rounded down: 100 only when the job is done.
    pub percent: u8,
    /// The entities that were read from the table, those without a value in the counted column included.
    pub rows: u64,
    /// When the job will be done, in UTC and whole seconds, if it goes on as fast as so far. `null` when that is not
    /// known: before the first day is done, and at the end.
    #[serde(with = "time::serde::rfc3339::option")]
    pub eta: Option<OffsetDateTime>,
}

/// What a scan tells its job from time to time: the activity raises it as an event to its own instance, because only an
/// orchestrator can set a custom status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scanned {
    /// The days that are done, all before the one that the scan has reached.
    pub days: u32,
    /// The entities that were read.
    pub rows: u64,
    /// The time since the scan began, in milliseconds.
    pub elapsed_ms: u64,
}

/// The event with which a scan says how far it is.
pub const SCANNED: Event<Scanned> = Event::new("scanned");

/// The stages of a job, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The table is scanned.
    Querying,
    /// The job has its result.
    Done,
}

impl Progress {
    /// The progress of a job that has scanned nothing yet.
    pub fn begin(range: &DateRange) -> Self {
        Self {
            stage: Stage::Querying,
            done: 0,
            total: range.days(),
            percent: 0,
            rows: 0,
            eta: None,
        }
    }

    /// The progress of a job at the time `now`, whose scan is so far.
    pub fn scanned(range: &DateRange, scanned: Scanned, now: SystemTime) -> Self {
        let total = range.days();
        let done = scanned.days.min(total);
        // Fewer than 100, because `done` is.
        let percent = u64::from(done) * 100 / u64::from(total);
        Self {
            done,
            percent: u8::try_from(percent).unwrap_or(100),
            rows: scanned.rows,
            eta: eta(done, total, Duration::from_millis(scanned.elapsed_ms), now),
            ..Self::begin(range)
        }
    }

    /// The progress of a job that has read so many entities and has its result.
    pub fn end(range: &DateRange, rows: u64) -> Self {
        Self {
            stage: Stage::Done,
            done: range.days(),
            total: range.days(),
            percent: 100,
            rows,
            eta: None,
        }
    }

    /// Reads the custom status of a job. `None` for any other text, such as the custom status of an earlier version.
    pub fn read(custom_status: &str) -> Option<Self> {
        serde_json::from_str(custom_status).ok()
    }
}

/// When all days are done, if `done` of them took `elapsed`; rounded up to a second. `None` when that cannot be told: no
/// day is done, or the time is beyond all that a calendar has.
fn eta(done: u32, total: u32, elapsed: Duration, now: SystemTime) -> Option<OffsetDateTime> {
    if done == 0 {
        return None;
    }
    let left = elapsed.checked_mul(total - done)? / done;
    let eta = OffsetDateTime::from(now).checked_add(left.try_into().ok()?)?;
    let second = eta.replace_nanosecond(0).ok()?;
    let rounded = if second == eta {
        second
    } else {
        second.checked_add(time::Duration::SECOND)?
    };
    // RFC 3339 has no later years, and a custom status that cannot be written fails the job.
    (rounded.year() <= 9999).then_some(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dates::Day;
    use time::macros::datetime;

    fn january() -> DateRange {
        let day = |text| Day::parse(text).unwrap();
        DateRange::new(day("2021-01-01"), day("2021-01-31")).unwrap()
    }

    #[test]
    fn the_json_text_is_the_documented_one_and_can_be_read_again() {
        let progress = Progress {
            done: 12,
            percent: 38,
            rows: 48_211,
            eta: Some(datetime!(2026-11-28 18:20:05 UTC)),
            ..Progress::begin(&january())
        };
        for (progress, expected) in [
            (
                progress,
                r#"{"stage":"querying","done":12,"total":31,"percent":38,"rows":48211,"eta":"2026-11-28T18:20:05Z"}"#,
            ),
            (
                Progress::begin(&january()),
                r#"{"stage":"querying","done":0,"total":31,"percent":0,"rows":0,"eta":null}"#,
            ),
            (
                Progress::end(&january(), 200_000),
                r#"{"stage":"done","done":31,"total":31,"percent":100,"rows":200000,"eta":null}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&progress).unwrap(), expected);
            assert_eq!(Progress::read(expected), Some(progress));
        }
    }

    #[test]
    fn the_rest_takes_as_long_as_the_days_before_did() {
        let now = datetime!(2026-11-28 18:00:00.5 UTC);
        let at = |days, elapsed_ms| {
            let scanned = Scanned {
                days,
                rows: 7,
                elapsed_ms,
            };
            Progress::scanned(&january(), scanned, now.into())
        };
        let progress = at(10, 20_000);
        // 21 days at 2 seconds each.
        assert_eq!(progress.eta, Some(datetime!(2026-11-28 18:00:43 UTC)));
        assert_eq!(
            (progress.done, progress.percent, progress.rows),
            (10, 32, 7)
        );
        assert_eq!(progress.stage, Stage::Querying);
        assert_eq!(at(0, 20_000).eta, None);
        assert_eq!(at(30, 0).percent, 96);
    }

    /// Whoever has the management key can raise any event.
    #[test]
    fn row_28_no_event_gives_a_custom_status_that_the_host_could_not_store() {
        for days in [0, 1, u32::MAX] {
            for elapsed_ms in [0, 1 << 46, u64::MAX] {
                let scanned = Scanned {
                    days,
                    rows: u64::MAX,
                    elapsed_ms,
                };
                let progress = Progress::scanned(&january(), scanned, SystemTime::now());
                let text = serde_json::to_string(&progress).unwrap();
                assert!(text.len() < 200, "{text}");
                assert_eq!(Progress::read(&text), Some(progress));
            }
        }
    }

    #[test]
    fn another_custom_status_is_no_progress() {
        for text in [
            "",
            "null",
            r#""Moderation""#,
            r#"{"stage":"querying","progress":0}"#,
        ] {
            assert_eq!(Progress::read(text), None, "{text}");
        }
    }
}
