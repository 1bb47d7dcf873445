//! `process-submission`: the orchestrator of a job.

use durable_functions::{OrchestrationContext, Orchestrator, Result, TaskError};

use super::query_activity::QUERY_ACTIVITY;
use crate::{dates::DateRange, jobs::progress::Progress};

/// The orchestrator in the folder `process-submission`: its input is the range of days, its output the number of distinct values.
pub const PROCESS_SUBMISSION: Orchestrator<DateRange, u64> =
    Orchestrator::new("process-submission");

/// Runs one job. A failure of the query becomes the failure of the job, with the same type and message.
///
/// # Errors
/// The failure of `query-activity` after its retries.
pub async fn process_submission(context: OrchestrationContext, range: DateRange) -> Result<u64> {
    context.set_custom_status(Progress::begin(&range));
    let counted = context
        .call(QUERY_ACTIVITY, range)
        .await
        .map_err(TaskError::into_failure)?;
    context.set_custom_status(Progress::end(&range, counted.rows));
    Ok(counted.values)
}
