//! Strings that the host takes for date-times, and what it makes of them.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Duration, Month, PrimitiveDateTime, Time};

const SECONDS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
const INVARIANT: &[BorrowedFormatItem<'static>] =
    format_description!("[month]/[day]/[year] [hour]:[minute]:[second]");

/// A date-time as .NET holds it. A local time is held in UTC: the zone of the real host's machine
/// is UTC wherever it runs on Azure, and the zone of a developer's machine would only add noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) struct DateTime {
    time: PrimitiveDateTime,
    zone: Zone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    Unspecified,
    Utc,
    Local,
}

impl DateTime {
    /// The ISO text that Newtonsoft.Json writes: at most seven decimals, no trailing zeros.
    pub(super) fn iso(&self) -> String {
        let mut text = self.time.format(SECONDS).unwrap_or_default();
        let ticks = self.time.nanosecond() / 100;
        if ticks > 0 {
            text.push('.');
            text.push_str(format!("{ticks:07}").trim_end_matches('0'));
        }
        text.push_str(match self.zone {
            Zone::Unspecified => "",
            Zone::Utc => "Z",
            Zone::Local => "+00:00",
        });
        text
    }

    /// The text of the invariant culture: `01/02/2024 01:04:05`.
    pub(super) fn invariant(&self) -> String {
        self.time.format(INVARIANT).unwrap_or_default()
    }
}

/// Reads `text` as a date-time when the host would.
pub(super) fn parse(text: &str) -> Option<DateTime> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'/' => milliseconds(text.strip_prefix("/Date(")?.strip_suffix(")/")?),
        b'0'..=b'9' if (19..=40).contains(&bytes.len()) => iso(bytes),
        _ => None,
    }
}

/// `yyyy-MM-ddTHH:mm:ss[.f…][Z|±HH[[:]mm]]`, nothing before or behind it.
fn iso(bytes: &[u8]) -> Option<DateTime> {
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
    let time = in_range(
        PrimitiveDateTime::new(date, time)
            .checked_add(next_day)?
            .checked_sub(offset)?,
    )?;
    Some(DateTime { time, zone })
}

/// Milliseconds since 1970, with an offset that only says "local".
fn milliseconds(text: &str) -> Option<DateTime> {
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
    let epoch = PrimitiveDateTime::new(
        Date::from_calendar_date(1970, Month::January, 1).ok()?,
        Time::MIDNIGHT,
    );
    let time = epoch.checked_add(Duration::milliseconds(number.parse().ok()?))?;
    Some(DateTime {
        time: in_range(time)?,
        zone,
    })
}

/// A .NET date-time lies in the years 1 to 9999.
fn in_range(time: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
    (1..=9999).contains(&time.year()).then_some(time)
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
