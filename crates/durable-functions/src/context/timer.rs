//! Durable timers.

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use durable_protocol::Timestamp;

use super::OrchestrationContext;
use crate::Elapsed;
use crate::engine::SharedState;

impl OrchestrationContext {
    /// Waits for `duration`, however long, on the orchestration's clock.
    ///
    /// The timer starts when this returns. Hosts may fire it up to a second early.
    ///
    /// **Dropping it cancels it**: the orchestrator no longer waits for it, and can end before it is due. The protocol
    /// has no message for that, so the host keeps the timer. When it is due, it costs a turn that does nothing, unless
    /// the instance has ended; a timer of more than three days costs one every three days, because it is made of
    /// shorter ones.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::time::Duration;
    /// use durable_functions::{Event, OrchestrationContext, Result};
    /// use futures::future::{Either, select};
    ///
    /// const APPROVAL: Event<bool> = Event::new("approval");
    ///
    /// async fn approved(ctx: OrchestrationContext, _: ()) -> Result<bool> {
    ///     let timer = ctx.sleep(Duration::from_secs(3600));
    ///     match select(pin!(ctx.wait_for(APPROVAL)), timer).await {
    ///         Either::Left((approved, timer)) => {
    ///             drop(timer); // cancelled
    ///             Ok(approved?)
    ///         }
    ///         Either::Right(_) => Ok(false),
    ///     }
    /// }
    /// ```
    ///
    /// [`timeout`](Self::timeout) does the same in one line.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn sleep(&self, duration: Duration) -> TimerFuture {
        self.note_site();
        self.timer_after(duration)
    }

    /// The timer of something that this crate builds on timers.
    pub(super) fn timer_after(&self, duration: Duration) -> TimerFuture {
        let due = self.state.borrow().now().after(duration);
        self.timer(due)
    }

    /// Waits until `time`; a time in the past fires at once. Dropping it cancels it, as for [`sleep`](Self::sleep).
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn sleep_until(&self, time: SystemTime) -> TimerFuture {
        self.note_site();
        self.timer(Timestamp::from(time))
    }

    /// Waits for `future`, at most for `duration`. The timer is only created when the future is not
    /// ready at once.
    ///
    /// # Errors
    /// [`Elapsed`] when the time passes first. The future is dropped then, and its work goes on.
    pub async fn timeout<F: Future>(
        &self,
        duration: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let mut timer = None;
        std::future::poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            let timer = timer.get_or_insert_with(|| self.timer_after(duration));
            Pin::new(timer)
                .poll(context)
                .map(|()| Err(Elapsed { limit: duration }))
        })
        .await
    }

    fn timer(&self, due: Timestamp) -> TimerFuture {
        TimerFuture {
            task: self.state.borrow_mut().create_timer(due),
            state: Rc::clone(&self.state),
        }
    }
}

/// A durable timer; see [`OrchestrationContext::sleep`]. Dropping it cancels it.
#[must_use = "a timer that is not awaited delays nothing"]
pub struct TimerFuture {
    state: SharedState,
    task: usize,
}

impl Future for TimerFuture {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.state.borrow_mut().poll(self.task, context.waker()) {
            None => Poll::Pending,
            Some(_) => Poll::Ready(()),
        }
    }
}

impl Drop for TimerFuture {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.try_borrow_mut() {
            let waiter = state.forget(self.task);
            drop(state);
            drop(waiter);
        }
    }
}
