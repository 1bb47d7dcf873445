//! What this process has done for the clients of its jobs since its start.
//!
//! They are of the process, not of the app: a host with several instances of the app has as many of them, and a restart
//! begins again at 0. Invariant: counting never waits and never fails, so any code may count.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Jobs that this process has cancelled for a client.
pub static JOBS_CANCELLED: Counter = Counter::new();
/// Requests for the state of a job, in any view, those of unknown ids included.
pub static STATUS_REQUESTS: Counter = Counter::new();
/// Requests that wait for a change of a job at this moment.
pub static WAITS_OPEN: Gauge = Gauge::new();

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Begins at 0.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Counts one more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Counts this many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// The number up to now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How many of something are there now.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Begins at 0.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One more, for as long as what this returns is kept.
    pub fn enter(&'static self) -> Entered {
        self.0.fetch_add(1, Relaxed);
        Entered(self)
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// One of those that a [`Gauge`] counts. It is subtracted when this is dropped.
#[derive(Debug)]
#[must_use = "it counts only for as long as it is kept"]
pub struct Entered(&'static Gauge);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_counts_what_is_kept() {
        static GAUGE: Gauge = Gauge::new();
        let first = GAUGE.enter();
        let second = GAUGE.enter();
        assert_eq!(GAUGE.get(), 2);
        drop(first);
        assert_eq!(GAUGE.get(), 1);
        drop(second);
        assert_eq!(GAUGE.get(), 0);
    }
}
