//! How long jobs may take, and what becomes of them.

use std::time::Duration;

use super::reader::{Reader, in_range};

/// The settings of jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSettings {
    /// `JobTimeoutSeconds`: the most time from the start of a job to its end, at least 1 second.
    pub timeout: Duration,
}

impl JobSettings {
    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let timeout = reader.or_default("JobTimeoutSeconds", "3600", |text| {
            in_range(text, 1, 604_800).ok_or("expected a number of seconds from 1 to 604800")
        });
        Some(Self {
            timeout: Duration::from_secs(timeout?.into()),
        })
    }
}
