//! The function that the engine runs: an orchestrator with its types erased.
//!
//! The closure gets the state of the execution and makes from it what the user's code is given. So
//! the engine does not know the context, which is built on the engine.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::state::SharedState;
use crate::{Failure, Result};

/// A started orchestrator; yields its output as JSON text. Not `Send`: it lives on one thread.
pub(crate) type RunningOrchestrator = Pin<Box<dyn Future<Output = Result<String>>>>;

type Run = dyn Fn(SharedState, Option<&[u8]>) -> Result<RunningOrchestrator, Failure> + Send + Sync;

/// An orchestrator function behind its handle, ready to be run by [`execute`](crate::worker::execute).
///
/// Cheap to clone.
#[derive(Clone)]
pub struct OrchestratorFunction {
    name: &'static str,
    run: Arc<Run>,
}

impl OrchestratorFunction {
    /// A function that is started by `run`, from the state of an execution and its input as JSON
    /// text.
    pub(crate) fn erased(
        name: &'static str,
        run: impl Fn(SharedState, Option<&[u8]>) -> Result<RunningOrchestrator, Failure>
        + Send
        + Sync
        + 'static,
    ) -> Self {
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
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.run, &other.run)
    }

    pub(super) fn run(
        &self,
        state: SharedState,
        input: Option<&[u8]>,
    ) -> Result<RunningOrchestrator, Failure> {
        (self.run)(state, input)
    }
}

impl fmt::Debug for OrchestratorFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OrchestratorFunction")
            .field(&self.name)
            .finish()
    }
}
