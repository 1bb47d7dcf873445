//! Which published API the app stands in for.

use std::time::Duration;

use super::reader::Reader;

/// `CompatProfile`: an API that was published before this one and whose clients cannot change. Its answers are those
/// of the published API, byte for byte, where they are not wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompatProfile {
    /// No other API: the answers are our own.
    #[default]
    None,
    /// `call-for-speakers`: sentences as plain text, and a fixed `Retry-After` of 20 seconds.
    CallForSpeakers,
    /// `date-range-query`: `{"statusUri"}` with 200 for a submission, `{"id","status","result"}` with 200 for a status,
    /// and dates with the day first.
    DateRangeQuery,
    /// `api-management`: a status of five members, without result and error.
    ApiManagement,
}

impl CompatProfile {
    /// What the API of the profile says of every job. `None`: it says nothing fixed.
    pub(crate) fn retry_after(self) -> Option<Duration> {
        (self == Self::CallForSpeakers).then_some(Duration::from_secs(20))
    }

    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        reader.or_default("CompatProfile", "none", |text| match text {
            "none" => Ok(Self::None),
            "call-for-speakers" => Ok(Self::CallForSpeakers),
            "date-range-query" => Ok(Self::DateRangeQuery),
            "api-management" => Ok(Self::ApiManagement),
            _ => Err("expected none, call-for-speakers, date-range-query or api-management"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Option<&str>) -> Result<CompatProfile, String> {
        let mut reader = Reader::new(|_: &str| value.map(str::to_owned));
        let profile = CompatProfile::read(&mut reader);
        profile.ok_or_else(|| reader.errors[0].to_string())
    }

    #[test]
    fn every_profile_has_its_word_and_none_is_the_default() {
        for (value, expected) in [
            (None, CompatProfile::None),
            (Some(""), CompatProfile::None),
            (Some("none"), CompatProfile::None),
            (Some("call-for-speakers"), CompatProfile::CallForSpeakers),
            (Some("date-range-query"), CompatProfile::DateRangeQuery),
            (Some("api-management"), CompatProfile::ApiManagement),
        ] {
            assert_eq!(read(value), Ok(expected), "{value:?}");
        }
    }

    #[test]
    fn an_unknown_profile_is_named_with_those_that_exist() {
        assert_eq!(
            read(Some("None")).unwrap_err(),
            "CompatProfile: expected none, call-for-speakers, date-range-query or api-management. Example: CompatProfile=none"
        );
    }
}
