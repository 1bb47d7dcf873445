//! How long jobs may take, and what becomes of them.

use std::time::Duration;

use super::reader::{Reader, in_range, true_or_false};

/// The settings of jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSettings {
    /// `JobTimeoutSeconds`: the most time from the start of a job to its end, at least 1 second.
    pub timeout: Duration,
    /// `RetentionDays`: how long a job is kept after its end, at least 1 day. `None`: for ever.
    pub retention: Option<Duration>,
    /// `TombstoneDays`: how long the address of a purged job answers 410, at least 1 day; then it answers 404.
    pub tombstones: Duration,
    /// `SweepJobs`: whether a timer heals the jobs that their host failed and that nobody asks for.
    pub sweep: bool,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl JobSettings {
    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let timeout = reader.or_default("JobTimeoutSeconds", "3600", |text| {
            in_range(text, 1, 604_800).ok_or("expected a number of seconds from 1 to 604800")
        });
        // Azure's guidelines for long-running operations ask for 24 hours at least.
        let retention = reader.or_default("RetentionDays", "7", |text| {
            in_range(text, 0, 3650).ok_or("expected a number of days from 1 to 3650, or 0 for ever")
        });
        let tombstones = reader.or_default("TombstoneDays", "30", |text| {
            in_range(text, 1, 3650).ok_or("expected a number of days from 1 to 3650")
        });
        let sweep = reader.or_default("SweepJobs", "true", true_or_false);
        Some(Self {
            timeout: Duration::from_secs(timeout?.into()),
            retention: Some(DAY * retention?).filter(|time| !time.is_zero()),
            tombstones: DAY * tombstones?,
            sweep: sweep?,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    use super::*;

    #[test]
    fn an_ended_job_is_kept_for_a_week_or_as_long_as_it_is_said() {
        let retention = |days| {
            Settings::for_test(&[("RetentionDays", days)])
                .jobs
                .retention
        };
        assert_eq!(retention(""), Some(7 * DAY));
        assert_eq!(retention("1"), Some(DAY));
        assert_eq!(retention("0"), None);
        assert_eq!(Settings::for_test(&[]).jobs.tombstones, 30 * DAY);
        let tombstones = Settings::for_test(&[("TombstoneDays", "2")]);
        assert_eq!(tombstones.jobs.tombstones, 2 * DAY);
    }

    #[test]
    fn a_time_that_is_no_number_of_days_is_named() {
        for name in ["RetentionDays", "TombstoneDays"] {
            for value in ["3651", "-1", "1.5", "7d"] {
                let text = Settings::problem_for_test(name, value);
                let expected = format!("{name}: expected a number of days from 1 to 3650");
                assert!(text.contains(&expected), "{text}");
            }
        }
    }

    #[test]
    fn the_sweep_is_on_unless_it_is_switched_off() {
        for (value, expected) in [(None, true), (Some("false"), false), (Some("True"), true)] {
            let values: Vec<_> = value
                .map(|value| ("SweepJobs", value))
                .into_iter()
                .collect();
            assert_eq!(Settings::for_test(&values).jobs.sweep, expected);
        }
        let text = Settings::problem_for_test("SweepJobs", "0");
        let expected = "SweepJobs: expected true or false. Example: SweepJobs=true";
        assert!(text.contains(expected), "{text}");
    }
}
