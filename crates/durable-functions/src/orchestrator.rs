//! Orchestrator functions, with their types erased: what the engine runs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, OrchestrationContext, Orchestrator, Result, codec};

/// A started orchestrator; yields its output as JSON text. Not `Send`: it lives on one thread.
pub(crate) type RunningOrchestrator = Pin<Box<dyn Future<Output = Result<String>>>>;

type Run = dyn Fn(OrchestrationContext, Option<&[u8]>) -> Result<RunningOrchestrator, Failure>
    + Send
    + Sync;

/// An orchestrator function behind its handle, ready to be run by [`execute`](crate::execute).
///
/// Cheap to clone.
#[derive(Clone)]
pub struct OrchestratorFunction {
    name: &'static str,
    run: Arc<Run>,
}

impl OrchestratorFunction {
    /// Binds `function` to its handle.
    ///
    /// The function is started anew on every replay, so it must be deterministic: everything that it
    /// does must follow from its input and from what its context gives.
    pub fn new<I, O, F, Fut>(handle: Orchestrator<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + 'static,
    {
        let name = handle.name();
        let run = move |context: OrchestrationContext, input: Option<&[u8]>| {
            let input = codec::read_input("orchestrator", name, codec::or_null(input))?;
            let running = function(context, input);
            Ok(Box::pin(async move {
                let output = running.await?;
                Ok(codec::write_output("orchestrator", name, &output)?)
            }) as RunningOrchestrator)
        };
        OrchestratorFunction {
            name,
            run: Arc::new(run),
        }
    }

    /// The name of the function.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether both are the same function, not only functions of the same name.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.run, &other.run)
    }

    pub(crate) fn run(
        &self,
        context: OrchestrationContext,
        input: Option<&[u8]>,
    ) -> Result<RunningOrchestrator, Failure> {
        (self.run)(context, input)
    }
}

impl fmt::Debug for OrchestratorFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OrchestratorFunction")
            .field(&self.name)
            .finish()
    }
}
