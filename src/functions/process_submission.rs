//! `process-submission`: the orchestrator of a job.

use durable_functions::{OrchestrationContext, Orchestrator, Result, TaskError};
use serde::Serialize;

use super::query_activity::QUERY_ACTIVITY;
use crate::dates::DateRange;

/// The orchestrator in the folder `process-submission`: its input is the range of days, its output the number of distinct values.
pub const PROCESS_SUBMISSION: Orchestrator<DateRange, u64> =
    Orchestrator::new("process-submission");

/// The custom status of a job: `{"stage":"querying","progress":0}`.
#[derive(Serialize)]
struct Progress {
    stage: Stage,
    /// Percent, from 0 to 100.
    progress: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Stage {
    Querying,
    Done,
}

/// Runs one job. A failure of the query becomes the failure of the job, with the same type and message.
///
/// # Errors
/// The failure of `query-activity` after its retries.
pub async fn process_submission(context: OrchestrationContext, range: DateRange) -> Result<u64> {
    context.set_custom_status(Progress {
        stage: Stage::Querying,
        progress: 0,
    });
    let count = context
        .call(QUERY_ACTIVITY, range)
        .await
        .map_err(TaskError::into_failure)?;
    context.set_custom_status(Progress {
        stage: Stage::Done,
        progress: 100,
    });
    Ok(count)
}
