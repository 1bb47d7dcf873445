//! Strings that .NET's JSON reader takes for dates.
//!
//! A day without a time, a time without seconds, and a date with other text around it stay strings. Dates
//! with an offset are converted to the host's zone. In Azure that is UTC, and it is here, whatever the zone
//! of the machine.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Duration, Month, PrimitiveDateTime, Time};

const SECONDS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
const PLAIN: &[BorrowedFormatItem<'static>] =
    format_description!("[month]/[day]/[year] [hour]:[minute]:[second]");

/// The zone in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    /// `Z`.
    Utc,
    /// An offset; the value is already converted to UTC.
    Local,
    Unspecified,
}

/// A date-time and the text it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonDate {
    raw: String,
    value: PrimitiveDateTime,
    zone: Zone,
}

impl JsonDate {
    /// Reads the forms that the host's reader takes for a date-time: `YYYY-MM-DDTHH:MM:SS` with an
    /// optional fraction of up to seven digits and an optional `Z` or offset, and
    /// `/Date(milliseconds)/`.
    ///
    /// # Errors
    /// The text itself, when it stays a string.
    pub fn recognise(text: String) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let found = match bytes.first() {
            Some(b'/') => text
                .strip_prefix("/Date(")
                .and_then(|rest| rest.strip_suffix(")/"))
                .and_then(milliseconds),
            Some(b'0'..=b'9') if (19..=40).contains(&bytes.len()) => iso(bytes),
            _ => None,
        };
        match found {
            Some((value, zone)) => Ok(Self {
                raw: text,
                value,
                zone,
            }),
            None => Err(text),
        }
    }

    /// The text as it was written.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The text as it was written.
    #[must_use]
    pub fn into_raw(self) -> String {
        self.raw
    }

    /// The form in which the host writes it inside JSON: trailing zeros of the fraction dropped,
    /// an offset converted to `+00:00`.
    #[must_use]
    pub fn to_iso(&self) -> String {
        // Writing a valid time cannot fail.
        let mut text = self.value.format(SECONDS).unwrap_or_default();
        let ticks = self.value.nanosecond() / 100;
        if ticks > 0 {
            text.push('.');
            text.push_str(format!("{ticks:07}").trim_end_matches('0'));
        }
        text.push_str(match self.zone {
            Zone::Utc => "Z",
            Zone::Local => "+00:00",
            Zone::Unspecified => "",
        });
        text
    }

    /// The form in which the host writes it as plain text: `MM/dd/yyyy HH:mm:ss`.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.value.format(PLAIN).unwrap_or_default()
    }
}

/// `yyyy-MM-ddTHH:mm:ss[.f…][Z|±HH[[:]mm]]`, nothing before or behind it.
fn iso(bytes: &[u8]) -> Option<(PrimitiveDateTime, Zone)> {
    let mut text = Cursor { rest: bytes };
    let year = text.digits(4)?;
    text.expect(b'-')?;
    let month = text.digits(2)?;
    text.expect(b'-')?;
    let day = text.digits(2)?;
    text.expect(b'T')?;
    let hour = text.digits(2)?;
    text.expect(b':')?;
    let minute = text.digits(2)?;
    text.expect(b':')?;
    let second = text.digits(2)?;
    let ticks = if text.expect(b'.').is_some() {
        text.fraction()?
    } else {
        0
    };
    let (zone, offset) = text.zone()?;
    if !text.rest.is_empty() || year == 0 {
        return None;
    }
    // 24:00:00 is the end of the day.
    let (hour, next_day) = match hour {
        24 if minute == 0 && second == 0 && ticks == 0 => (0, Duration::DAY),
        hour => (hour, Duration::ZERO),
    };
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date =
        Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let time = Time::from_hms_nano(
        u8::try_from(hour).ok()?,
        u8::try_from(minute).ok()?,
        u8::try_from(second).ok()?,
        ticks * 100,
    )
    .ok()?;
    let value = PrimitiveDateTime::new(date, time)
        .checked_add(next_day)?
        .checked_sub(offset)?;
    Some((in_range(value)?, zone))
}

