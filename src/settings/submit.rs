//! What a submission may ask for.

use super::reader::{Reader, in_range, true_or_false};
use crate::dates::DateFormat;

/// The settings of submissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitSettings {
    /// `MaxSpanDays`: the most days that a job may cover, at least 1.
    pub max_span_days: u32,
    /// `DateFormat`: `iso` or `day-first`.
    pub date_format: DateFormat,
    /// `SubmitByGet`: whether GET starts a job.
    pub by_get: bool,
    /// `MaxSubmitsInFlight`: the most jobs that this process starts at the same time, at least 1. `None`: no limit.
    pub max_in_flight: Option<u32>,
}

impl SubmitSettings {
    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let max_span_days = reader.or_default("MaxSpanDays", "366", |text| {
            in_range(text, 1, 3_652_059).ok_or("expected a number of days from 1 to 3652059")
        });
        let date_format = reader.or_default("DateFormat", "iso", |text| match text {
            "iso" => Ok(DateFormat::Iso),
            "day-first" => Ok(DateFormat::DayFirst),
            _ => Err("expected iso or day-first"),
        });
        let by_get = reader.or_default("SubmitByGet", "true", true_or_false);
        let max_in_flight = reader.optional("MaxSubmitsInFlight", "100", |text| {
            in_range(text, 1, 1_000_000).ok_or("expected a number of submissions from 1 to 1000000")
        });
        Some(Self {
            max_in_flight,
            max_span_days: max_span_days?,
            date_format: date_format?,
            by_get: by_get?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<SubmitSettings, String> {
        let mut reader = Reader::new(|known: &str| (known == name).then(|| value.to_owned()));
        let settings = SubmitSettings::read(&mut reader);
        match reader.errors.first() {
            Some(error) => Err(error.to_string()),
            None => Ok(settings.unwrap()),
        }
    }

    #[test]
    fn each_setting_is_read_and_has_a_default() {
        let default = read("DateFormat", "").unwrap();
        assert_eq!(default.date_format, DateFormat::Iso);
        assert!(default.by_get);
        assert_eq!(default.max_in_flight, None);
        assert_eq!(read("DateFormat", "iso"), Ok(default));
        let day_first = read("DateFormat", "day-first").unwrap();
        assert_eq!(day_first.date_format, DateFormat::DayFirst);
        assert!(read("SubmitByGet", "true").unwrap().by_get);
        assert!(!read("SubmitByGet", "False").unwrap().by_get);
        let limited = read("MaxSubmitsInFlight", "1").unwrap();
        assert_eq!(limited.max_in_flight, Some(1));
    }

    #[test]
    fn a_malformed_value_is_named_with_an_example() {
        for (name, value, expected) in [
            (
                "DateFormat",
                "dayfirst",
                "DateFormat: expected iso or day-first. Example: DateFormat=iso",
            ),
            (
                "SubmitByGet",
                "no",
                "SubmitByGet: expected true or false. Example: SubmitByGet=true",
            ),
            (
                "MaxSubmitsInFlight",
                "0",
                "MaxSubmitsInFlight: expected a number of submissions from 1 to 1000000. Example: MaxSubmitsInFlight=100",
            ),
        ] {
            assert_eq!(read(name, value).unwrap_err(), expected);
        }
    }
}
