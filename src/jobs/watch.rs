//! What an activity of a job does beside its work: it looks whether the job still wants it.
//!
//! Invariant: nothing here can fail an activity. A task hub that does not answer for a moment costs a cancelled job some
//! seconds more.

use std::time::Duration;

use durable_functions::{
    ActivityContext, ClientError, DurableClient, Failure, Instance, RuntimeStatus, Status,
};
use tokio::time::sleep;

use super::{
    TIMEOUT,
    progress::{Progress, Stage},
    running,
};
use crate::{audit::AuditError, functions::process_submission::PROCESS_SUBMISSION};

/// How often an activity looks at the status of its job. It costs one read of the task hub's storage each time; a
/// job that was cancelled on another machine is noticed this much later.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a job does not want an activity any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwanted {
    /// It has failed and waits for what runs of it, to end after that.
    Stopping,
    /// It has ended: a client cancelled it, an operator terminated it, its time limit has passed, or this is a second
    /// delivery of an activity whose result it has.
    Ended,
}

/// Waits until the job of an activity does not want it any more.
pub(crate) async fn unwanted(context: &ActivityContext, job: &str) -> Unwanted {
    let running = running::begin(job);
    let watch = match context.durable_client() {
        Ok(client) => Watch::new(&client, job),
        Err(reason) => {
            tracing::warn!(job, "the activity cannot look at its job: {reason}");
            running.stopped().await;
            return Unwanted::Ended;
        }
    };
    tokio::select! {
        () = running.stopped() => Unwanted::Ended,
        reason = watch.unwanted() => reason,
    }
}

/// The failure of an activity that was not wanted any more. Nobody reads it, and a result would be wrong.
pub(crate) fn cancelled() -> Failure {
    Failure::new("Cancelled", "The job was cancelled.").non_retriable()
}

/// The job of an activity.
#[derive(Clone, Debug)]
struct Watch {
    job: Instance<u64>,
}

impl Watch {
    /// Of the job with this id.
    fn new(client: &DurableClient, job: &str) -> Self {
        Self {
            job: client.instance(PROCESS_SUBMISSION, job),
        }
    }

    /// Waits until the job does not want the activity any more.
    ///
    /// It looks at once, because the host may begin an activity after its job was cancelled. A job that failed with its
    /// host is no reason to stop: it is healed, and waits for this activity.
    async fn unwanted(&self) -> Unwanted {
        loop {
            let job = self.job.clone();
            match to_its_end(async move { job.status().await }).await {
                Ok(Some(status)) => {
                    if let Some(reason) = reason(&status) {
                        return reason;
                    }
                }
                Ok(None) => {}
                Err(reason) => {
                    tracing::debug!(job = self.job.id(), "status of the job not read: {reason}");
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Why a job with this status wants no activity. `None`: it wants its activities.
fn reason(status: &Status<u64>) -> Option<Unwanted> {
    match status.runtime_status {
        RuntimeStatus::Terminated | RuntimeStatus::Canceled | RuntimeStatus::Completed => {
            Some(Unwanted::Ended)
        }
        RuntimeStatus::Failed => has_failed(status.output.as_deref()).then_some(Unwanted::Ended),
        _ => {
            let progress = status.custom_status.as_deref().and_then(Progress::read)?;
            (progress.stage == Stage::Stopping).then_some(Unwanted::Stopping)
        }
    }
}

/// Makes a call to its end, also when the activity ends meanwhile and nobody waits for the answer. A call that is dropped is
/// reset on the connection, and a server ends a connection on which many calls are reset before it has looked at them:
/// a hundred activities that end at once would break the calls of all other jobs.
async fn to_its_end<T: Send + 'static>(
    call: impl Future<Output = Result<T, ClientError>> + Send + 'static,
) -> Result<T, ClientError> {
    match tokio::spawn(call).await {
        Ok(answer) => answer,
        // The runtime ends, or the call has panicked: there is nothing to tell the job.
        Err(_) => std::future::pending().await,
    }
}

/// Whether an output is that of a job that has failed by itself, not with its host.
pub(super) fn has_failed(output: Option<&str>) -> bool {
    let code = output.and_then(|text| text.split_once(": "));
    code.is_some_and(|(code, _)| code == TIMEOUT.0 || AuditError::from_code(code).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_failure_stops_the_activities_of_a_failed_job() {
        for ours in [
            "Timeout: The job did not end in time.",
            "TableTimeout: x",
            "AccessDenied: x",
        ] {
            assert!(has_failed(Some(ours)), "{ours}");
        }
        for other in [
            "TimeoutException: x",
            "Timeout",
            "",
            "{\"message\":\"Timeout: x\"}",
        ] {
            assert!(!has_failed(Some(other)), "{other}");
        }
        assert!(!has_failed(None));
    }
}
