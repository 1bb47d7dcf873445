//! What a scan does beside scanning: it looks whether its job still wants it, and tells the job how far it is.
//!
//! Invariant: nothing here can fail a scan. A task hub that does not answer for a moment costs the client an older
//! progress, and a cancelled scan some seconds more.

use std::time::Duration;

use durable_functions::{ClientError, DurableClient, Instance, RuntimeStatus};
use tokio::time::{Instant, sleep};

use super::{
    TIMEOUT,
    progress::{SCANNED, Scanned},
};
use crate::{
    audit::ScanProgress, dates::DateRange, functions::process_submission::PROCESS_SUBMISSION,
};

/// How often a scan looks at the status of its job. It costs one read of the task hub's storage each time; a cancelled
/// job on another machine is noticed this much later.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The shortest time between two reports. Each report is a turn of the orchestrator and two events of its history.
const REPORT_EVERY: Duration = Duration::from_secs(2);
/// The longer a scan runs, the less often it reports: each time this part of its time so far has passed again. A scan of
/// ten minutes reports some 140 times, and one of an hour 230 times, in place of 1,800.
const REPORT_PART: u32 = 50;

/// The job of a scan.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    job: Instance<u64>,
}

impl Watch {
    /// Of the job with this id.
    pub(crate) fn new(client: &DurableClient, job: &str) -> Self {
        Self {
            job: client.instance(PROCESS_SUBMISSION, job),
        }
    }

    /// Waits until the job does not want the scan any more: a client cancelled it, an operator terminated it, or its time
    /// limit has passed.
    ///
    /// It looks at once, because the host may begin an activity after its job was cancelled. A job that failed with its
    /// host is no reason to stop: it is healed, and waits for this scan.
    pub(crate) async fn unwanted(&self) {
        loop {
            let job = self.job.clone();
            match to_its_end(async move { job.status().await }).await {
                Ok(Some(status)) => match status.runtime_status {
                    RuntimeStatus::Terminated | RuntimeStatus::Canceled => return,
                    RuntimeStatus::Failed if is_timeout(status.output.as_deref()) => return,
                    _ => {}
                },
                Ok(None) => {}
                Err(reason) => {
                    tracing::debug!(job = self.job.id(), "status of the job not read: {reason}");
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Tells the job again and again how far the scan is. Never ends.
    pub(crate) async fn report(&self, range: &DateRange, progress: &ScanProgress) {
        let begin = Instant::now();
        let mut last = (0, 0);
        loop {
            sleep(REPORT_EVERY.max(begin.elapsed() / REPORT_PART)).await;
            let days = progress.day().map_or(0, |day| range.days_before(day));
            let now = (days, progress.rows());
            if now == last {
                continue;
            }
            let scanned = Scanned {
                days,
                rows: progress.rows(),
                elapsed_ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            };
            let job = self.job.clone();
            match to_its_end(async move { job.raise(SCANNED, &scanned).await }).await {
                Ok(()) => last = now,
                Err(reason) => tracing::debug!(job = self.job.id(), "progress not told: {reason}"),
            }
        }
    }
}

/// Makes a call to its end, also when the scan ends meanwhile and nobody waits for the answer. A call that is dropped is
/// reset on the connection, and a server ends a connection on which many calls are reset before it has looked at them:
/// a hundred scans that end at once would break the calls of all other jobs.
async fn to_its_end<T: Send + 'static>(
    call: impl Future<Output = Result<T, ClientError>> + Send + 'static,
) -> Result<T, ClientError> {
    match tokio::spawn(call).await {
        Ok(answer) => answer,
        // The runtime ends, or the call has panicked: there is nothing to tell the job.
        Err(_) => std::future::pending().await,
    }
}

/// Whether an output is that of a job whose time limit has passed.
fn is_timeout(output: Option<&str>) -> bool {
    let (code, _) = TIMEOUT;
    output
        .and_then(|text| text.strip_prefix(code))
        .is_some_and(|rest| rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_time_limit_stops_the_scan_of_a_failed_job() {
        assert!(is_timeout(Some("Timeout: The job did not end in time.")));
        for other in ["TimeoutException: x", "TableTimeout: x", "Timeout", ""] {
            assert!(!is_timeout(Some(other)), "{other}");
        }
        assert!(!is_timeout(None));
    }
}
