//! `sweep-jobs`: heals the jobs that their host failed and that nobody asks for, and removes what ended jobs have left in
//! the scratch table.
//!
//! A timer runs it every five minutes. The schedule stands in function.json and not in a setting: a host does not load a
//! function whose schedule is a setting that is missing.

use std::time::{Duration, SystemTime};

use durable_functions::{ClientError, DurableClient, Query, RuntimeStatus};
use functions_handler::{Answer, FunctionError, Invocation};

use crate::{
    jobs::{heal::heal, leftovers},
    scratch::Scratch,
};

use super::process_submission::PROCESS_SUBMISSION;

/// How long after its start a job is found. The host searches all instances of this time.
const LOOK_BACK: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs the function once. With the setting `SweepJobs` off it heals nothing.
///
/// # Errors
/// When the failed jobs cannot be listed. A job that cannot be healed does not stop the others, and a scratch table that
/// does not answer stops nothing: jobs that spill nothing need none.
pub async fn sweep_jobs(
    invocation: Invocation,
    scratch: Scratch,
    heals: bool,
) -> Result<Answer, FunctionError> {
    let client = DurableClient::from_invocation(&invocation)?;
    if heals {
        sweep(&client).await?;
    }
    leftovers::clear(&client, &scratch).await;
    Ok(Answer::new())
}

async fn sweep(client: &DurableClient) -> Result<(), ClientError> {
    let since = SystemTime::now().checked_sub(LOOK_BACK);
    let query = Query::new()
        .with_status(RuntimeStatus::Failed)
        .created_after(since.unwrap_or(SystemTime::UNIX_EPOCH))
        // The output tells who failed the job.
        .with_inputs_and_outputs();
    let mut failed = client.query(query);
    while let Some(status) = failed.next().await? {
        // An instance of another orchestrator is no job.
        if status.name.eq_ignore_ascii_case(PROCESS_SUBMISSION.name()) {
            let job = client.instance(PROCESS_SUBMISSION, &status.instance_id);
            heal(&job, &status.typed()).await;
        }
    }
    Ok(())
}
