//! The future of a call.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use crate::activity::envelope;
use crate::codec;
use crate::engine::{Outcome, SharedState};
use crate::{Failure, TaskError};

/// The result of an activity, once it is there.
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

impl<O> TaskFuture<O> {
    /// Gives the child an id; see [`SubOrchestrationFuture::with_id`](super::SubOrchestrationFuture::with_id).
    pub(super) fn set_child_id(&self, called_in: u32, id: String) {
        let mut state = self.state.borrow_mut();
        state.set_child_id(self.task, called_in, id);
    }

    /// Retries only the failures for which `retry` says so. It may capture what it decides by, which the `const`
    /// [`RetryPolicy::when`](crate::RetryPolicy::when) cannot. Both are asked if both are given.
    ///
    /// The predicate runs on every replay, so it must depend on nothing but the failure, what it captured, and the
    /// context. It counts for failures that arrive after this call.
    ///
    /// ```
    /// use std::time::Duration;
    /// use durable_functions::{Activity, OrchestrationContext, Result, RetryPolicy};
    ///
    /// const COPY_FILE: Activity<String, u64> = Activity::new("copy-file")
    ///     .with_retry(RetryPolicy::new(4, Duration::from_secs(2)));
    ///
    /// async fn copy(ctx: OrchestrationContext, (file, fatal): (String, Vec<String>)) -> Result<u64> {
    ///     let copied = ctx
    ///         .call(COPY_FILE, file)
    ///         .with_retry_when(move |failure| !fatal.iter().any(|it| it == failure.error_type()));
    ///     Ok(copied.await?)
    /// }
    /// ```
    ///
    /// # Errors
    /// For a call without a retry policy, the instance fails with
    /// [`InvalidInput`](crate::error_type::INVALID_INPUT).
    pub fn with_retry_when(self, retry: impl Fn(&Failure) -> bool + 'static) -> Self {
        let refused = self
            .state
            .borrow_mut()
            .set_retry_predicate(self.task, Rc::new(retry));
        drop(refused);
        self
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
