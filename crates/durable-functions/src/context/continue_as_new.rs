//! Continue-as-new: a fresh history for an orchestration that goes on.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde::Serialize;

use super::OrchestrationContext;
use crate::codec;
use crate::engine::SharedState;
use crate::name::check_name;

impl OrchestrationContext {
    /// Ends this execution and starts the orchestrator again, under the same instance id, with
    /// `input` and an empty history.
    ///
    /// The decision is taken when this returns, and awaiting it ends the orchestrator, so write
    /// `return ctx.continue_as_new(input).await`. What is called before the next await is still
    /// sent; a second continue-as-new has no effect. Events that were not taken go on to the next
    /// execution. Results of calls and timers that are still open never arrive.
    ///
    /// An input that cannot be written as JSON ends the instance with a failure.
    pub fn continue_as_new<T>(&self, input: impl Serialize) -> ContinueAsNew<T> {
        let input = codec::write_input("continue-as-new of", &self.name(), &input);
        let mut state = self.state.borrow_mut();
        let decides = match input {
            Ok(input) => state.continue_as_new(input),
            Err(failure) => {
                state.fail_instance(failure);
                false
            }
        };
        drop(state);
        ContinueAsNew {
            state: Rc::clone(&self.state),
            decides,
            output: PhantomData,
        }
    }
}

/// Never resolves: the execution is over; see [`OrchestrationContext::continue_as_new`].
#[must_use = "await it: what comes after it does not count"]
pub struct ContinueAsNew<T> {
    state: SharedState,
    /// Not the second one.
    decides: bool,
    output: PhantomData<fn() -> T>,
}

impl<T> ContinueAsNew<T> {
    /// Drops the events that were not taken, instead of passing them on.
    pub fn dropping_events(self) -> Self {
        if self.decides {
            self.state.borrow_mut().drop_events_of_next();
        }
        self
    }

    /// Gives the next execution another version; without it, it keeps this one's.
    ///
    /// A version that holds U+FFFE or U+FFFF ends the instance with a failure.
    pub fn with_version(self, version: impl Into<String>) -> Self {
        let version = version.into();
        if let Err(failure) = check_name("version", &version) {
            self.state.borrow_mut().fail_instance(failure);
        } else if self.decides {
            self.state.borrow_mut().set_version_of_next(version);
        }
        self
    }
}

impl<T> Future for ContinueAsNew<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        Poll::Pending
    }
}
