//! Jobs that the host failed: who asks for the status of one heals it.
//!
//! A turn or an activity that is on the wire when the handler dies is lost. A host does not send it again. It fails the
//! instance, for a turn at once, for an activity when its retries have ended in the same way. A rewind makes the instance
//! go on from before the failure, and the engine asks again for what was open.
//!
//! Nothing waits here. Each asker decides anew, from the history: whether the failure is the host's, how often the job was
//! rewound, and whether the next time is due. So askers in any number of processes agree, also after a restart, and a
//! timer-triggered sweep is an asker as any other.
//!
//! Invariants: a job that failed by itself is never rewound; a job is rewound at most three times, with growing pauses; a
//! job that will be rewound is shown as running.

mod decision;
mod loss;
mod past;
mod tried;

use std::{sync::LazyLock, time::SystemTime};

use durable_functions::{ClientError, Failure, Instance, RuntimeStatus, Status};

use decision::Decision;
use loss::Loss;
use past::Past;
use tried::Attempts;

use crate::{counters::JOBS_HEALED, functions::process_submission::PROCESS_SUBMISSION};

/// For the whole process: every request has a client of its own, and what was tried outlives it.
static ATTEMPTS: LazyLock<Attempts> = LazyLock::new(Attempts::default);

/// Whether the output of a failed job says that the host failed it.
pub(crate) fn is_host_failure(output: &str) -> bool {
    Loss::in_output(PROCESS_SUBMISSION.name(), output).is_some()
}

/// Whether an activity failed because the host lost it. A job that fails with this failure is healed.
pub(crate) fn is_lost(failure: &Failure) -> bool {
    loss::is_lost_activity(failure)
}

/// Heals the job, if its host failed it: rewinds it when that is due. Whether the job is to be shown as running: it goes
/// on, or it will be rewound later. Otherwise its status stays.
///
/// A call for a job that has not failed, or has failed by itself, costs nothing. For any other it reads the history.
pub(crate) async fn heal<O>(job: &Instance<O>, status: &Status<O>) -> bool {
    let output = status.output.as_deref();
    let Some(loss) = output.and_then(|it| Loss::in_output(PROCESS_SUBMISSION.name(), it)) else {
        return false;
    };
    match status.runtime_status {
        // A rewound instance is Pending until it ends, and its old output stays.
        RuntimeStatus::Pending => true,
        RuntimeStatus::Failed => match rewind_if_due(job, loss, &ATTEMPTS).await {
            Ok(runs) => runs,
            Err(reason) => {
                tracing::error!(id = job.id(), "job not healed: {reason}");
                // Without histories or rewinds a job cannot be healed. Any other error may be gone the next time.
                !matches!(reason, ClientError::Unsupported { .. })
            }
        },
        _ => false,
    }
}

async fn rewind_if_due<O>(
    job: &Instance<O>,
    loss: Loss,
    attempts: &Attempts,
) -> Result<bool, ClientError> {
    let past = past(job).await?;
    let now = SystemTime::now();
    let failed = past.end.as_ref().map_or(now, |end| end.at);
    let decide = |tried| decision::decide(loss, &past, tried, now);
    let number = match attempts.decide(job.id(), failed, now, decide) {
        Decision::Show => return Ok(false),
        Decision::Wait => return Ok(true),
        Decision::Rewind(number) => number,
    };
    match job.rewind(&past::reason(number)).await {
        Ok(()) => {
            tracing::warn!(id = job.id(), number, "job rewound: its host had failed it");
            JOBS_HEALED.increment();
        }
        // Somebody else has rewound it.
        Err(ClientError::WrongStatus { .. }) => {}
        Err(reason) => {
            if matches!(reason, ClientError::Unavailable { .. }) {
                attempts.forget(job.id());
            }
            return Err(reason);
        }
    }
    Ok(true)
}

async fn past<O>(job: &Instance<O>) -> Result<Past, ClientError> {
    let mut past = Past::default();
    let mut events = job.history_stream().await?;
    while let Some(event) = events.next().await? {
        past.add(&event);
    }
    Ok(past)
}

#[cfg(test)]
mod tests;