/// Milliseconds since 1970, with an offset that only says "local".
fn milliseconds(text: &str) -> Option<(PrimitiveDateTime, Zone)> {
    let sign = text
        .char_indices()
        .skip(1)
        .find_map(|(at, c)| matches!(c, '+' | '-').then_some(at));
    let (number, zone) = match sign {
        None => (text, Zone::Utc),
        Some(at) => {
            let (number, offset) = text.split_at_checked(at)?;
            let digits = offset.get(1..)?;
            if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            (number, Zone::Local)
        }
    };
    let epoch = PrimitiveDateTime::new(Date::from_ordinal_date(1970, 1).ok()?, Time::MIDNIGHT);
    let value = epoch.checked_add(Duration::milliseconds(number.parse().ok()?))?;
    Some((in_range(value)?, zone))
}

/// A .NET date-time lies in the years 1 to 9999.
fn in_range(value: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
    (1..=9999).contains(&value.year()).then_some(value)
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let mut value = 0;
        for digit in digits {
            value = value * 10 + u32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        }
        self.rest = rest;
        Some(value)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    /// One to seven decimals as steps of 100 ns.
    fn fraction(&mut self) -> Option<u32> {
        let mut ticks = self.digits(1)?;
        for _ in 1..7 {
            ticks = ticks * 10 + self.digits(1).unwrap_or(0);
        }
        Some(ticks)
    }

    fn zone(&mut self) -> Option<(Zone, Duration)> {
        let east = match self.rest.first() {
            None => return Some((Zone::Unspecified, Duration::ZERO)),
            Some(b'Z' | b'z') => {
                self.rest = self.rest.get(1..)?;
                return Some((Zone::Utc, Duration::ZERO));
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        self.rest = self.rest.get(1..)?;
        let hours = self.digits(2)?;
        let minutes = match self.expect(b':') {
            Some(()) => self.digits(2)?,
            None if self.rest.is_empty() => 0,
            None => self.digits(2)?,
        };
        let offset = Duration::minutes(i64::from(hours * 60 + minutes)) * east;
        Some((Zone::Local, offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_normalised_as_a_real_host_does() {
        for (text, iso, plain) in [
            (
                "2024-10-24T12:00:00Z",
                "2024-10-24T12:00:00Z",
                "10/24/2024 12:00:00",
            ),
            (
                "2024-10-24T12:00:00.120Z",
                "2024-10-24T12:00:00.12Z",
                "10/24/2024 12:00:00",
            ),
            (
                "2024-10-24T12:00:00+02:00",
                "2024-10-24T10:00:00+00:00",
                "10/24/2024 10:00:00",
            ),
            (
                "2024-10-24T12:00:00",
                "2024-10-24T12:00:00",
                "10/24/2024 12:00:00",
            ),
            (
                "/Date(1700000000000)/",
                "2023-11-14T22:13:20Z",
                "11/14/2023 22:13:20",
            ),
        ] {
            let date = JsonDate::recognise(text.to_owned()).unwrap();
            assert_eq!((date.to_iso(), date.to_text()), (iso.into(), plain.into()));
        }
    }

    #[test]
    fn unusual_date_times_are_converted_too() {
        for (text, iso) in [
            ("2024-01-02T24:00:00Z", "2024-01-03T00:00:00Z"),
            ("2024-01-02T03:04:05-0130", "2024-01-02T04:34:05+00:00"),
            ("2024-01-02T03:04:05+01", "2024-01-02T02:04:05+00:00"),
            ("/Date(1704164645000+0200)/", "2024-01-02T03:04:05+00:00"),
        ] {
            let date = JsonDate::recognise(text.to_owned()).unwrap();
            assert_eq!(date.to_iso(), iso);
        }
    }

    #[test]
    fn strings_that_only_resemble_a_date_time_stay() {
        for text in [
            "",
            "2024-10-24",
            "at 2024-10-24T12:00:00Z",
            "2024-10-24T12:00:00Z ",
            "2024-10-24 12:00:00Z",
            "2024-13-24T12:00:00Z",
            "2024-02-30T03:04:05Z",
            "2024-10-24T12:00:60Z",
            "2024-10-24T24:00:01Z",
            "2024-10-24T12:00:00.Z",
            "2024-10-24T12:00:00.123456789Z",
            "2024-10-24T12:00:00 Z",
            "2024-10-24T12:00:00+2",
            "2024-10-24T12:00:00é",
            "2024-10-24T12:00:00Zé",
            "0000-01-02T03:04:05Z",
            "0001-01-01T00:00:00+01:00",
            "/Date(x)/",
            "/Date(1704164645000",
        ] {
            assert_eq!(JsonDate::recognise(text.to_owned()), Err(text.to_owned()));
        }
    }
}
