//! The fan-in that waits for all tasks.

use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::task::Poll;

use super::{
    EntityFuture, EventFuture, HttpFuture, OrchestrationContext, SubOrchestrationFuture,
    TaskFuture, TimerFuture,
};
use crate::TaskError;

impl OrchestrationContext {
    /// Waits until all `tasks` have ended, and gives their results in the order of the tasks.
    ///
    /// Use it to end a fan-out. Tasks run from the moment they are made, so this waits for all of them at
    /// once, and gives a failure only when the last of them has ended. `try_join_all` of the crate
    /// `futures` ends at the first failure. An orchestrator that then returns has ended while other tasks
    /// run. Their results are thrown away, so they are not in the history when the instance is rewound.
    /// It also costs more for each task of each turn.
    ///
    /// ```
    /// use durable_functions::{Activity, OrchestrationContext, Result};
    ///
    /// const COUNT: Activity<u32, u64> = Activity::new("count");
    ///
    /// async fn total(ctx: OrchestrationContext, parts: Vec<u32>) -> Result<u64> {
    ///     let counts = ctx.join_all(parts.into_iter().map(|part| ctx.call(COUNT, part))).await?;
    ///     Ok(counts.into_iter().sum())
    /// }
    /// ```
    ///
    /// It takes what the context gives, not `async` blocks: those do nothing until they are polled,
    /// and would run one after the other. For several steps for each part, start a sub-orchestration
    /// for each, or use `join_all` of the crate `futures`, which waits for all as well, and then
    /// look for failures.
    ///
    /// # Errors
    /// The failure of the first task, in the order of `tasks`, that failed. It is the same on every
    /// replay, whichever task failed earlier.
    pub async fn join_all<T: DurableTask>(
        &self,
        tasks: impl IntoIterator<Item = T>,
    ) -> Result<Vec<T::Output>, TaskError> {
        // All are made before the first is awaited, or they would run one after the other.
        let mut tasks: Vec<T> = tasks.into_iter().collect();
        T::run_all(&mut tasks).await;
        let mut outputs = Vec::with_capacity(tasks.len());
        let mut failed = None;
        for task in tasks {
            match task.end().await {
                Ok(output) if failed.is_none() => outputs.push(output),
                Ok(_) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(outputs),
        }
    }
}

/// What [`OrchestrationContext::join_all`] waits for: a future of the context.
pub trait DurableTask: sealed::Sealed + Sized {
    /// What the task gives when it does not fail.
    type Output;

    /// Takes the tasks side by side as far as they only go while they are polled: for most that is nowhere,
    /// because they run by themselves.
    #[doc(hidden)]
    fn run_all(tasks: &mut [Self]) -> impl Future<Output = ()> {
        let _ = tasks;
        ready(())
    }

    /// The end of the task.
    #[doc(hidden)]
    fn end(self) -> impl Future<Output = Result<Self::Output, TaskError>>;
}

mod sealed {
    pub trait Sealed {}
}

/// Futures that give a result or a failure.
macro_rules! fallible {
    ($($future:ty: $bound:path),*) => {
        $(
            impl<O: $bound> sealed::Sealed for $future {}

            impl<O: $bound> DurableTask for $future {
                type Output = O;

                fn end(self) -> impl Future<Output = Result<O, TaskError>> {
                    self
                }
            }
        )*
    };
}

fallible!(
    TaskFuture<O>: serde::de::DeserializeOwned,
    SubOrchestrationFuture<O>: serde::de::DeserializeOwned,
    EntityFuture<O>: serde::de::DeserializeOwned,
    EventFuture<O>: serde::de::DeserializeOwned
);

impl sealed::Sealed for HttpFuture {}

impl DurableTask for HttpFuture {
    type Output = super::HttpResponse;

    /// The request runs by itself, the polls for what it has accepted do not.
    async fn run_all(tasks: &mut [Self]) {
        let mut open: Vec<&mut Self> = tasks.iter_mut().collect();
        poll_fn(|context| {
            open.retain_mut(|task| match Pin::new(&mut **task).poll(context) {
                Poll::Ready(end) => {
                    **task = HttpFuture::ended(end);
                    false
                }
                Poll::Pending => true,
            });
            match open.is_empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    fn end(self) -> impl Future<Output = Result<Self::Output, TaskError>> {
        self
    }
}

impl sealed::Sealed for TimerFuture {}

impl DurableTask for TimerFuture {
    type Output = ();

    async fn end(self) -> Result<(), TaskError> {
        self.await;
        Ok(())
    }
}
