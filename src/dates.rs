//! Days and ranges of days, read strictly.
//!
//! The table's PartitionKey is the day as text, so a day that is read wrongly becomes a wrong scan, not an error.
//! Therefore the text form of a [`Day`] is `YYYY-MM-DD` of an existing day and nothing else: no day-first order, no
//! time, no zone, no white space, no digits other than ASCII. What clients may write besides is in `client.rs`.

mod client;

pub use client::DateFormat;
pub(crate) use client::{Ambiguous, DayError};

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Month};

/// A day of the Gregorian calendar, from 0001-01-01 to 9999-12-31.
///
/// Its text form is `YYYY-MM-DD`, which is also the form of the table's PartitionKey; the order of days is the order
/// of their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The bytes of the text form.
    pub const TEXT_LENGTH: usize = "YYYY-MM-DD".len();

    /// Reads `YYYY-MM-DD`. `None` for any other form and for a day that does not exist, such as 2021-02-29.
    pub fn parse(text: &str) -> Option<Self> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else {
            return None;
        };
        let year = number(&[y1, y2, y3, y4])?;
        let month = u8::try_from(number(&[m1, m2])?).ok()?;
        let day = u8::try_from(number(&[d1, d2])?).ok()?;
        Self::from_calendar(year, Month::try_from(month).ok()?, day)
    }

    /// So many days later, at most 9999-12-31.
    #[must_use]
    pub fn later(self, days: u32) -> Self {
        let days = time::Duration::days(days.into());
        Self(self.0.saturating_add(days))
    }

    /// `None` for the year 0 and for a day that does not exist.
    fn from_calendar(year: u16, month: Month, day: u8) -> Option<Self> {
        let date = Date::from_calendar_date(i32::from(year), month, day).ok()?;
        (year > 0).then_some(Self(date))
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u16::from(digit - b'0'))
    })
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("expected a day in the form YYYY-MM-DD"))
    }
}

/// A range of days with both bounds included; it holds at least one day.
///
/// As JSON: `{"start":"2021-01-01","end":"2021-01-31"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Bounds")]
pub struct DateRange {
    start: Day,
    end: Day,
}

impl DateRange {
    /// The range from `start` to `end`, both included. `None` when `end` comes before `start`.
    pub fn new(start: Day, end: Day) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// The first day.
    pub fn start(&self) -> Day {
        self.start
    }

    /// The last day.
    pub fn end(&self) -> Day {
        self.end
    }

    /// How many days of the range come before this day: 0 for the first and for any earlier one, all for a later one
    /// than the last.
    pub fn days_before(&self, day: Day) -> u32 {
        let apart = (day.0 - self.start.0).whole_days().max(0);
        u32::try_from(apart).unwrap_or(u32::MAX).min(self.days())
    }

    /// The number of days, 1 when `start` and `end` are the same day.
    pub fn days(&self) -> u32 {
        let apart = (self.end.0 - self.start.0).whole_days();
        // A range within the years 1 to 9999 has fewer than four million days, and `new` keeps the order.
        u32::try_from(apart).unwrap_or(u32::MAX).saturating_add(1)
    }
}

#[derive(Deserialize)]
struct Bounds {
    start: Day,
    end: Day,
}

impl TryFrom<Bounds> for DateRange {
    type Error = &'static str;

    fn try_from(bounds: Bounds) -> Result<Self, Self::Error> {
        Self::new(bounds.start, bounds.end).ok_or("the end of the range comes before its start")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn iso_days_keep_their_day_and_month() {
        let parsed = day("2021-02-03");
        assert_eq!(
            parsed.0,
            Date::from_calendar_date(2021, Month::February, 3).unwrap()
        );
        assert_eq!(parsed.to_string(), "2021-02-03");
    }

    #[test]
    fn every_other_form_is_refused() {
        for text in [
            "",
            " ",
            "10",
            "Jan",
            "monday",
            "12:30",
            "2021",
            "20210203",
            "2021-2-3",
            "2021-02-3",
            "21-02-03",
            "03-02-2021",
            "03/02/2021",
            "2021/02/03",
            "2021-02-03 ",
            " 2021-02-03",
            "2021-02-03T00:00:00",
            "2021-02-03T00:00:00Z",
            "2021-02-03Z",
            "+2021-02-03",
            "-2021-02-3",
            "12021-02-03",
            "２０２１-02-03",
            "2021–02–03",
            "2021-02-0x",
            "2021-02-+3",
            "2021-02-03'",
            "' or 1 eq 1",
        ] {
            assert_eq!(Day::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "0000-01-01",
            "2021-00-01",
            "2021-13-01",
            "2021-01-00",
            "2021-01-32",
            "2021-04-31",
            "2021-02-29",
            "1900-02-29",
            "2100-02-29",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        for text in [
            "0001-01-01",
            "2020-02-29",
            "2000-02-29",
            "2024-12-31",
            "9999-12-31",
        ] {
            assert_eq!(day(text).to_string(), text);
        }
    }

    #[test]
    fn a_range_counts_both_bounds() {
        let days = |start, end| DateRange::new(day(start), day(end)).map(|range| range.days());
        assert_eq!(days("2021-01-01", "2021-01-01"), Some(1));
        assert_eq!(days("2021-01-31", "2021-02-01"), Some(2));
        assert_eq!(days("2020-01-01", "2020-12-31"), Some(366));
        assert_eq!(days("0001-01-01", "9999-12-31"), Some(3_652_059));
        assert_eq!(days("2021-02-01", "2021-01-31"), None);
    }

    #[test]
    fn the_days_before_a_day_are_those_of_the_range() {
        let range = DateRange::new(day("2021-01-31"), day("2021-02-03")).unwrap();
        for (text, before) in [
            ("2020-01-01", 0),
            ("2021-01-31", 0),
            ("2021-02-01", 1),
            ("2021-02-03", 3),
            ("2021-02-04", 4),
            ("9999-12-31", 4),
        ] {
            assert_eq!(range.days_before(day(text)), before, "{text}");
        }
    }

    #[test]
    fn a_range_is_checked_when_it_is_read_from_json() {
        let range: DateRange =
            serde_json::from_str(r#"{"start":"2021-01-01","end":"2021-01-31"}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&range).unwrap(),
            r#"{"start":"2021-01-01","end":"2021-01-31"}"#
        );
        for bad in [
            r#"{"start":"2021-01-31","end":"2021-01-01"}"#,
            r#"{"start":"2021-02-30","end":"2021-03-01"}"#,
            r#"{"start":"2021-01-01"}"#,
        ] {
            assert!(serde_json::from_str::<DateRange>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_prints_as_it_was_written(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}") {
            if let Some(day) = Day::parse(&text) {
                prop_assert_eq!(day.to_string(), text);
            }
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Day::parse(&text);
        }
    }
}
