//! Date-times of the table service.

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcDateTime};

/// Reads a date-time with an offset, without one (it is UTC then), or of a day alone (its first
/// moment). `None` for everything else.
pub(crate) fn read(text: &str) -> Option<UtcDateTime> {
    if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(moment.to_utc());
    }
    let moment = PrimitiveDateTime::parse(text, &Iso8601::DATE_TIME)
        .ok()
        .or_else(|| Some(Date::parse(text, &Iso8601::DATE).ok()?.midnight()))?;
    Some(moment.as_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_time_are_equal() {
        let moment = read("2021-01-01T00:00:00Z").unwrap();
        for text in [
            "2021-01-01",
            "2021-01-01T00:00:00",
            "2021-01-01T00:00:00.0000000Z",
            "2021-01-01T01:00:00+01:00",
        ] {
            assert_eq!(read(text), Some(moment), "{text}");
        }
        for text in ["", "nonsense", "2021-13-01", "2021-01-01T25:00:00", "2021"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
