//! The time that one invocation has: until its deadline, or until the handler stops.
//!
//! Invariant: no timer outlives its invocation. The only one is part of the future that waits for
//! the function, and is dropped with it.

use std::any::Any;
use std::future::{Future, pending};

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};
use tokio_util::context::TokioContext;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use crate::interruption::Interruption;
use crate::runtimes::Runtimes;
use crate::stop::Stop;
use crate::time_limit::TimeLimit;

/// The time of one invocation, counted from its arrival.
pub(crate) struct Lifetime {
    cancellation: CancellationToken,
    limit: Option<(TimeLimit, Instant)>,
    stop: Stop,
    /// Came in after the signal.
    too_late: bool,
    functions: Handle,
    /// The runtime of the timers, when it is not the one that polls the invocation.
    timers: Option<Handle>,
}

impl Lifetime {
    pub(crate) fn begin(
        limit: Option<TimeLimit>,
        stop: &Stop,
        runtimes: &Runtimes,
        too_late: bool,
    ) -> Self {
        let functions = runtimes.functions();
        let timers = limit.and_then(|_| runtimes.deadlines(&functions));
        Self {
            cancellation: stop.cancellation(),
            limit: limit.map(|limit| (limit, Instant::now())),
            stop: stop.clone(),
            too_late,
            functions,
            timers,
        }
    }

    /// Fires at the deadline, when the handler stops, and when nobody waits for the answer any more.
    pub(crate) fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// The deadline. None without a limit, and none for a limit beyond the end of the clock.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let (limit, arrival) = self.limit?;
        arrival.checked_add(limit.deadline())
    }

    /// For an invocation that came in after the signal: waits until it is to be turned away, and returns
    /// the reason. `None` at once for every other.
    pub(crate) async fn turned_away(&self) -> Option<Interruption> {
        if self.too_late {
            Some(self.interruption().await)
        } else {
            None
        }
    }

    /// Runs a function in a task of the functions' runtime, which is aborted when it overruns, when the
    /// grace of a stop is over, or when this future is dropped. While the handler stops, none is started.
    ///
    /// A function that blocks its thread cannot be dropped. Because it has a task of its own, its
    /// invocation is answered in time all the same.
    pub(crate) async fn run<F>(&self, function: F) -> Result<F::Output, Cut>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if self.too_late {
            return Err(Cut::Interrupted(Interruption::Stopping));
        }
        let watched = self.cancellation.clone().drop_guard();
        // Tests set a subscriber for a future or a thread: the task has to take it along.
        let function = function.in_current_span().with_current_subscriber();
        let task = self.functions.spawn(function);
        let outcome = tokio::select! {
            biased;
            outcome = AbortOnDropHandle::new(task) => outcome,
            why = self.interruption() => return Err(Cut::Interrupted(why)),
        };
        watched.disarm();
        match outcome.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(output) => Ok(output),
            Err(Ok(panic)) => Err(Cut::Panicked(panic)),
            // Only the runtime can have aborted it here, because it is shutting down.
            Err(Err(_)) => Err(Cut::Interrupted(Interruption::Stopping)),
        }
    }

    async fn interruption(&self) -> Interruption {
        let overrun = async {
            match &self.timers {
                Some(timers) => TokioContext::new(self.overrun(), timers.clone()).await,
                None => self.overrun().await,
            }
        };
        tokio::select! {
            () = self.stop.grace_over() => Interruption::Stopping,
            why = overrun => why,
        }
    }

    async fn overrun(&self) -> Interruption {
        let Some((limit, arrival)) = self.limit else {
            return pending().await;
        };
        let (Some(deadline), Some(end)) = (self.deadline(), arrival.checked_add(limit.end()))
        else {
            return pending().await;
        };
        sleep_until(deadline).await;
        self.cancellation.cancel();
        sleep_until(end).await;
        Interruption::Timeout {
            after: limit.end(),
            function_timeout: limit.timeout(),
        }
    }
}

/// A function that did not end as it should.
pub(crate) enum Cut {
    Interrupted(Interruption),
    Panicked(Box<dyn Any + Send>),
}
