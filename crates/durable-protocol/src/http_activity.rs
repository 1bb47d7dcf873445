//! The activity with which the host makes the HTTP calls of orchestrations.

use std::time::Duration;

/// The name under which orchestrators schedule it.
pub const NAME: &str = "BuiltIn::HttpActivity";

const CONTENT_HEADERS: [&str; 11] = [
    "allow",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "expires",
    "last-modified",
];

/// Whether .NET takes a header for one of the content. A host refuses to send such a header, without a reason,
/// and leaves it out of the answer; `Content-Type` of a request is the one that it passes on.
///
/// `name` is in lower case, as in `http::HeaderName`.
#[must_use]
pub fn is_content_header(name: &str) -> bool {
    CONTENT_HEADERS.contains(&name)
}

/// A duration as .NET writes and reads it: `[days.]hours:minutes:seconds[.fraction]`.
///
/// The fraction counts steps of 100 ns, rounded up: a time limit must not become zero.
#[must_use]
pub fn time_span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let days = match seconds / 86_400 {
        0 => String::new(),
        days => format!("{days}."),
    };
    let fraction = match duration.subsec_nanos().div_ceil(100).min(9_999_999) {
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

    #[test]
    fn durations_are_written_as_dotnet_reads_them() {
        for (duration, text) in [
            (Duration::from_secs(20), "00:00:20"),
            (Duration::from_millis(1500), "00:00:01.5000000"),
            (Duration::from_secs(90_061), "1.01:01:01"),
            (Duration::from_nanos(1), "00:00:00.0000001"),
        ] {
            assert_eq!(time_span(duration), text);
        }
    }
}
