//! `process-submission`: the orchestrator of a job.

use std::{pin::pin, time::Duration};

use durable_functions::{
    Failure, OrchestrationContext, Orchestrator, Result, RetryPolicy, TaskError,
};
use futures::future::{Either, select};
use serde::{Deserialize, Serialize};

use super::query_activity::QUERY_ACTIVITY;
use crate::{
    audit::Counted,
    dates::DateRange,
    jobs::{
        TIMEOUT,
        progress::{Progress, SCANNED},
    },
    owners::Owner,
    sessions::SessionKey,
};

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

/// Runs one job. A failure of the query becomes the failure of the job, with the same type and message.
///
/// # Errors
/// The failure of `query-activity` after its retries; `Timeout` when the time limit of the job has passed. The scan
/// sees that in the status of the job, and stops.
pub async fn process_submission(context: OrchestrationContext, input: JobInput) -> Result<u64> {
    let JobInput {
        range,
        timeout_seconds,
        ..
    } = input;
    context.set_custom_status(Progress::begin(&range));
    let counted = context.timeout(
        Duration::from_secs(timeout_seconds),
        count(&context, &range),
    );
    let Ok(counted) = counted.await else {
        let (code, message) = TIMEOUT;
        return Err(Failure::new(code, message).into());
    };
    let counted = counted.map_err(TaskError::into_failure)?;
    context.set_custom_status(Progress::end(&range, counted.rows));
    Ok(counted.values)
}

/// Calls the activity, and shows its progress until it has ended.
async fn count(context: &OrchestrationContext, range: &DateRange) -> Result<Counted, TaskError> {
    let query = QUERY_ACTIVITY.with_retry(retry(context));
    let mut counted = pin!(context.call(query, *range));
    loop {
        match select(counted.as_mut(), context.wait_for(SCANNED)).await {
            Either::Left((outcome, _)) => return outcome,
            Either::Right((Ok(scanned), _)) => {
                context.set_custom_status(Progress::scanned(range, scanned, context.now()));
            }
            // It is not from our activity.
            Either::Right((Err(_), _)) => {}
        }
    }
}

/// The table client retries single requests by itself. The durable retries are for longer outages, such as a restart of
/// the app: they last half a minute, and a job survives four restarts. The waits differ from job to job, so that those
/// that failed together do not come back together.
fn retry(context: &OrchestrationContext) -> RetryPolicy {
    let jitter = 0.75 + context.rng().next_f64() / 2.0;
    RetryPolicy::new(5, Duration::from_secs(2).mul_f64(jitter)).backoff(2.0)
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
