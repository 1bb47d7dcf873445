//! `purge-jobs`: removes the jobs that ended long ago, and later their tombstones. A timer runs it once an hour.

use std::{sync::Arc, time::SystemTime};

use durable_functions::DurableClient;
use functions_handler::{Answer, FunctionError, Invocation};

use crate::{jobs::expired, settings::Settings};

/// Runs once. What it does not get done in its time is done by the next run.
///
/// # Errors
/// The task hub does not answer, or the folder has no durable client.
pub async fn purge_jobs(
    settings: Arc<Settings>,
    invocation: Invocation,
) -> Result<Answer, FunctionError> {
    let client = DurableClient::from_invocation(&invocation)?;
    let deadline = invocation.deadline();
    let purged = expired::purge(&client, &settings.jobs, SystemTime::now(), || {
        deadline.is_some_and(|deadline| deadline <= tokio::time::Instant::now())
            || invocation.cancellation().is_cancelled()
    })
    .await?;
    tracing::info!(
        jobs = purged.jobs,
        tombstones = purged.tombstones,
        "expired jobs purged"
    );
    Ok(Answer::new())
}
