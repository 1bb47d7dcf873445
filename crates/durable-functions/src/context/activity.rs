//! Calling an activity.

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::OrchestrationContext;
use crate::activity::envelope;
use crate::engine::{Outcome, State};
use crate::{Activity, Failure, TaskError};

impl OrchestrationContext {
    /// Calls an activity.
    ///
    /// The activity is scheduled when this returns, not when the future is first polled, so two
    /// calls in a row run at the same time. Dropping the future forgets the result; the activity
    /// itself cannot be taken back.
    ///
    /// # Errors
    /// The future yields [`TaskError::Failed`] when the activity failed (after the last retry of the
    /// handle's policy) and [`TaskError::Decode`] when its result is not an `O`. An input that
    /// cannot be written as JSON ends the instance.
    pub fn call<I, O>(&self, activity: Activity<I, O>, input: I) -> TaskFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let task = self.state.borrow_mut().call_activity(
            activity.name,
            || to_json(&input, "activity", activity.name),
            activity.retry,
        );
        TaskFuture {
            state: Rc::clone(&self.state),
            task,
            output: PhantomData,
        }
    }
}

/// JSON text of an input. Unit has none: the host then sends none.
fn to_json<I: Serialize>(input: &I, noun: &str, name: &str) -> Result<Option<String>, Failure> {
    let json = serde_json::to_string(input).map_err(|error| {
        Failure::new(
            "InvalidInput",
            format!("the input of {noun} '{name}' cannot be written as JSON: {error}"),
        )
        .non_retriable()
    })?;
    Ok((json != "null").then_some(json))
}

/// The result of an activity, once it is there.
#[must_use = "the activity runs, but its result and its failure are lost unless this is awaited"]
pub struct TaskFuture<O> {
    state: Rc<RefCell<State>>,
    task: usize,
    output: PhantomData<fn() -> O>,
}

impl<O: DeserializeOwned> Future for TaskFuture<O> {
    type Output = Result<O, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.state.borrow_mut().poll(self.task, context.waker());
        match polled {
            None => Poll::Pending,
            Some(Outcome::Completed(result)) => {
                Poll::Ready(envelope::decode_result(result.as_deref()).map_err(|error| {
                    TaskError::Decode {
                        task: self.state.borrow().describe(self.task),
                        expected: std::any::type_name::<O>(),
                        detail: error.to_string(),
                    }
                }))
            }
            Some(Outcome::Failed(failure)) => {
                Poll::Ready(Err(self.state.borrow().failed(self.task, failure)))
            }
            // Polled again after it was ready: as any future, it has nothing more to say.
            Some(Outcome::Open | Outcome::Taken) => Poll::Pending,
        }
    }
}

impl<O> Drop for TaskFuture<O> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.forget(self.task);
        }
    }
}
