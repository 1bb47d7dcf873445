//! Waiting for external events.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use super::OrchestrationContext;
use crate::engine::SharedState;
use crate::{Event, TaskError, codec};

impl OrchestrationContext {
    /// Waits for the next external event of this name.
    ///
    /// Names match without regard to letter case. Events that arrive while no future waits are kept;
    /// several futures for one name get the events in the order in which they began to wait, which is
    /// when this returns. If a future is dropped, an event that had already arrived for it goes to the
    /// next.
    ///
    /// # Errors
    /// The future yields [`TaskError::Decode`] when the event's payload is not a `T`.
    pub fn wait_for<T: DeserializeOwned>(&self, event: Event<T>) -> EventFuture<T> {
        EventFuture {
            receiver: self.state.borrow_mut().wait_for(event.name),
            state: Rc::clone(&self.state),
            name: event.name,
            payload: PhantomData,
        }
    }
}

/// An external event, once it is there; see [`OrchestrationContext::wait_for`].
#[must_use = "the event is only taken when this is awaited"]
pub struct EventFuture<T> {
    state: SharedState,
    receiver: usize,
    name: &'static str,
    payload: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Future for EventFuture<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self
            .state
            .borrow_mut()
            .poll_event(self.receiver, context.waker());
        let Some(raised) = polled else {
            return Poll::Pending;
        };
        // Decoding runs code of users, so that nothing may be borrowed.
        let source = self.state.borrow().source().clone();
        let payload = codec::or_null(source.text(&raised.input));
        Poll::Ready(
            codec::read(payload)
                .map_err(|error| TaskError::decode::<T>(format!("event '{}'", self.name), &error)),
        )
    }
}

impl<T> Drop for EventFuture<T> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.try_borrow_mut() {
            let waiter = state.stop_waiting(self.receiver);
            drop(state);
            drop(waiter);
        }
    }
}
