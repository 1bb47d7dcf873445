//! Results of activities that a job has had already.
//!
//! A job that was rewound goes another way than before from its first failure on, and asks again for activities that had
//! ended after it. Their results are in its history. An activity that finds its own there returns it, and does nothing a
//! second time.

use durable_functions::ActivityContext;
use serde::de::DeserializeOwned;

use crate::functions::process_submission::PROCESS_SUBMISSION;

/// The first result of this type in the history of the job that is the wanted one. `None` also when the history cannot be
/// read, as with extension 2.13: the work is then done again.
pub(crate) async fn find<R: DeserializeOwned>(
    context: &ActivityContext,
    job: &str,
    is_wanted: impl Fn(&R) -> bool,
) -> Option<R> {
    let found = in_history(context, job, is_wanted).await;
    found.unwrap_or_else(|reason| {
        tracing::debug!(job, "history of the job not read: {reason}");
        None
    })
}

async fn in_history<R: DeserializeOwned>(
    context: &ActivityContext,
    job: &str,
    is_wanted: impl Fn(&R) -> bool,
) -> Result<Option<R>, Box<dyn std::error::Error + Send + Sync>> {
    let instance = context.durable_client()?.instance(PROCESS_SUBMISSION, job);
    let mut events = instance.history_stream().await?;
    while let Some(event) = events.next().await? {
        // Results of other activities are of other types.
        if let Ok(Some(result)) = event.activity_output::<R>()
            && is_wanted(&result)
        {
            return Ok(Some(result));
        }
    }
    Ok(None)
}
