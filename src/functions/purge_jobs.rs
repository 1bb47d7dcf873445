//! `purge-jobs`: removes the jobs that ended long ago, and later their tombstones; old records of poison messages; and
//! sessions that have expired, after it has extended those of jobs that still run. A timer runs it once an hour.

use std::{sync::Arc, time::SystemTime};

use durable_functions::DurableClient;
use functions_handler::{Answer, FunctionError, Invocation};

use crate::{
    jobs::{expired, poison, session_entries::keep_running},
    sessions::Sessions,
    settings::Settings,
};

/// Runs once. What it does not get done in its time is done by the next run.
///
/// # Errors
/// The task hub or the store of sessions does not answer, or the folder has no durable client. Jobs are purged without the
/// store, too, and sessions without the task hub are not.
pub async fn purge_jobs(
    settings: Arc<Settings>,
    sessions: Option<Sessions>,
    invocation: Invocation,
) -> Result<Answer, FunctionError> {
    let client = DurableClient::from_invocation(&invocation)?;
    let deadline = invocation.deadline();
    let is_over = || {
        deadline.is_some_and(|deadline| deadline <= tokio::time::Instant::now())
            || invocation.cancellation().is_cancelled()
    };
    let (now, kept) = (SystemTime::now(), settings.jobs.tombstones);
    // First, because the rest may take all the time that there is.
    let extended = match &sessions {
        Some(it) => keep_running(&client, it.store(), &settings.jobs, now, is_over).await,
        None => Ok(0),
    };
    let purged = expired::purge(&client, &settings.jobs, now, is_over).await?;
    let poison_messages = poison::forget_old(&client, kept, now, is_over).await?;
    // Without the extensions it could remove a job that runs.
    let extended = extended?;
    let removed = match &sessions {
        Some(sessions) => sessions.store().remove_expired(&is_over).await?,
        None => 0,
    };
    tracing::info!(
        jobs = purged.jobs,
        tombstones = purged.tombstones,
        poison_messages,
        sessions_extended = extended,
        sessions_removed = removed,
        "expired jobs purged"
    );
    Ok(Answer::new())
}
