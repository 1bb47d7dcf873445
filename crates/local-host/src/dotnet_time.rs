//! Time spans as .NET writes them. `functions_handler::host_json` reads them.

use std::time::Duration;

/// A duration as .NET writes it: days in front, a fraction behind.
#[must_use]
pub(crate) fn format_span(duration: Duration) -> String {
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
