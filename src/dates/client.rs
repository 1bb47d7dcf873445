//! The days that clients write.
//!
//! Besides the text form of a [`Day`] an instant is accepted whose offset from UTC is known: two clients in different
//! zones that mean the same moment get the same day. A date with the day first is accepted only where the app is set
//! to it, and then only if it could not be one with the month first: a wrong guess would be a wrong scan.

use time::{Month, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use super::Day;

/// `DateFormat`: which forms of a day a client may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateFormat {
    /// `iso`: `YYYY-MM-DD`, and RFC 3339 instants such as `2021-02-03T10:00:00+02:00`.
    #[default]
    Iso,
    /// `day-first`: also `31-01-2021`, `31/01/2021` and `31.01.2021`.
    DayFirst,
}

/// Why a text is not read as a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DayError {
    /// It has none of the accepted forms, or the day does not exist.
    Malformed,
    /// Nobody can tell the day from the month.
    Ambiguous(Ambiguous),
}

/// Both days that a text could mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous {
    text: String,
    day_first: Day,
    month_first: Day,
}

impl Ambiguous {
    /// The text for a client. `bound` is `start` or `end`.
    pub(crate) fn message(&self, bound: &str) -> String {
        let name = |day: Day| format!("{} {}", day.0.day(), day.0.month());
        let (day_first, month_first) = (self.day_first, self.month_first);
        format!(
            "Ambiguous {bound} date: {} may be {} or {}. Send {day_first} or {month_first}.",
            self.text,
            name(day_first),
            name(month_first)
        )
    }
}

impl DateFormat {
    /// Reads the day that a client has written.
    pub(crate) fn read(self, text: &str) -> Result<Day, DayError> {
        let day = Day::parse(text).or_else(|| instant(text));
        match (day, self) {
            (Some(day), _) => Ok(day),
            (None, Self::Iso) => Err(DayError::Malformed),
            (None, Self::DayFirst) => day_first(text),
        }
    }
}

/// The day on which an instant falls in UTC.
fn instant(text: &str) -> Option<Day> {
    // RFC 3339 also allows other separators than `T`.
    let has_time = text.as_bytes().get(10) == Some(&b'T');
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok();
    let instant = instant
        .filter(|_| has_time)?
        .checked_to_offset(UtcOffset::UTC)?;
    // The year 0 is no year of a `Day`.
    (instant.year() > 0).then(|| Day(instant.date()))
}

/// `DD-MM-YYYY`, with the same separator twice; the day and the month may have one digit.
fn day_first(text: &str) -> Result<Day, DayError> {
    let separator = text.chars().find(|c| matches!(c, '-' | '/' | '.'));
    let mut parts = text.split(separator.ok_or(DayError::Malformed)?);
    let mut part = |lengths: &[usize]| -> Option<u16> {
        let part = parts.next()?;
        let is_number =
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| is_number)
    };
    let numbers = (|| Some((part(&[1, 2])?, part(&[1, 2])?, part(&[4])?)))();
    let (first, second, year) = numbers.ok_or(DayError::Malformed)?;
    if parts.next().is_some() {
        return Err(DayError::Malformed);
    }
    let day_first = of(year, second, first).ok_or(DayError::Malformed)?;
    match of(year, first, second) {
        Some(month_first) if month_first != day_first => Err(DayError::Ambiguous(Ambiguous {
            text: text.to_owned(),
            day_first,
            month_first,
        })),
        _ => Ok(day_first),
    }
}

