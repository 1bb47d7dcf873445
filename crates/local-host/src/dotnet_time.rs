//! Times and time spans as .NET writes them. `functions_handler::host_json` reads them.

use std::time::Duration;
use time::OffsetDateTime;
use time::macros::format_description;

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
    use functions_handler::host_json::parse_time_span;

    #[test]
    fn durations_are_written_as_by_dotnet() {
        for text in ["00:05:00", "1.00:00:01", "00:00:02.5000000"] {
            assert_eq!(
                parse_time_span(text).map(format_span).as_deref(),
                Some(text)
            );
        }
    }
}
