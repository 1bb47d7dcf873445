//! The entries that the store of sessions has of jobs: how they outlive a job that takes longer than it may.
//!
//! An entry is made with an expiry after the time limit of its job. But the time limit does not end a job that an operator
//! has suspended, or that no host runs.
//!
//! Invariant: an entry that [`keep_running`] sees once in the day before it expires does not expire before the tombstone of
//! its job.

use std::time::SystemTime;

use durable_functions::{DurableClient, Query, RuntimeStatus};
use functions_handler::FunctionError;

use crate::{
    functions::process_submission::{JobInput, PROCESS_SUBMISSION},
    sessions::{Expiry, SessionStore},
    settings::JobSettings,
};

/// Extends the entries of the jobs that run at this time, although their time limit has passed, and says how many they are.
/// `is_over` says that there is no time left.
///
/// # Errors
/// The first error of the task hub or the store; what was extended before stays so.
pub(crate) async fn keep_running(
    client: &DurableClient,
    store: &dyn SessionStore,
    settings: &JobSettings,
    now: SystemTime,
    is_over: impl Fn() -> bool,
) -> Result<u64, FunctionError> {
    let expiry = Expiry::of_running(settings, now);
    let begin = now.checked_sub(settings.timeout);
    let query = RuntimeStatus::ALL
        .into_iter()
        .filter(|status| !RuntimeStatus::ENDED.contains(status))
        .fold(Query::new(), Query::with_status)
        .created_before(begin.unwrap_or(SystemTime::UNIX_EPOCH))
        // The input names the session.
        .with_inputs_and_outputs();
    let mut jobs = client.query(query);
    let mut extended = 0;
    while let Some(job) = jobs.next().await? {
        if is_over() {
            break;
        }
        if !job.name.eq_ignore_ascii_case(PROCESS_SUBMISSION.name()) {
            continue;
        }
        // An input that is no submission is that of an operator, and in no session.
        let input = job.input_as::<JobInput>().ok().flatten();
        if let Some(session) = input.and_then(|input| input.session) {
            store.extend(&session, &job.instance_id, expiry).await?;
            extended += 1;
        }
    }
    Ok(extended)
}
