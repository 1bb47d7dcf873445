//! What clients are told of a job.

use std::time::Duration;

use super::reader::{Reader, in_range};

/// The settings of a job's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSettings {
    /// `RetryAfterSeconds`: the value of the header `Retry-After`, at least 1 second.
    pub retry_after: Duration,
}

impl StatusSettings {
    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let retry_after = reader.or_default("RetryAfterSeconds", "5", |text| {
            in_range(text, 1, 3600).ok_or("expected a number of seconds from 1 to 3600")
        });
        Some(Self {
            retry_after: Duration::from_secs(retry_after?.into()),
        })
    }
}
