//! The future of a call.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use crate::TaskError;
use crate::activity::envelope;
use crate::codec;
use crate::engine::{Outcome, SharedState};

/// The result of an activity or a sub-orchestration, once it is there.
#[must_use = "the call goes on, but its result and its failure are lost unless this is awaited"]
pub struct TaskFuture<O> {
    state: SharedState,
    task: usize,
    decode: fn(Option<&[u8]>) -> Result<O, serde_json::Error>,
}

impl<O: DeserializeOwned> TaskFuture<O> {
    pub(super) fn activity(state: &SharedState, task: usize) -> Self {
        Self::new(state, task, envelope::decode_result)
    }

    /// Results of entities are what the answer holds, without an envelope.
    pub(super) fn entity(state: &SharedState, task: usize) -> Self {
        Self::sub_orchestration(state, task)
    }

    /// Outputs of orchestrations reach their parent as they are, without an envelope.
    pub(super) fn sub_orchestration(state: &SharedState, task: usize) -> Self {
        Self::new(state, task, |output| codec::read(output.unwrap_or(b"null")))
    }

    fn new(
        state: &SharedState,
        task: usize,
        decode: fn(Option<&[u8]>) -> Result<O, serde_json::Error>,
    ) -> Self {
        TaskFuture {
            state: Rc::clone(state),
            task,
            decode,
        }
    }
}

impl<O: DeserializeOwned> Future for TaskFuture<O> {
    type Output = Result<O, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.state.borrow_mut().poll(self.task, context.waker());
        match polled {
            None => Poll::Pending,
            Some(Outcome::Completed(result)) => {
                // Decoding runs code of users, so that nothing may be borrowed.
                let source = self.state.borrow().source().clone();
                Poll::Ready((self.decode)(source.text(&result)).map_err(|error| {
                    TaskError::decode::<O>(self.state.borrow().describe(self.task), &error)
                }))
            }
            Some(Outcome::Failed(failure)) => {
                let state = self.state.borrow();
                Poll::Ready(Err(state.error_of(self.task, *failure)))
            }
            // Polled again after it was ready, which has no defined result for a future.
            Some(Outcome::Open | Outcome::Forgotten | Outcome::Taken) => Poll::Pending,
        }
    }
}

impl<O> Drop for TaskFuture<O> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.try_borrow_mut() {
            let waiter = state.forget(self.task);
            drop(state);
            drop(waiter);
        }
    }
}
