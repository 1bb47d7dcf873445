//! Sub-orchestrations.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{OrchestrationContext, TaskFuture};
use crate::engine::Call;
use crate::name::check_name;
use crate::{Failure, Orchestrator, TaskError};

impl OrchestrationContext {
    /// Starts another orchestrator of this app as a child and gives its output.
    ///
    /// The child gets an id of its own, made from this execution's, unless you
    /// [give it one](SubOrchestrationFuture::with_id). It is scheduled when this returns. Terminating the parent
    /// does not terminate it.
    ///
    /// ```
    /// use durable_functions::{OrchestrationContext, Orchestrator, Result};
    ///
    /// const PACK: Orchestrator<u32, String> = Orchestrator::new("pack");
    ///
    /// async fn ship(ctx: OrchestrationContext, order: u32) -> Result<String> {
    ///     let parcel = ctx.call_orchestrator(PACK, order).with_id(format!("pack-{order}")).await?;
    ///     Ok(parcel)
    /// }
    /// ```
    ///
    /// # Errors
    /// As for [`call`](Self::call). While the orchestrator holds a [lock](Self::lock) no child can
    /// be started: a failure of type [`CriticalSection`](crate::error_type::CRITICAL_SECTION).
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn call_orchestrator<I, O>(
        &self,
        orchestrator: Orchestrator<I, O>,
        input: I,
    ) -> SubOrchestrationFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        self.note_site();
        let allowed = self.state.borrow().check_child();
        let call = Call::SubOrchestration {
            name: orchestrator.name,
            version: orchestrator.version,
            instance_id: None,
        };
        let retries = orchestrator.retry.is_some();
        let input = self.input(&input, "orchestrator", orchestrator.name, retries);
        let input = match orchestrator.version {
            Some(version) => input.and_then(|input| {
                check_name("version", version)?;
                Ok(input)
            }),
            None => input,
        };
        let (task, called_in) = {
            let mut state = self.state.borrow_mut();
            let task = match allowed {
                Ok(()) => state.call(call, || input, orchestrator.retry),
                Err(failure) => state.refuse_call(&call, failure),
            };
            (task, state.turn())
        };
        SubOrchestrationFuture {
            output: TaskFuture::sub_orchestration(&self.state, task),
            called_in,
        }
    }
}

/// The output of a sub-orchestration, once it is there; see [`OrchestrationContext::call_orchestrator`].
#[must_use = "the child goes on, but its output and its failure are lost unless this is awaited"]
pub struct SubOrchestrationFuture<O> {
    output: TaskFuture<O>,
    called_in: u32,
}

impl<O> SubOrchestrationFuture<O> {
    /// Gives the child an instance id of your choice. Two children must not have one id at the same time: they would
    /// overwrite each other. With a retry policy, each attempt has this id.
    ///
    /// Call it before anything is awaited. Later the child has its id already, and the instance fails with
    /// [`InvalidInstanceId`](crate::error_type::INVALID_INSTANCE_ID).
    ///
    /// # Errors
    /// For an id that the host cannot handle the future yields a failure of type
    /// [`InvalidInstanceId`](crate::error_type::INVALID_INSTANCE_ID), and no child is started. The rules are those of
    /// the client's [`Start::with_id`](crate::Start::with_id).
    pub fn with_id(self, id: impl Into<String>) -> Self {
        self.output.set_child_id(self.called_in, id.into());
        self
    }

    /// Retries only the failures for which `retry` says so; see [`TaskFuture::with_retry_when`].
    pub fn with_retry_when(mut self, retry: impl Fn(&Failure) -> bool + 'static) -> Self {
        self.output = self.output.with_retry_when(retry);
        self
    }
}

impl<O: DeserializeOwned> Future for SubOrchestrationFuture<O> {
    type Output = Result<O, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.output).poll(context)
    }
}
