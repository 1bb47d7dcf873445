//! The scans that run in this process, by the job that they belong to.
//!
//! A function that ends a job stops its scan here at once. It reaches this process only: the scan of a job that was
//! ended elsewhere, on another machine or by an operator, sees it in the job's own status, about a second later.
//!
//! Invariant: a scan is listed exactly as long as its [`Running`] lives, so the list is as long as the number of scans.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use functions_handler::CancellationToken;

/// A scan, as long as it runs.
#[derive(Debug)]
pub(crate) struct Running {
    number: u64,
    token: CancellationToken,
}

struct Scan {
    job: String,
    token: CancellationToken,
}

/// By a number of their own, because a job can have several: the host may deliver an activity again before the earlier
/// delivery has ended.
static SCANS: Mutex<BTreeMap<u64, Scan>> = Mutex::new(BTreeMap::new());

fn scans() -> MutexGuard<'static, BTreeMap<u64, Scan>> {
    SCANS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lists a scan of this job until the returned value is dropped.
pub(crate) fn begin(job: &str) -> Running {
    let token = CancellationToken::new();
    let scan = Scan {
        job: job.to_owned(),
        token: token.clone(),
    };
    let mut scans = scans();
    let number = scans.last_key_value().map_or(0, |(last, _)| last + 1);
    scans.insert(number, scan);
    Running { number, token }
}

/// Stops all scans of this job in this process.
pub(crate) fn stop(job: &str) {
    for scan in scans().values().filter(|scan| scan.job == job) {
        scan.token.cancel();
    }
}

impl Running {
    /// Waits until the scan is to stop.
    pub(crate) async fn stopped(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        scans().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn only_the_scans_of_the_job_are_stopped_and_a_later_one_is_not() {
        let [first, second, other] = ["stop-a", "stop-a", "stop-b"].map(begin);
        let stopped = |scan: &Running| scan.stopped().now_or_never().is_some();
        stop("stop-a");
        assert!(stopped(&first) && stopped(&second) && !stopped(&other));
        drop((first, second));
        assert!(!stopped(&begin("stop-a")));
        assert!(scans().values().all(|scan| scan.job != "stop-a"));
    }
}
