//! How long sessions and their jobs are kept.
//!
//! Invariant: an entry lives at least as long as its job and the tombstone of its job. So whoever looks a session up is told
//! of a job as long as the address of the job says something.

use std::time::{Duration, SystemTime};

use super::Expiry;
use crate::settings::JobSettings;

/// Covers what comes between the times of the settings: a purge that runs once an hour, and clocks that differ.
const SLACK: Duration = Duration::from_secs(24 * 60 * 60);

impl Expiry {
    /// The expiry of a job or a session that becomes known at `now`. Its message was sent at `created`, or it has none and
    /// both are the same.
    ///
    /// The later of the two counts: a message can wait in its queue for longer than a job is kept.
    #[must_use]
    pub fn of_new(settings: &JobSettings, created: SystemTime, now: SystemTime) -> Self {
        let begin = created.max(now).checked_add(settings.timeout);
        begin.map_or(Self::Never, |begin| Self::after_end(settings, begin))
    }

    /// The expiry of a job that runs at `now`.
    #[must_use]
    pub fn of_running(settings: &JobSettings, now: SystemTime) -> Self {
        Self::after_end(settings, now)
    }

    /// The expiry of a job that ends at this time at the earliest.
    fn after_end(settings: &JobSettings, end: SystemTime) -> Self {
        let Some(retention) = settings.retention else {
            return Self::Never;
        };
        let kept = [retention, settings.tombstones, SLACK]
            .into_iter()
            .try_fold(end, |time, more| time.checked_add(more));
        // A time that cannot be told is as far away as never.
        kept.map_or(Self::Never, Self::At)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn settings(values: &[(&str, &str)]) -> JobSettings {
        Settings::for_test(values).jobs
    }

    #[test]
    fn an_entry_outlives_the_job_and_its_tombstone_by_a_day() {
        let settings = settings(&[
            ("JobTimeoutSeconds", "60"),
            ("RetentionDays", "2"),
            ("TombstoneDays", "3"),
        ]);
        let now = SystemTime::now();
        let minute = Duration::from_secs(60);
        let expected = Expiry::At(now + minute + 6 * DAY);
        assert_eq!(Expiry::of_new(&settings, now, now), expected);
        assert_eq!(Expiry::of_new(&settings, now - 90 * DAY, now), expected);
        assert_eq!(Expiry::of_new(&settings, now, now - DAY), expected);
        let running = Expiry::of_running(&settings, now);
        assert_eq!(running, Expiry::At(now + 6 * DAY));
    }

    #[test]
    fn without_retention_an_entry_is_kept_for_ever_as_its_job_is() {
        let settings = settings(&[("RetentionDays", "0")]);
        let now = SystemTime::now();
        assert_eq!(Expiry::of_new(&settings, now, now), Expiry::Never);
        assert_eq!(Expiry::of_running(&settings, now), Expiry::Never);
    }
}
