//! Settings, read and checked once at the start from the environment.
//!
//! Invariant: a value of [`Settings`] is complete and valid.

use std::time::Duration;

use job_api::settings::{
    HttpSettings, Reader, SettingsError, StatusSettings, in_range, of_the_process,
};

use crate::functions::process_submission::Review;

/// The settings of the function app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How the app is reached: `PublicBaseUrl`, `TrustedProxies`, `AllowedHosts`, `RelativeLocation`, `ExposeHeaders`.
    pub http: HttpSettings,
    /// What clients are told of a submission: `RetryAfterSeconds`, `MaxWaitSeconds`, `FailedJobIs500`.
    pub status: StatusSettings,
    /// `DecidedBy` and how long a stage takes. It becomes part of the input of an orchestration.
    pub review: Review,
    /// `RulesSeed`: other numbers give other outcomes of the rules.
    pub seed: u32,
}

impl Settings {
    /// Reads the settings from the environment of the process.
    ///
    /// # Errors
    /// When one is malformed; the error names all of them.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(of_the_process)
    }

    /// Reads the settings from any source of values. An empty value is the same as none.
    ///
    /// # Errors
    /// When one is malformed; the error names all of them.
    pub fn read(source: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(source);
        let http = HttpSettings::read(&mut reader);
        // What the original says of every submission.
        let status = StatusSettings::read(&mut reader, "20");
        let by_people = reader.or_default("DecidedBy", "rules", |text| match text {
            "rules" => Ok(false),
            "people" => Ok(true),
            _ => Err("expected rules or people"),
        });
        let moderation = reader.or_default("ModerationSeconds", "20", seconds);
        let shortlisting = reader.or_default("ShortlistingSeconds", "15", seconds);
        let selection = reader.or_default("SelectionSeconds", "10", seconds);
        // A week.
        let decision = reader.or_default("DecisionSeconds", "604800", seconds);
        let seed = reader.or_default("RulesSeed", "0", |text| {
            in_range(text, 0, u32::MAX).ok_or("expected a number from 0 to 4294967295")
        });
        let settings = (|| {
            let review = match by_people? {
                true => Review::People {
                    deadline_millis: decision?,
                },
                false => Review::Rules {
                    millis: [moderation?, shortlisting?, selection?],
                },
            };
            Some(Self {
                http: http?,
                status: status?,
                review,
                seed: seed?,
            })
        })();
        // Each missing value has an error.
        settings
            .filter(|_| reader.errors.is_empty())
            .ok_or(SettingsError(reader.errors))
    }
}

/// Seconds with up to three decimals, in milliseconds.
fn seconds(text: &str) -> Result<u64, &'static str> {
    let expected = "expected a number of seconds from 0 to 2592000, with up to three decimals";
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
        return Err(expected);
    }
    let millis = format!("{whole}{decimals:0<3}").parse().ok();
    const MOST: u64 = Duration::from_secs(30 * 24 * 60 * 60).as_secs() * 1_000;
    millis.filter(|millis| *millis <= MOST).ok_or(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            let found = values.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn without_a_setting_the_rules_decide_after_the_times_of_the_original() {
        let settings = read(&[]).unwrap();
        let millis = [20_000, 15_000, 10_000];
        assert_eq!(settings.review, Review::Rules { millis });
        assert_eq!(settings.seed, 0);
    }

    #[test]
    fn people_have_a_week_unless_a_setting_says_otherwise() {
        let people = |values: &[_]| read(values).unwrap().review;
        let by_people = ("DecidedBy", "people");
        let deadline_millis = 604_800_000;
        assert_eq!(people(&[by_people]), Review::People { deadline_millis });
        let deadline_millis = 1_500;
        let setting = ("DecisionSeconds", "1.5");
        assert_eq!(
            people(&[by_people, setting]),
            Review::People { deadline_millis }
        );
    }

    #[test]
    fn what_is_malformed_is_named_with_an_example() {
        let error = read(&[("DecidedBy", "dice"), ("SelectionSeconds", "1.2345")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Settings are missing or not valid:\n  \
             DecidedBy: expected rules or people. Example: DecidedBy=rules\n  \
             SelectionSeconds: expected a number of seconds from 0 to 2592000, with up to three decimals. Example: \
             SelectionSeconds=10"
        );
        for text in ["-1", "+1", "1.", ".5", "1e3", "2592000.001", "1,5"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
