//! Errors of settings. Each names the setting and shows a valid value.

use std::fmt;

/// One setting that is missing or malformed. The text never holds the setting's value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}. Example: {name}={example}")]
pub struct SettingError {
    /// The name of the setting, as in the environment.
    pub name: &'static str,
    /// What is wrong.
    pub problem: String,
    /// A value that would be accepted.
    pub example: &'static str,
}

/// All settings that are missing or malformed, so that one start shows them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub Vec<SettingError>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings are missing or not valid:")?;
        for error in &self.0 {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
