//! Times and time spans as .NET writes them.

use std::time::Duration;
use time::OffsetDateTime;
use time::macros::format_description;

/// Reads a time span, `[d.]HH:MM:SS[.fffffff]`; seconds may be missing. `None` when the text is not one.
///
/// As .NET does it takes `d:HH:MM` with more than 23 days, too: `24:00:00` are 24 days.
#[must_use]
pub fn parse_span(text: &str) -> Option<Duration> {
    let (days, clock) = match text.split_once('.') {
        Some((days, clock)) if clock.contains(':') => (days.parse::<u64>().ok()?, clock),
        _ => match text.split_once(':') {
            Some((days, clock)) if clock.contains(':') => match days.parse::<u64>().ok()? {
                days @ 24.. => {
                    // A clock without seconds: with them it would be four parts, with a dot none.
                    if clock.contains('.') || clock.matches(':').count() > 1 {
                        return None;
                    }
                    (days, clock)
                }
                _ => (0, text),
            },
            _ => (0, text),
        },
    };
    let mut parts = clock.split(':');
    let hours: u64 = parts.next()?.parse().ok()?;
    let minutes: u64 = parts.next()?.parse().ok()?;
    let (seconds, fraction) = match parts.next() {
        None => ("0", ""),
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "")),
    };
    let seconds: u64 = seconds.parse().ok()?;
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 || fraction.len() > 7 {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    let whole = days
        .checked_mul(86_400)?
        .checked_add(hours * 3600 + minutes * 60 + seconds)?;
    Some(Duration::new(whole, nanos))
}

/// A duration as .NET writes it: days in front, a fraction behind.
#[must_use]
pub fn format_span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let days = match seconds / 86_400 {
        0 => String::new(),
        days => format!("{days}."),
    };
    let fraction = match duration.subsec_nanos() / 100 {
        0 => String::new(),
        ticks => format!(".{ticks:07}"),
    };
    format!(
        "{days}{:02}:{:02}:{:02}{fraction}",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// A time in UTC in the round-trip form: `2026-11-21T06:24:51.0660000Z`.
#[must_use]
pub fn round_trip(time: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
    // Writing a valid time cannot fail.
    time.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_take_dotnet_forms() {
        let seconds = |text| parse_span(text).map(|span| span.as_secs_f64());
        assert_eq!(seconds("00:05:00"), Some(300.0));
        assert_eq!(seconds("1.00:00:01"), Some(86_401.0));
        assert_eq!(seconds("00:00:02.5"), Some(2.5));
        assert_eq!(seconds("01:30"), Some(5400.0));
        assert_eq!(seconds("24:00:00"), Some(2_073_600.0));
        assert_eq!(seconds("25:23:59"), Some(2_246_340.0));
        for text in [
            "abc",
            "5",
            "24:00",
            "24:24:00",
            "24:00:60",
            "24:00:00.5",
            "1.24:00:00",
            "00:60:00",
            "",
            "1:2:3:4",
            "24:2:3:4",
        ] {
            assert_eq!(parse_span(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_by_dotnet() {
        for text in ["00:05:00", "1.00:00:01", "00:00:02.5000000"] {
            assert_eq!(parse_span(text).map(format_span).as_deref(), Some(text));
        }
    }
}
