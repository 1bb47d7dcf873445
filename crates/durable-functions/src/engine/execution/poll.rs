//! Polling the orchestrator, and its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use super::Execution;
use crate::engine::answer::Completion;
use crate::engine::non_durable;
use crate::engine::state::State;
use crate::panic::panicked;
use crate::{Error, Failure, replay};

/// An orchestrator that wakes itself this often without any event, apart from what its tasks explain,
/// will not stop by itself.
const SELF_WAKES: usize = 10_000;

impl Execution {
    /// Whether anything asked for a poll since the last call.
    pub(super) fn woken(&self) -> bool {
        let root = self.state.borrow_mut().waiters().take_root_woken();
        self.flag.take() || root
    }

    /// Polls the orchestrator until it waits for an event, or ends.
    pub(super) fn poll(&mut self) {
        let _replaying = replay::enter(self.state.borrow().is_replaying());
        let mut polls = 0;
        let end = loop {
            let Some(root) = &mut self.root else { return };
            let mut context = Context::from_waker(&self.waker);
            let polled = catch_unwind(AssertUnwindSafe(|| root.as_mut().poll(&mut context)));
            let mut state = self.state.borrow_mut();
            if state.waiters().has_late() {
                let late = state.waiters().take_late();
                drop(state);
                late.into_iter().for_each(Waker::wake);
                state = self.state.borrow_mut();
            }
            if state.is_failed() {
                return;
            }
            let waits = !state.waiters().is_empty();
            let woken = state.waiters().take_root_woken() | self.flag.take();
            // A failure counts whatever was decided before it: an instance that failed and goes on
            // would fail again in every execution, and its status would not show it.
            if let Ok(Poll::Pending | Poll::Ready(Ok(_))) = polled
                && let Some(next) = state.take_continued()
            {
                break Completion::ContinuedAsNew {
                    next,
                    events: Vec::new(),
                };
            }
            drop(state);
            match polled {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(Ok(output))) => break Completion::Completed(output),
                Ok(Poll::Ready(Err(error))) => {
                    break self.failed_after_all(Error::to_failure(&error));
                }
                Err(panic) => break self.failed_after_all(self.panicked(panic)),
            }
            if !woken {
                if waits {
                    return;
                }
                break Completion::Failed(non_durable::awaited(&self.state.borrow()));
            }
            polls += 1;
            if polls > SELF_WAKES + 16 * self.state.borrow().action_count() {
                break Completion::Failed(non_durable::awaited(&self.state.borrow()));
            }
        };
        self.finish(end);
    }

    /// The end of an orchestrator that failed, perhaps after it had continued as new.
    pub(super) fn failed_after_all(&self, failure: Failure) -> Completion {
        let state = self.state.borrow();
        if state.is_continued() {
            warn_not_started_again(&state);
        }
        Completion::Failed(failure)
    }

    /// The failure for a panic of the orchestrator.
    pub(super) fn panicked(&self, panic: Box<dyn Any + Send>) -> Failure {
        let failure = panicked("orchestrator", panic);
        non_durable::recognised(&self.state.borrow(), &failure).unwrap_or(failure)
    }

    /// Ends the execution; the first end counts. Dropping the orchestrator runs user code.
    pub(super) fn finish(&mut self, completion: Completion) {
        let _replaying = replay::enter(self.state.borrow().is_replaying());
        self.state.borrow_mut().release_all_locks();
        let root = self.root.take();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(root)));
        let completion = match (dropped, completion) {
            (Ok(()), completion) => completion,
            (Err(panic), completion) => {
                if matches!(completion, Completion::ContinuedAsNew { .. }) {
                    warn_not_started_again(&self.state.borrow());
                }
                Completion::Failed(self.panicked(panic))
            }
        };
        self.completion.get_or_insert(completion);
    }
}

/// Written once, by the turn in which it happens.
#[cold]
fn warn_not_started_again(state: &State) {
    if !state.is_replaying() {
        tracing::warn!(
            instance = state.instance_id(),
            orchestrator = state.name(),
            "the orchestrator failed after continue_as_new: the failure counts, and the instance is \
             not started again"
        );
    }
}
