//! Strings that .NET's JSON reader takes for dates.
//!
//! A bare day, a date with anything around it and a time without seconds stay strings. Dates with
//! an offset are converted to the host's zone; in Azure, and here, that is UTC.

use time::{Date, Duration, Month, PrimitiveDateTime, Time, UtcOffset};

/// What the text said about its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateKind {
    /// `Z`.
    Utc,
    /// An offset; the value is already converted to UTC.
    Local,
    /// No zone.
    Unspecified,
}

/// A date-time and the text it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonDate {
    raw: String,
    value: PrimitiveDateTime,
    kind: DateKind,
}

impl JsonDate {
    /// Reads the forms that the host's reader takes for a date-time: `YYYY-MM-DDTHH:MM:SS` with an
    /// optional fraction and an optional `Z` or offset, and `/Date(milliseconds)/`.
    #[must_use]
    pub fn recognise(text: &str) -> Option<Self> {
        let (value, kind) = match text.strip_prefix("/Date(") {
            Some(rest) => milliseconds(rest.strip_suffix(")/")?)?,
            None => iso(text)?,
        };
        Some(Self {
            raw: text.to_owned(),
            value,
            kind,
        })
    }

    /// The text as it was written.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// What the text said about its zone.
    #[must_use]
    pub fn kind(&self) -> DateKind {
        self.kind
    }

    /// The form in which the host writes it inside JSON: trailing zeros of the fraction dropped,
    /// an offset converted to `+00:00`.
    #[must_use]
    pub fn to_iso(&self) -> String {
        let (date, time) = (self.value.date(), self.value.time());
        let ticks = time.nanosecond() / 100;
        let fraction = if ticks == 0 {
            String::new()
        } else {
            format!(".{}", format!("{ticks:07}").trim_end_matches('0'))
        };
        let zone = match self.kind {
            DateKind::Utc => "Z",
            DateKind::Local => "+00:00",
            DateKind::Unspecified => "",
        };
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}{zone}",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
        )
    }

    /// The form in which the host writes it as plain text: `MM/dd/yyyy HH:mm:ss`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (date, time) = (self.value.date(), self.value.time());
        format!(
            "{:02}/{:02}/{:04} {:02}:{:02}:{:02}",
            u8::from(date.month()),
            date.day(),
            date.year(),
            time.hour(),
            time.minute(),
            time.second(),
        )
    }
}

fn milliseconds(text: &str) -> Option<(PrimitiveDateTime, DateKind)> {
    let millis: i64 = text.parse().ok()?;
    let epoch = PrimitiveDateTime::new(Date::from_ordinal_date(1970, 1).ok()?, Time::MIDNIGHT);
    let value = epoch.checked_add(Duration::milliseconds(millis))?;
    Some((value, DateKind::Utc))
}

fn iso(text: &str) -> Option<(PrimitiveDateTime, DateKind)> {
    if !(19..=40).contains(&text.len()) || !text.is_ascii() {
        return None;
    }
    let (head, tail) = text.split_at(19);
    let separators = [(4, '-'), (7, '-'), (10, 'T'), (13, ':'), (16, ':')];
    if separators
        .iter()
        .any(|(at, sign)| !head.get(*at..).is_some_and(|rest| rest.starts_with(*sign)))
    {
        return None;
    }
    let digits = |from: usize, to: usize| -> Option<u32> {
        let part = head.get(from..to)?;
        part.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
        part.parse().ok()
    };
    let month = Month::try_from(u8::try_from(digits(5, 7)?).ok()?).ok()?;
    let date = Date::from_calendar_date(
        i32::try_from(digits(0, 4)?).ok()?,
        month,
        u8::try_from(digits(8, 10)?).ok()?,
    )
    .ok()?;
    let (fraction, zone) = match tail.strip_prefix('.') {
        Some(rest) => {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            rest.split_at(end)
        }
        None => ("", tail),
    };
    if tail.starts_with('.') && fraction.is_empty() {
        return None;
    }
    // .NET counts in ticks of 100 ns; further digits are dropped.
    let ticks: u32 = format!("{fraction:0<7}").get(..7)?.parse().ok()?;
    let time = Time::from_hms_nano(
        u8::try_from(digits(11, 13)?).ok()?,
        u8::try_from(digits(14, 16)?).ok()?,
        u8::try_from(digits(17, 19)?).ok()?,
        ticks.checked_mul(100)?,
    )
    .ok()?;
    let value = PrimitiveDateTime::new(date, time);
    match zone {
        "" => Some((value, DateKind::Unspecified)),
        "Z" => Some((value, DateKind::Utc)),
        _ => {
            let local = value.assume_offset(offset(zone)?);
            let utc = local.checked_to_offset(UtcOffset::UTC)?;
            Some((
                PrimitiveDateTime::new(utc.date(), utc.time()),
                DateKind::Local,
            ))
        }
    }
}

fn offset(text: &str) -> Option<UtcOffset> {
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let rest = text.get(1..)?.replace(':', "");
    if !rest.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i8, i8) = match rest.len() {
        2 => (rest.parse().ok()?, 0),
        4 => (rest.get(..2)?.parse().ok()?, rest.get(2..)?.parse().ok()?),
        _ => return None,
    };
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str) -> (String, String) {
        let date = JsonDate::recognise(text).unwrap();
        (date.to_iso(), date.to_text())
    }

    #[test]
    fn dates_are_normalised_as_a_real_host_does() {
        let expect = |text, iso: &str, plain: &str| {
            assert_eq!(forms(text), (iso.to_owned(), plain.to_owned()), "{text}");
        };
        expect(
            "2024-10-24T12:00:00Z",
            "2024-10-24T12:00:00Z",
            "10/24/2024 12:00:00",
        );
        expect(
            "2024-10-24T12:00:00.120Z",
            "2024-10-24T12:00:00.12Z",
            "10/24/2024 12:00:00",
        );
        expect(
            "2024-10-24T12:00:00+02:00",
            "2024-10-24T10:00:00+00:00",
            "10/24/2024 10:00:00",
        );
        expect(
            "2024-10-24T12:00:00",
            "2024-10-24T12:00:00",
            "10/24/2024 12:00:00",
        );
        expect(
            "/Date(1700000000000)/",
            "2023-11-14T22:13:20Z",
            "11/14/2023 22:13:20",
        );
    }

    #[test]
    fn what_a_real_host_leaves_alone_is_not_a_date() {
        for text in [
            "2024-10-24",
            "at 2024-10-24T12:00:00Z",
            "2024-10-24T12:00:00Z ",
            "2024-10-24 12:00:00Z",
            "2024-13-24T12:00:00Z",
            "2024-10-24T12:00:00.Z",
            "2024-10-24T12:00:00+2",
            "2024-10-24T12:00:00é",
            "",
        ] {
            assert_eq!(JsonDate::recognise(text), None, "{text}");
        }
    }
}
