//! Reading settings, and the settings that every app with jobs has: how it is reached, and what clients
//! are told of a job.
//!
//! Invariant: a value that was read is complete and valid. What is wrong is collected, so that one start shows all of it.

mod error;
mod hosts;
mod http;
mod reader;
mod status;

pub use error::{SettingError, SettingsError};
pub use hosts::AllowedHosts;
pub(crate) use hosts::Authority;
pub use http::{HttpSettings, TrustedProxies};
pub use reader::{Reader, in_range, true_or_false};
pub use status::StatusSettings;

/// A setting in the environment of the process. The host passes an app's settings there.
#[must_use]
pub fn of_the_process(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
