//! How far a job is: its custom status.
//!
//! Invariant: every member is a number, a fixed word or a time, so the JSON text stays far below the 16 KB that the
//! host stores of a custom status. A longer one would fail the job.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::dates::DateRange;

/// How far a job is. It is the custom status of the job, as
/// `{"stage":"querying","completed":12,"total":31,"percent":38,"rows":48211,"eta":"2026-11-28T18:20:05Z"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What the job does at present.
    pub stage: Stage,
    /// The days of the range that are read to their end.
    pub completed: u32,
    /// The days of the range, at least 1.
    pub total: u32,
    /// `completed` of `total` in percent, rounded down.
    pub percent: u8,
    /// The entities that were read from the table, those without a value in the counted column included.
    pub rows: u64,
    /// When all days will be read, in UTC and whole seconds, if the job goes on as fast as so far. `null` when that is not
    /// known: before the first day is completed, and after the last.
    #[serde(with = "time::serde::rfc3339::option")]
    pub eta: Option<OffsetDateTime>,
}

/// The stages of a job. A job is `querying` until it is `done`. One that has many values is `merging` in between; one that
/// fails while it reads is `stopping` until what runs of it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The table is read.
    Querying,
    /// The values of all slices are put together.
    Merging,
    /// The job has failed, or its time is over: what it has begun is brought to an end.
    Stopping,
    /// The job has its result.
    Done,
}

impl Progress {
    /// The progress of a job that has read nothing yet.
    pub fn begin(range: &DateRange) -> Self {
        Self {
            stage: Stage::Querying,
            completed: 0,
            total: range.days(),
            percent: 0,
            rows: 0,
            eta: None,
        }
    }

    /// Adds days and entities that were read until `now`, the time of a job that began at `begin`.
    pub fn add(&mut self, days: u32, rows: u64, begin: SystemTime, now: SystemTime) {
        self.completed = self.completed.saturating_add(days).min(self.total);
        self.rows = self.rows.saturating_add(rows);
        let percent = u64::from(self.completed) * 100 / u64::from(self.total.max(1));
        self.percent = u8::try_from(percent).unwrap_or(100);
        let elapsed = now.duration_since(begin).unwrap_or_default();
        self.eta = eta(self.completed, self.total, elapsed, now);
    }

    /// The same in another stage.
    #[must_use]
    pub fn in_stage(self, stage: Stage) -> Self {
        Self {
            stage,
            eta: None,
            ..self
        }
    }

    /// Reads the custom status of a job. `None` for any other text, such as the custom status of an earlier version.
    pub fn read(custom_status: &str) -> Option<Self> {
        serde_json::from_str(custom_status).ok()
    }
}

/// When all days are read, if `completed` of them took `elapsed`; rounded up to a second. `None` when that cannot be told:
/// no day is completed, all are, or the time is beyond all that a calendar has.
fn eta(completed: u32, total: u32, elapsed: Duration, now: SystemTime) -> Option<OffsetDateTime> {
    if completed == 0 || completed >= total {
        return None;
    }
    let left = elapsed.checked_mul(total - completed)? / completed;
    let eta = OffsetDateTime::from(now).checked_add(left.try_into().ok()?)?;
    let second = eta.replace_nanosecond(0).ok()?;
    let rounded = if second == eta {
        second
    } else {
        second.checked_add(time::Duration::SECOND)?
    };
    // RFC 3339 has no other years, and a custom status that cannot be written fails the job.
    (0..=9999).contains(&rounded.year()).then_some(rounded)
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
            completed: 12,
            percent: 38,
            rows: 48_211,
            eta: Some(datetime!(2026-11-28 18:20:05 UTC)),
            ..Progress::begin(&january())
        };
        for (progress, expected) in [
            (
                progress,
                r#"{"stage":"querying","completed":12,"total":31,"percent":38,"rows":48211,"eta":"2026-11-28T18:20:05Z"}"#,
            ),
            (
                Progress::begin(&january()),
                r#"{"stage":"querying","completed":0,"total":31,"percent":0,"rows":0,"eta":null}"#,
            ),
            (
                progress.in_stage(Stage::Merging),
                r#"{"stage":"merging","completed":12,"total":31,"percent":38,"rows":48211,"eta":null}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&progress).unwrap(), expected);
            assert_eq!(Progress::read(expected), Some(progress));
        }
    }

    #[test]
    fn the_rest_takes_as_long_as_the_days_before_did() {
        let now = datetime!(2026-11-28 18:00:00.5 UTC);
        let at = |days, elapsed_ms: u64| {
            let mut progress = Progress::begin(&january());
            let begin = SystemTime::from(now) - Duration::from_millis(elapsed_ms);
            progress.add(days, 7, begin, now.into());
            progress
        };
        let progress = at(10, 20_000);
        // 21 days at 2 seconds each.
        assert_eq!(progress.eta, Some(datetime!(2026-11-28 18:00:43 UTC)));
        assert_eq!(
            (progress.completed, progress.percent, progress.rows),
            (10, 32, 7)
        );
        assert_eq!(at(0, 20_000).eta, None);
        assert_eq!(at(30, 0).percent, 96);
        let all = at(31, 20_000);
        assert_eq!((all.percent, all.eta), (100, None));
    }

    #[test]
    fn days_and_rows_add_up() {
        let mut progress = Progress::begin(&january());
        let time = SystemTime::UNIX_EPOCH;
        progress.add(7, 100, time, time);
        progress.add(0, 50, time, time);
        progress.add(7, 1, time, time);
        assert_eq!((progress.completed, progress.rows), (14, 151));
    }

    /// The clock of a host may go backwards, and a range may be as long as the calendar.
    #[test]
    fn row_28_no_progress_is_one_that_the_host_could_not_store() {
        let whole = DateRange::new(
            Day::parse("0001-01-01").unwrap(),
            Day::parse("9999-12-31").unwrap(),
        );
        let now = SystemTime::now();
        let long_ago = now - Duration::from_secs(1 << 36);
        for (begin, now) in [(long_ago, now), (now, long_ago)] {
            for (days, rows) in [(1, 0), (u32::MAX, u64::MAX)] {
                let mut progress = Progress::begin(&whole.unwrap());
                progress.add(days, rows, begin, now);
                progress.add(days, rows, begin, now);
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
