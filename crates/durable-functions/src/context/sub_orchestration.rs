//! Sub-orchestrations.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{OrchestrationContext, TaskFuture};
use crate::Orchestrator;
#[cfg(doc)]
use crate::TaskError;
use crate::engine::Call;
use crate::name::{check_instance_id, check_name};

impl OrchestrationContext {
    /// Starts another orchestrator of this app as a child and gives its output.
    ///
    /// The child gets an id of its own, made from this execution's. It is scheduled when this
    /// returns. Terminating the parent does not terminate it.
    ///
    /// # Errors
    /// As for [`call`](Self::call). While the orchestrator holds a [lock](Self::lock) no child can
    /// be started: a failure of type [`CriticalSection`](crate::error_type::CRITICAL_SECTION).
    pub fn call_orchestrator<I, O>(
        &self,
        orchestrator: Orchestrator<I, O>,
        input: I,
    ) -> TaskFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        self.start_child(orchestrator, None, input)
    }

    /// The same with an instance id of your choice. Two children must not have one id at the same
    /// time: they would overwrite each other.
    ///
    /// # Errors
    /// As for [`call`](Self::call); an id that the host cannot handle (see
    /// [`Start::with_id`](crate::Start::with_id)) is a failure of type
    /// [`InvalidInstanceId`](crate::error_type::INVALID_INSTANCE_ID), and no child is started.
    pub fn call_orchestrator_with_id<I, O>(
        &self,
        orchestrator: Orchestrator<I, O>,
        id: impl Into<String>,
        input: I,
    ) -> TaskFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        self.start_child(orchestrator, Some(id.into()), input)
    }

    fn start_child<I, O>(
        &self,
        orchestrator: Orchestrator<I, O>,
        instance_id: Option<String>,
        input: I,
    ) -> TaskFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let checked = instance_id.as_deref().map_or(Ok(()), check_instance_id);
        let allowed = self.state.borrow().check_child();
        let call = Call::SubOrchestration {
            name: orchestrator.name,
            version: orchestrator.version,
            instance_id,
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
        let task = {
            let mut state = self.state.borrow_mut();
            match checked.and(allowed) {
                Ok(()) => state.call(call, || input, orchestrator.retry),
                Err(failure) => state.refuse_call(&call, failure),
            }
        };
        TaskFuture::sub_orchestration(&self.state, task)
    }
}
