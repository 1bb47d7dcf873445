//! Who waits for a task or an event, and whether the orchestrator is to be polled again.
//!
//! Invariant: no waker is woken or dropped in here, because both may run code of users while the
//! state is borrowed. They are returned, or kept for the engine.

use std::task::Waker;

use crate::engine::wake::WakerId;

/// One who waits.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// The orchestrator itself.
    Root,
    /// A combinator of futures.
    Other(Waker),
}

/// See the module documentation.
#[derive(Debug)]
pub(crate) struct Waiters {
    /// The waker of the orchestrator itself.
    root: WakerId,
    /// Set instead of waking `root`.
    root_woken: bool,
    /// How many durable futures hold a waker.
    count: usize,
    /// To be woken by the engine.
    late: Vec<Waker>,
}

impl Waiters {
    pub(super) fn new(root: WakerId) -> Self {
        Waiters {
            root,
            root_woken: false,
            count: 0,
            late: Vec::new(),
        }
    }

    /// Whether no durable future waits. While the orchestrator is pending, that means that it awaits
    /// something that is not durable.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A future waits: `place` is where its waker is kept.
    pub(super) fn register(&mut self, place: &mut Option<Waiter>, waker: &Waker) {
        if place.is_none() {
            self.count += 1;
        }
        match place {
            // An orchestrator that awaits one thing at a time is woken without counting a waker.
            _ if self.root.is(waker) => *place = Some(Waiter::Root),
            Some(Waiter::Other(known)) => known.clone_from(waker),
            _ => *place = Some(Waiter::Other(waker.clone())),
        }
    }

    /// What a future waited for is there; the returned waker is to be woken once the borrow has
    /// ended.
    #[must_use]
    pub(super) fn release(&mut self, place: &mut Option<Waiter>) -> Option<Waker> {
        match place.take()? {
            Waiter::Root => {
                self.count -= 1;
                self.root_woken = true;
                None
            }
            Waiter::Other(waker) => {
                self.count -= 1;
                Some(waker)
            }
        }
    }

    /// As [`release`](Self::release), for a moment at which the caller cannot wake anybody.
    pub(super) fn release_later(&mut self, place: &mut Option<Waiter>) {
        let waker = self.release(place);
        self.late.extend(waker);
    }

    /// A future is gone; the returned waiter is to be dropped once the borrow has ended.
    #[must_use]
    pub(super) fn remove(&mut self, place: &mut Option<Waiter>) -> Option<Waiter> {
        let waiter = place.take();
        if waiter.is_some() {
            self.count -= 1;
        }
        waiter
    }

    /// Whether the orchestrator itself was to be woken since the last call.
    pub(crate) fn take_root_woken(&mut self) -> bool {
        std::mem::take(&mut self.root_woken)
    }

    /// Whether the engine has to wake anybody.
    pub(crate) fn has_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// The wakers that the engine has to wake.
    pub(crate) fn take_late(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.late)
    }
}
