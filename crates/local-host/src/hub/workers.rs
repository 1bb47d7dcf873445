//! Who runs the functions: the handler of an app, or workers that ask for work.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use task_hub::Kind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::streams::Streams;
use crate::invoke::Invoke;

/// A real host runs ten turns, ten activities and ten entity batches at a time for each CPU.
const PLACES_PER_CPU: usize = 10;

pub(super) enum Workers {
    /// The functions of folders.
    Handler {
        invoke: Arc<dyn Invoke>,
        places: Places,
    },
    /// Those who call `GetWorkItems`.
    Streams(Streams),
}

impl Workers {
    pub(super) fn handler(invoke: Arc<dyn Invoke>) -> Self {
        Self::Handler {
            invoke,
            places: Places::new(),
        }
    }

    /// The hub has forgotten all tokens, and will give out everything again.
    pub(super) fn forget(&self) {
        if let Self::Streams(streams) = self {
            streams.forget();
        }
    }

    pub(super) fn close(&self) {
        if let Self::Streams(streams) = self {
            streams.close();
        }
    }
}

/// How much work of each kind may be under way in the handler.
pub(super) struct Places {
    turns: Arc<Semaphore>,
    activities: Arc<Semaphore>,
    batches: Arc<Semaphore>,
}

impl Places {
    fn new() -> Self {
        let cpus = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let places = || Arc::new(Semaphore::new(PLACES_PER_CPU * cpus));
        Self {
            turns: places(),
            activities: places(),
            batches: places(),
        }
    }

    /// The place is free again when this is dropped.
    pub(super) fn take(&self, kind: Kind) -> Option<OwnedSemaphorePermit> {
        let places = match kind {
            Kind::Turn => &self.turns,
            Kind::Activity => &self.activities,
            Kind::Batch => &self.batches,
        };
        Arc::clone(places).try_acquire_owned().ok()
    }
}
