//! `process-submission`: the orchestrator of a job.

mod count;

use std::time::Duration;

use durable_functions::{Failure, OrchestrationContext, Orchestrator, Result};
use serde::{Deserialize, Serialize};

use crate::{
    dates::DateRange,
    jobs::{TIMEOUT, heal::is_lost},
    owners::Owner,
    sessions::SessionKey,
};
use count::Count;

/// The orchestrator in the folder `process-submission`: its output is the number of distinct values.
pub const PROCESS_SUBMISSION: Orchestrator<JobInput, u64> = Orchestrator::new("process-submission");

/// The input of a job: `{"start":"2021-01-01","end":"2021-01-31","timeoutSeconds":3600}`.
///
/// The time limit is a part of it, and not read from the settings, because a replay must come to the same decisions after
/// the setting has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobInput {
    /// The days to count.
    #[serde(flatten)]
    pub range: DateRange,
    /// The most time from the start of the job to its end, in seconds. An hour for whoever starts a job without it.
    #[serde(rename = "timeoutSeconds", default = "an_hour")]
    pub timeout_seconds: u64,
    /// Whose the job is. `None`: everybody's who knows its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The session that a message has started the job for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionKey>,
}

impl JobInput {
    /// The input of a job with this time limit, in whole seconds. It belongs to nobody and to no session.
    pub fn new(range: DateRange, timeout: Duration) -> Self {
        Self {
            range,
            timeout_seconds: timeout.as_secs(),
            owner: None,
            session: None,
        }
    }
}

fn an_hour() -> u64 {
    3600
}

/// Runs one job: reads the slices of its range, several at a time, and counts their distinct values. A failure of an
/// activity becomes the failure of the job, with the same type and message.
///
/// # Errors
/// The failure of an activity after its retries; `Timeout` when the time limit of the job has passed. What runs of the job
/// sees that in its status, and stops.
pub async fn process_submission(context: OrchestrationContext, input: JobInput) -> Result<u64> {
    let JobInput {
        range,
        timeout_seconds,
        ..
    } = input;
    let mut count = Count::begin(&context, range);
    let time = Duration::from_secs(timeout_seconds);
    let failure = match context.timeout(time, count.run()).await {
        Ok(Ok(values)) => return Ok(values),
        // The host lost an activity. The job is healed, and goes on with what its slices have spilled.
        Ok(Err(failure)) if is_lost(&failure) => return Err(failure.into()),
        Ok(Err(failure)) => failure,
        Err(_) => {
            let (code, message) = TIMEOUT;
            Failure::new(code, message)
        }
    };
    count.stop().await;
    Err(failure.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_without_a_time_limit_has_an_hour() {
        let text = r#"{"start":"2021-01-01","end":"2021-01-31","timeoutSeconds":60}"#;
        let input: JobInput = serde_json::from_str(text).unwrap();
        assert_eq!(input, JobInput::new(input.range, Duration::from_secs(60)));
        assert_eq!(serde_json::to_string(&input).unwrap(), text);
        let text = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
        let input: JobInput = serde_json::from_str(text).unwrap();
        assert_eq!(input.timeout_seconds, 3600);
        let backwards = r#"{"start":"2021-01-31","end":"2021-01-01"}"#;
        assert!(serde_json::from_str::<JobInput>(backwards).is_err());
    }
}
