//! The waker of the orchestrator: a flag that says "poll again".

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{RawWakerVTable, Wake, Waker};

/// Set when anything wakes the orchestrator. Atomic because `Waker` must be `Send`; an orchestrator
/// itself never leaves its thread.
#[derive(Default)]
pub(crate) struct WakeFlag(AtomicBool);

impl WakeFlag {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let flag = Arc::new(WakeFlag::default());
        let waker = Waker::from(Arc::clone(&flag));
        (flag, waker)
    }

    /// Whether the flag was set since the last call; clears it.
    pub(crate) fn take(&self) -> bool {
        // Reading is cheap, and the flag is rarely set by anything but the futures of users.
        self.0.load(Ordering::Acquire) && self.0.swap(false, Ordering::AcqRel)
    }
}

/// Recognises the waker of the orchestrator, without counting a reference to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WakerId(*const (), *const RawWakerVTable);

impl WakerId {
    pub(crate) fn of(waker: &Waker) -> Self {
        WakerId(waker.data(), waker.vtable())
    }

    /// As [`Waker::will_wake`]: may be false for a waker that does wake the orchestrator.
    pub(crate) fn is(self, waker: &Waker) -> bool {
        self == WakerId::of(waker)
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
