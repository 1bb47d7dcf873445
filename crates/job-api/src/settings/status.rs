//! What clients are told of a job.

use std::time::Duration;

use super::reader::{Reader, in_range, true_or_false};

/// The settings of a job's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSettings {
    /// `RetryAfterSeconds`: the most that the header `Retry-After` says, at least 1 second.
    pub retry_after: Duration,
    /// `MaxWaitSeconds`: the longest time for which a client's request is held back; zero for never.
    pub max_wait: Duration,
    /// `FailedJobIs500`: whether the status of a failed job is answered with 500 in place of 200, unless a request
    /// says otherwise.
    pub failure_is_500: bool,
}

impl StatusSettings {
    /// Reads them beside others. `None` when one is malformed. `retry_after` is the default of `RetryAfterSeconds`.
    pub fn read(
        reader: &mut Reader<impl Fn(&str) -> Option<String>>,
        retry_after: &'static str,
    ) -> Option<Self> {
        let retry_after = reader.or_default("RetryAfterSeconds", retry_after, |text| {
            in_range(text, 1, 3600).ok_or("expected a number of seconds from 1 to 3600")
        });
        // The load balancer of Azure ends a request after 230 seconds.
        let max_wait = reader.or_default("MaxWaitSeconds", "100", |text| {
            in_range(text, 0, 220).ok_or("expected a number of seconds from 0 to 220")
        });
        let failure_is_500 = reader.or_default("FailedJobIs500", "false", true_or_false);
        Some(Self {
            max_wait: Duration::from_secs(max_wait?.into()),
            failure_is_500: failure_is_500?,
            retry_after: Duration::from_secs(retry_after?.into()),
        })
    }
}
