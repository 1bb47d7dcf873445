//! `purge-jobs`: removes the jobs that ended long ago, and later their tombstones, and old records of poison
//! messages. A timer runs it once an hour.

use std::{sync::Arc, time::SystemTime};

use durable_functions::DurableClient;
use functions_handler::{Answer, FunctionError, Invocation};

use crate::{
    jobs::{expired, poison},
    settings::Settings,
};

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
    let is_over = || {
        deadline.is_some_and(|deadline| deadline <= tokio::time::Instant::now())
            || invocation.cancellation().is_cancelled()
    };
    let (now, kept) = (SystemTime::now(), settings.jobs.tombstones);
    let purged = expired::purge(&client, &settings.jobs, now, is_over).await?;
    let poison_messages = poison::forget_old(&client, kept, now, is_over).await?;
    tracing::info!(
        jobs = purged.jobs,
        tombstones = purged.tombstones,
        poison_messages,
        "expired jobs purged"
    );
    Ok(Answer::new())
}
