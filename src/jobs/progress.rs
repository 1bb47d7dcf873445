//! How far a job is: its custom status.
//!
//! Invariant: every member is a number, a fixed word or a time, so the JSON text stays far below the 16 KB that the
//! host stores of a custom status. A longer one would fail the job.

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
