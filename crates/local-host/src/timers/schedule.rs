//! When a timer fires: an NCRONTAB expression or a time span, as the timer extension reads the property `schedule`.
//!
//! Times are UTC, as on a real host without `WEBSITE_TIME_ZONE`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use functions_handler::host_json::parse_time_span;

/// A schedule.
#[derive(Clone, Debug)]
pub(super) enum Schedule {
    /// At these times.
    Cron(Box<Cron>),
    /// This long after the start, and after the last time.
    Every(Duration),
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Schedule {
    /// Reads a schedule: six fields, of which the first is the second, or five without it; or `hh:mm:ss`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.contains(':') {
            let span = parse_time_span(text)?;
            return (!span.is_zero()).then_some(Self::Every(span));
        }
        // croner also knows `L`, `W`, `#`, `?` and nicknames such as `@daily`, which the extension refuses.
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let named = fields.len().checked_sub(2)?;
        for (place, field) in fields.iter().enumerate() {
            let names: &[&str] = match place.checked_sub(named) {
                Some(0) => &MONTHS,
                Some(_) => &WEEKDAYS,
                None => &[],
            };
            let known = |part: &str| {
                part == "*"
                    || (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
                    || names.iter().any(|name| part.eq_ignore_ascii_case(name))
            };
            if !field.split([',', '-', '/']).all(known) {
                return None;
            }
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            // The day of the month and the weekday must both be right.
            .dom_and_dow(true)
            .build();
        let cron = parser.parse(text).ok()?;
        Some(Self::Cron(Box::new(cron)))
    }

    /// The first time after this one; `None` if there is none.
    pub(super) fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Cron(cron) => cron.find_next_occurrence(&time, false).ok(),
            Self::Every(span) => time.checked_add_signed(TimeDelta::from_std(*span).ok()?),
        }
    }

    /// Whether a real host keeps the times of this timer: not if it fires more often than once a minute.
    pub(super) fn is_monitored(&self, now: DateTime<Utc>) -> bool {
        let first = self.next_after(now);
        let second = first.and_then(|first| self.next_after(first));
        match (first, second) {
            (Some(first), Some(second)) => second - first >= TimeDelta::minutes(1),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        let after: DateTime<Utc> = after.parse().unwrap();
        let schedule = Schedule::parse(schedule).unwrap();
        schedule.next_after(after).unwrap().to_rfc3339()
    }

    #[test]
    fn an_expression_gives_its_next_time_in_utc() {
        let now = "2026-11-28T18:07:03.5Z";
        for (schedule, expected) in [
            ("0 */5 * * * *", "2026-11-28T18:10:00+00:00"),
            ("*/5 * * * *", "2026-11-28T18:10:00+00:00"),
            ("*/2 * * * * *", "2026-11-28T18:07:04+00:00"),
            ("0 30 9-17 * * MON-FRI", "2026-11-30T09:30:00+00:00"),
            ("0 0 0 1 Jan *", "2027-01-01T00:00:00+00:00"),
            ("0 0 2 29 2 *", "2028-02-29T02:00:00+00:00"),
            ("0 0 12 * * 0", "2026-11-29T12:00:00+00:00"),
            // The 13th that is a Friday, not each 13th and each Friday.
            ("0 0 0 13 * 5", "2027-08-13T00:00:00+00:00"),
        ] {
            assert_eq!(next(schedule, now), expected, "{schedule}");
        }
        // A time that is met exactly is over.
        assert_eq!(
            next("0 */5 * * * *", "2026-11-28T18:10:00Z"),
            "2026-11-28T18:15:00+00:00"
        );
    }

    #[test]
    fn a_time_span_is_counted_from_the_last_time() {
        assert_eq!(
            next("00:00:30", "2026-11-28T18:07:03.500Z"),
            "2026-11-28T18:07:33.500+00:00"
        );
        assert_eq!(
            next("1.00:00:00", "2026-11-28T18:07:03Z"),
            "2026-11-29T18:07:03+00:00"
        );
    }

    #[test]
    fn what_the_extension_does_not_know_is_no_schedule() {
        for text in [
            "",
            "abc",
            "* * *",
            "0 0 0 1 1 * 2027",
            "61 * * * * *",
            "0 0 0 L * *",
            "@daily",
            "0 0 0 ? * 1",
            "0 0 0 * * 1#2",
            "0 0 0 15W * *",
            "00:00:00",
            "0:99:00",
            "0 5- * * * *",
        ] {
            assert!(Schedule::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_a_timer_of_a_minute_or_more_is_monitored() {
        let now = "2026-11-28T18:07:03Z".parse().unwrap();
        for (schedule, expected) in [
            ("0 * * * * *", true),
            ("*/30 * * * * *", false),
            ("00:00:59", false),
            ("00:01:00", true),
        ] {
            assert_eq!(
                Schedule::parse(schedule).unwrap().is_monitored(now),
                expected,
                "{schedule}"
            );
        }
    }
}
