//! Reads one setting after the other, and collects what is wrong with all of them.

use std::fmt;

use super::SettingError;

/// A source of values, and what was wrong so far.
#[derive(Debug)]
pub struct Reader<S> {
    source: S,
    /// What was wrong so far.
    pub errors: Vec<SettingError>,
}

impl<S: Fn(&str) -> Option<String>> Reader<S> {
    /// A reader of a source that knows the value of a setting, such as [`of_the_process`](super::of_the_process).
    pub fn new(source: S) -> Self {
        Self {
            source,
            errors: Vec::new(),
        }
    }

    /// The value, which must be there. `None` when it is missing or malformed, which is an error. `example` is a value
    /// that would be accepted.
    pub fn required<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        example: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.value(name) {
            Some(text) => self.parsed(name, example, parse(&text)),
            None => self.parsed(name, example, Err("the setting is missing")),
        }
    }

    /// The value, or else the default, which is written as in a setting.
    pub fn or_default<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        default: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.value(name);
        self.parsed(name, default, parse(text.as_deref().unwrap_or(default)))
    }

    /// `None` without a value, and when it is malformed, which is an error.
    pub fn optional<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        example: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.value(name)?;
        self.parsed(name, example, parse(&text))
    }

    /// Whether the value is this one, in any case.
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.value(name)
            .is_some_and(|text| text.eq_ignore_ascii_case(value))
    }

    fn value(&self, name: &str) -> Option<String> {
        let text = (self.source)(name)?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn parsed<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        example: &'static str,
        parsed: Result<T, E>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(problem) => {
                self.errors.push(SettingError {
                    name,
                    problem: problem.to_string(),
                    example,
                });
                None
            }
        }
    }
}

/// A number in decimal digits within these limits.
#[must_use]
pub fn in_range(text: &str, least: u32, most: u32) -> Option<u32> {
    // `parse` would accept a sign.
    let digits = text.chars().all(|c| c.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits)?;
    (least..=most).contains(&number).then_some(number)
}

/// `true` or `false`, in any case, as .NET reads a setting.
///
/// # Errors
/// What was expected, for any other text.
pub fn true_or_false(text: &str) -> Result<bool, &'static str> {
    match text {
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("expected true or false"),
    }
}
