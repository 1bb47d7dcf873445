//! A thread that keeps timers, sockets and signals alive behind functions that block their threads.
//!
//! Of the threads of a tokio runtime one waits for the system on behalf of all. It polls itself what
//! it wakes, and when that blocks, no other thread takes its place, though they all be idle: no
//! deadline passes, no signal arrives, no request is read until the function returns. What does send
//! an idle thread there is a task that is spawned from outside of the runtime.
//!
//! Invariant: while an invocation is in flight, such a task is spawned every few milliseconds.
//! Without one the thread sleeps, and it ends with its app.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::stop::{Entry, Stop};
use crate::time_limit::TimeLimit;

/// For so long nobody may watch timers and sockets.
const EVERY: Duration = Duration::from_millis(50);

/// The watch of one app. It serves one runtime at a time: the one of the invocation that woke it.
pub(crate) struct Watch {
    stop: Stop,
    every: Duration,
    awake: Arc<AtomicBool>,
    /// Wakes the thread, which ends when this is dropped. None when it could not be started.
    thread: OnceLock<Option<Sender<Handle>>>,
}

impl Watch {
    pub(crate) fn new(stop: Stop, limit: Option<TimeLimit>) -> Self {
        Self {
            stop,
            every: limit.map_or(EVERY, every),
            awake: Arc::default(),
            thread: OnceLock::new(),
        }
    }

    /// Counts an invocation as in flight until the entry is dropped.
    pub(crate) fn enter(&self) -> Entry {
        let entry = self.stop.enter();
        // After the count: whoever finds the thread awake here is seen by it before it sleeps.
        if !self.awake.swap(true, Ordering::AcqRel) && !self.wake() {
            self.awake.store(false, Ordering::Release);
        }
        entry
    }

    fn wake(&self) -> bool {
        // A runtime with a single worker has none to send. (Nor has tokio's clock of tests, which
        // stands still, an outsider then who disturbs it.)
        let Some(runtime) = Handle::try_current()
            .ok()
            .filter(|runtime| runtime.metrics().num_workers() > 1)
        else {
            return false;
        };
        let start = || match start(self.stop.clone(), self.awake.clone(), self.every) {
            Ok((wake, _)) => Some(wake),
            Err(error) => {
                tracing::warn!(
                    "no thread to watch over functions that block theirs: {error}; \
                     one that does may be answered for too late"
                );
                None
            }
        };
        let thread = self.thread.get_or_init(start);
        thread
            .as_ref()
            .is_some_and(|wake| wake.send(runtime).is_ok())
    }
}

/// Half of what is left between the end of an invocation and the host's patience, at most.
fn every(limit: TimeLimit) -> Duration {
    let left = limit.timeout().saturating_sub(limit.end());
    (left / 2).clamp(Duration::from_millis(1), EVERY)
}

fn start(
    stop: Stop,
    awake: Arc<AtomicBool>,
    every: Duration,
) -> io::Result<(Sender<Handle>, JoinHandle<()>)> {
    let (wake, calls) = channel();
    let thread = Builder::new()
        .name("handler-watch".to_owned())
        .spawn(move || watch(&calls, &stop, &awake, every))?;
    Ok((wake, thread))
}

fn watch(calls: &Receiver<Handle>, stop: &Stop, awake: &AtomicBool, every: Duration) {
    while let Ok(runtime) = calls.recv() {
        loop {
            sleep(every);
            // One that has shut down drops it.
            runtime.spawn(async {});
            if stop.is_idle() {
                awake.swap(false, Ordering::AcqRel);
                if stop.is_idle() {
                    break;
                }
                // Somebody entered in between, who may have found the thread awake.
                awake.store(true, Ordering::Release);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime(workers: usize) -> Runtime {
        Builder::new_multi_thread()
            .worker_threads(workers)
            .build()
            .unwrap()
    }

    #[test]
    fn the_thread_sleeps_when_nothing_is_in_flight_and_ends_with_its_app() {
        let runtime = runtime(2);
        let watch = Watch::new(Stop::default(), None);
        for _ in 0..3 {
            let token = runtime.block_on(async { watch.enter() });
            assert!(watch.awake.load(Ordering::Acquire));
            drop(token);
            while watch.awake.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        }
        let awake = watch.awake.clone();
        drop(watch);
        // The thread holds the other.
        while Arc::strong_count(&awake) > 1 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_thread_outlives_a_runtime_that_shuts_down() {
        let (stop, awake) = (Stop::default(), Arc::new(AtomicBool::new(true)));
        let token = stop.enter();
        let (wake, thread) = start(stop, awake.clone(), Duration::from_millis(1)).unwrap();
        let gone = runtime(2);
        let handle = gone.handle().clone();
        drop(gone);
        wake.send(handle).unwrap();
        drop(token);
        while awake.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        drop(wake);
        thread.join().unwrap();
    }

    #[test]
    fn a_runtime_with_one_thread_has_no_watch() {
        let watch = Watch::new(Stop::default(), None);
        let _token = runtime(1).block_on(async { watch.enter() });
        assert!(watch.thread.get().is_none());
    }

    #[test]
    fn a_short_time_limit_is_watched_over_more_often() {
        for (timeout, often) in [(30, 2), (300, 25), (1_000, 50), (60_000, 50)] {
            let limit = TimeLimit::new(Duration::from_millis(timeout));
            assert_eq!(every(limit).as_millis(), often, "{timeout}");
        }
        assert_eq!(
            every(TimeLimit::new(Duration::ZERO)),
            Duration::from_millis(1)
        );
    }
}