fn of(year: u16, month: u16, day: u16) -> Option<Day> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Day::from_calendar(year, month, u8::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(format: DateFormat, text: &str) -> Result<String, DayError> {
        format.read(text).map(|day| day.to_string())
    }

    #[test]
    fn an_instant_is_the_day_on_which_it_falls_in_utc() {
        for (text, expected) in [
            ("2021-02-03T00:00:00Z", "2021-02-03"),
            ("2021-02-03T23:59:59.999999999Z", "2021-02-03"),
            ("2021-02-03T00:30:00+02:00", "2021-02-02"),
            ("2021-12-31T23:30:00-00:30", "2022-01-01"),
            ("2021-03-01T00:00:00+00:01", "2021-02-28"),
            ("0001-01-01T00:00:00Z", "0001-01-01"),
            ("9999-12-31T23:59:59Z", "9999-12-31"),
        ] {
            for format in [DateFormat::Iso, DateFormat::DayFirst] {
                assert_eq!(read(format, text).as_deref(), Ok(expected), "{text}");
            }
        }
    }

    #[test]
    fn a_time_without_a_zone_and_a_day_beyond_the_calendar_are_refused() {
        for text in [
            "2021-02-03T00:00:00",
            "2021-02-03T00:00",
            "2021-02-03T10Z",
            "2021-02-03 00:00:00Z",
            "2021-02-03T00:00:00 02:00",
            "2021-02-03T00:00:00+2:00",
            "2021-02-03T25:00:00Z",
            "2021-02-29T00:00:00Z",
            "20210203T000000Z",
            "2021-02-03Z",
            "2021-02-03+02:00",
            "0000-12-31T00:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-00:01",
        ] {
            for format in [DateFormat::Iso, DateFormat::DayFirst] {
                assert_eq!(read(format, text), Err(DayError::Malformed), "{text}");
            }
        }
    }

    #[test]
    fn a_date_with_the_day_first_is_read_only_where_it_is_asked_for() {
        for (text, expected) in [
            ("31-01-2021", "2021-01-31"),
            ("31/01/2021", "2021-01-31"),
            ("31.1.2021", "2021-01-31"),
            ("13-12-2021", "2021-12-13"),
            ("29-02-2020", "2020-02-29"),
            // The same day in both orders.
            ("03-03-2021", "2021-03-03"),
            // The year first is never ambiguous.
            ("2021-02-03", "2021-02-03"),
        ] {
            assert_eq!(
                read(DateFormat::DayFirst, text).as_deref(),
                Ok(expected),
                "{text}"
            );
            if Day::parse(text).is_none() {
                assert_eq!(
                    read(DateFormat::Iso, text),
                    Err(DayError::Malformed),
                    "{text}"
                );
            }
        }
        for text in [
            "01-31-2021",
            "29-02-2021",
            "32-01-2021",
            "00-01-2021",
            "31-00-2021",
            "31-01-0000",
            "31-01-21",
            "31-01/2021",
            "31-01-2021-",
            "-31-01-2021",
            "31--2021",
            "031-01-2021",
            "31-01-2021 ",
            "+1-01-2021",
            "31 01 2021",
            "31012021",
            "31-Jan-2021",
            "2021/01/31",
            "２１-01-2021",
            "10",
            "Jan",
            "-",
            "",
        ] {
            assert_eq!(
                read(DateFormat::DayFirst, text),
                Err(DayError::Malformed),
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_ambiguous_date_is_refused_with_both_days_that_it_may_be() {
        for (text, expected) in [
            (
                "03-02-2021",
                "Ambiguous start date: 03-02-2021 may be 3 February or 2 March. Send 2021-02-03 or 2021-03-02.",
            ),
            (
                "1/12/2021",
                "Ambiguous start date: 1/12/2021 may be 1 December or 12 January. Send 2021-12-01 or 2021-01-12.",
            ),
        ] {
            let Err(DayError::Ambiguous(ambiguous)) = DateFormat::DayFirst.read(text) else {
                panic!("{text} is not ambiguous");
            };
            assert_eq!(ambiguous.message("start"), expected);
            assert_eq!(read(DateFormat::Iso, text), Err(DayError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*", date in "[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([TZ:+.-][0-9]{0,2}){0,6}") {
            for text in [text, date] {
                let _ = DateFormat::Iso.read(&text);
                let _ = DateFormat::DayFirst.read(&text);
            }
        }
    }
}
