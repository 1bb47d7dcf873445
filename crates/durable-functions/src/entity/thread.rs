//! The thread on which a batch runs.

use std::sync::Arc;

use durable_protocol::messages::{EntityBatchRequest, EntityBatchResult};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;
use tracing::Span;

use super::AnyEntity;
use crate::time_limit::TimeLimit;

/// Runs a batch on a thread of its own. When this is dropped, the batch is dropped as well.
///
/// Operations are not `Send`, which is what lets them borrow the state: one thread for the whole batch.
/// A host asks for few at a time (`maxConcurrentEntityFunctions`).
///
/// # Errors
/// The thread ended without an answer.
pub(crate) async fn on_thread(
    function: Arc<dyn AnyEntity>,
    request: EntityBatchRequest,
    time_limit: TimeLimit,
) -> Result<EntityBatchResult, RecvError> {
    let (span, runtime) = (Span::current(), Handle::current());
    let (answer, answered) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let batch = run(&*function, request, time_limit, answer);
        span.in_scope(|| runtime.block_on(batch));
    });
    answered.await
}

/// Runs a batch until it ends or its answer is no longer wanted: a batch that was dropped must not hold
/// its thread.
async fn run(
    function: &dyn AnyEntity,
    request: EntityBatchRequest,
    time_limit: TimeLimit,
    mut answer: oneshot::Sender<EntityBatchResult>,
) {
    let result = tokio::select! {
        biased;
        result = function.run(request, time_limit) => result,
        () = answer.closed() => return,
    };
    // Fails only if the batch was dropped at this moment.
    let _ = answer.send(result);
}
