//! How an orchestrator with types becomes a function of the engine: its input is read, its context
//! made, its output written.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::OrchestratorFunction;
use crate::engine::{RunningOrchestrator, SharedState};
use crate::{OrchestrationContext, Orchestrator, Result, codec};

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
        OrchestratorFunction::erased(name, move |state: SharedState, input: Option<&[u8]>| {
            let input = codec::read_input("orchestrator", name, codec::or_null(input))?;
            let running = function(OrchestrationContext::new(state), input);
            Ok(Box::pin(async move {
                let output = running.await?;
                Ok(codec::write_output("orchestrator", name, &output)?)
            }) as RunningOrchestrator)
        })
    }
}
