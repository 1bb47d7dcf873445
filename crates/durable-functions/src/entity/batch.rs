//! A batch of operations for one entity.
//!
//! Invariant: every operation gets exactly one result, whatever user code does. If some were missing,
//! the host would deliver those operations again at once, without end. The state that is returned was
//! always read or written completely: an operation that fails changes nothing, unless the host asks
//! for that.

use std::rc::Rc;
use std::time::SystemTime;

use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, OperationAction, OperationRequest, OperationResult,
    OperationResultFailure, OperationResultSuccess, ResultType,
};
use durable_protocol::{EntityId, Timestamp};
use prost_types::value::Kind;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::Effects;
use super::{EntityContext, EntityFunction};
use crate::name::same_name;
use crate::panic::{caught, guarded};
use crate::time_limit::TimeLimit;
use crate::{Failure, Result, codec, error_type};

/// The operation that every entity has.
const DELETE: &str = "delete";

/// Runs a batch of operations one after the other, as the host asks for it; for tests and other hosts than the
/// custom handler. There is one result for each, in order, and a panic does not leave this function. The future
/// is not `Send`, because operations borrow the state.
pub async fn run_batch<S>(
    function: &EntityFunction<S>,
    request: EntityBatchRequest,
) -> EntityBatchResult
where
    S: Default + Serialize + DeserializeOwned + 'static,
{
    function
        .run_batch_within(request, TimeLimit::default())
        .await
}

impl<S> EntityFunction<S>
where
    S: Default + Serialize + DeserializeOwned + 'static,
{
    pub(crate) async fn run_batch_within(
        &self,
        request: EntityBatchRequest,
        time_limit: TimeLimit,
    ) -> EntityBatchResult {
        let entity = request
            .instance_id
            .parse()
            .unwrap_or_else(|_| EntityId::new(self.name(), request.instance_id));
        let mut batch = Batch {
            function: self,
            entity: Rc::new(entity),
            time_limit,
            // Hosts before 3.19 do not send it; roll-back is the default of host.json.
            rollback: !matches!(
                request
                    .properties
                    .get("RollbackEntityOperationsOnExceptions")
                    .and_then(|value| value.kind.as_ref()),
                Some(Kind::BoolValue(false))
            ),
            stored: request.entity_state,
            live: None,
            answer: EntityBatchResult::default(),
        };
        for operation in &request.operations {
            batch.run(operation).await;
        }
        batch.discard_live();
        EntityBatchResult {
            entity_state: batch.stored,
            ..batch.answer
        }
    }
}

struct Batch<'a, S> {
    function: &'a EntityFunction<S>,
    entity: Rc<EntityId>,
    time_limit: TimeLimit,
    rollback: bool,
    /// The state as JSON text after the last operation that counts; `None` when there is no state.
    stored: Option<String>,
    /// The same, decoded, if it has been decoded.
    live: Option<S>,
    answer: EntityBatchResult,
}

impl<S> Batch<'_, S>
where
    S: Default + Serialize + DeserializeOwned + 'static,
{
    async fn run(&mut self, request: &OperationRequest) {
        let started = now();
        let context = EntityContext::new(
            &self.entity,
            &request.operation,
            &request.request_id,
            &self.time_limit,
        );
        let outcome = self.operate(&context, request).await;
        let keep = outcome.is_ok() || !self.rollback;
        let outcome = match self.settle(context.take_effects(), keep) {
            Ok(()) => outcome,
            Err(failure) => outcome.and(Err(failure)),
        };
        let result = match outcome {
            Ok(result) => ResultType::Success(OperationResultSuccess {
                result,
                start_time_utc: Some(started),
                end_time_utc: Some(now()),
            }),
            Err(failure) => {
                tracing::warn!(
                    entity = %self.entity,
                    operation = request.operation,
                    "operation failed: {failure}"
                );
                ResultType::Failure(OperationResultFailure {
                    failure_details: Some(failure.to_details()),
                    start_time_utc: Some(started),
                    end_time_utc: Some(now()),
                })
            }
        };
        self.answer.results.push(OperationResult {
            result_type: Some(result),
        });
    }

    /// Runs the user's code on the live state; gives the result as JSON text.
    async fn operate(
        &mut self,
        context: &EntityContext,
        request: &OperationRequest,
    ) -> Result<Option<String>, Failure> {
        let function = self.function;
        let Some(operation) = function.find(&request.operation) else {
            if same_name(&request.operation, DELETE) {
                // Works also for a state that this code can no longer read.
                context.delete_state();
                return Ok(None);
            }
            return Err(unknown(function, &request.operation));
        };
        let state = match &mut self.live {
            Some(state) => state,
            none => none.insert(guarded("operation", || match &self.stored {
                Some(json) => codec::read_state(&self.entity, json),
                None => Ok(S::default()),
            })?),
        };
        let input = request.input.as_deref();
        caught("operation", async move {
            (operation.run)(context.clone(), &(), state, input).await
        })
        .await
    }

    /// Applies what an operation did, or undoes it.
    fn settle(&mut self, effects: Effects, keep: bool) -> Result<(), Failure> {
        if !keep {
            self.discard_live();
            return Ok(());
        }
        if effects.delete_state {
            self.discard_live();
            self.stored = None;
        } else if let Some(state) = &self.live {
            match guarded("operation", || codec::write_state(&self.entity, state)) {
                Ok(json) => self.stored = Some(json),
                Err(failure) => {
                    self.discard_live();
                    return Err(failure);
                }
            }
        }
        for action in effects.actions {
            self.answer.actions.push(OperationAction {
                id: i32::try_from(self.answer.actions.len()).unwrap_or(i32::MAX),
                operation_action_type: Some(action),
            });
        }
        Ok(())
    }

    /// Drops the live state, which no longer counts. Dropping runs user code.
    fn discard_live(&mut self) {
        let live = self.live.take();
        if let Err(failure) = guarded("operation", || {
            drop(live);
            Ok(())
        }) {
            tracing::error!(entity = %self.entity, "dropping a state failed: {failure}");
        }
    }
}

fn unknown<S>(function: &EntityFunction<S>, operation: &str) -> Failure {
    let known = function.operations.iter().map(|known| known.name);
    Failure::new(
        error_type::OPERATION_NOT_FOUND,
        format!(
            "entity function '{}' has no operation '{operation}', only: {}",
            function.name,
            known.chain([DELETE]).collect::<Vec<_>>().join(", ")
        ),
    )
    .non_retriable()
}

/// For the host's traces only.
fn now() -> prost_types::Timestamp {
    Timestamp::from(SystemTime::now()).into()
}
