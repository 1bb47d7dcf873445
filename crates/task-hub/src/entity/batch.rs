//! The answer to a batch: the state, the answers to calls, and actions.
//!
//! Invariant: the state, the answers and the actions are one step with the removal of the operations. An
//! entity function may run more than once for a batch, but one of its answers counts.

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    EntityBatchResult, ExecutionStartedEvent, OperationAction, OperationActionType,
    OperationResult, OrchestrationInstance, ParentInstanceInfo, ResultType,
    StartNewOrchestrationAction, TaskFailureDetails,
};

use super::message::{Message, Request};
use super::{BatchLease, is_entity, reply};
use crate::effects::blocks_start;
use crate::notice::{Notice, RefusedStart};
use crate::step::Step;
use crate::store::StoreError;
use crate::{events, ids};

/// The tag of orchestrations that have no parent waiting for them.
const FIRE_AND_FORGET: &str = "FireAndForget";

impl Step<'_> {
    pub(crate) fn batch_answered(
        &mut self,
        batch: &BatchLease,
        result: EntityBatchResult,
    ) -> Result<(), StoreError> {
        if let Some(details) = result.failure_details {
            return self.batch_failed(batch, details);
        }
        let id = &batch.entity;
        let now = self.now;
        self.entity(id)?;
        if let Some(entity) = self.change_entity(id) {
            entity.state = result.entity_state;
            entity.modified = Some(now);
        }
        let mut sent = 0;
        for ((_, request), result) in batch.operations.iter().zip(&result.results) {
            self.report_failure(id, request, result);
            sent += i32::from(self.answer(request, || reply::of_result(result))?);
        }
        let (operations, results) = (batch.operations.len(), result.results.len());
        if results < operations {
            // A real host would send the rest again at once, without pause or end.
            let details = too_few(operations, results);
            for (_, request) in batch.operations.iter().skip(results) {
                let answered = self.answer(request, || reply::of_failed_batch(&details))?;
                sent += i32::from(answered);
            }
            self.notice(Notice::EntityTooFewResults {
                entity: id.clone(),
                operations,
                results,
            });
        }
        let execution = ids::plain(self.ids);
        for action in result.actions {
            self.act(id, &execution, sent, action)?;
            sent += 1;
        }
        self.batch_over(batch)
    }

    /// Fails the operations; the state stays as it was.
    pub(crate) fn batch_failed(
        &mut self,
        batch: &BatchLease,
        details: TaskFailureDetails,
    ) -> Result<(), StoreError> {
        for (_, request) in &batch.operations {
            self.answer(request, || reply::of_failed_batch(&details))?;
        }
        self.notice(Notice::EntityBatchFailed {
            entity: batch.entity.clone(),
            operations: batch.operations.len(),
            failure: details,
        });
        self.batch_over(batch)
    }

    /// Removes the operations and grants the locks behind them.
    fn batch_over(&mut self, batch: &BatchLease) -> Result<(), StoreError> {
        for (number, _) in &batch.operations {
            self.consume(*number);
        }
        self.grant_locks_behind(&batch.entity)
    }

    fn report_failure(&mut self, entity: &str, request: &Request, result: &OperationResult) {
        if let Some(ResultType::Failure(failure)) = &result.result_type {
            self.notice(Notice::EntityOperationFailed {
                entity: entity.to_owned(),
                operation: request.operation.clone(),
                failure: failure.failure_details.clone().unwrap_or_default(),
            });
        }
    }

    /// Sends the answer of a call; `false` for a signal.
    pub(super) fn answer(
        &mut self,
        request: &Request,
        data: impl FnOnce() -> String,
    ) -> Result<bool, StoreError> {
        let Some(parent) = request.parent.as_ref().filter(|_| !request.signal) else {
            return Ok(false);
        };
        let execution = parent.execution_id.clone().filter(|id| !id.is_empty());
        let event = events::event_raised(self.now, request.id.clone(), Some(data()));
        // Dropped when the execution has ended.
        let _ = self.deliver(&parent.instance_id, execution, &event)?;
        Ok(true)
    }

    fn act(
        &mut self,
        entity: &str,
        execution: &str,
        number: i32,
        action: OperationAction,
    ) -> Result<(), StoreError> {
        match action.operation_action_type {
            Some(OperationActionType::SendSignal(signal)) if !is_entity(&signal.instance_id) => {
                self.notice(Notice::EntitySignalUndelivered {
                    entity: entity.to_owned(),
                    target: signal.instance_id,
                    operation: signal.name,
                });
                Ok(())
            }
            Some(OperationActionType::SendSignal(signal)) => {
                let id = ids::hyphenated(self.ids);
                let due = signal
                    .scheduled_time
                    .map(|time| Timestamp::from(time).in_ticks());
                let message = Message::Request {
                    request: Request::signal(id, signal.name, signal.input),
                    due,
                    labelled: false,
                };
                self.deliver_to_entity(&signal.instance_id, message)
            }
            Some(OperationActionType::StartNewOrchestration(start)) => {
                self.start_orchestration(entity, execution, number, start)
            }
            None => {
                self.notice(Notice::EntityActionUnknown {
                    entity: entity.to_owned(),
                });
                Ok(())
            }
        }
    }

    fn start_orchestration(
        &mut self,
        entity: &str,
        execution: &str,
        number: i32,
        action: StartNewOrchestrationAction,
    ) -> Result<(), StoreError> {
        let id = action.instance_id;
        let refused = if id.is_empty() || is_entity(&id) {
            Some(RefusedStart::BadId)
        } else {
            let start = ExecutionStartedEvent {
                name: action.name,
                version: action
                    .version
                    .or_else(|| self.options.default_version.clone()),
                input: action.input,
                orchestration_instance: Some(OrchestrationInstance {
                    instance_id: id.clone(),
                    execution_id: Some(ids::plain(self.ids)),
                }),
                parent_instance: Some(ParentInstanceInfo {
                    task_scheduled_id: number,
                    name: Some(entity.to_owned()),
                    version: Some(String::new()),
                    orchestration_instance: Some(OrchestrationInstance {
                        instance_id: entity.to_owned(),
                        execution_id: Some(execution.to_owned()),
                    }),
                }),
                scheduled_start_timestamp: action
                    .scheduled_time
                    .map(|time| Timestamp::from(time).in_ticks().into()),
                tags: [(FIRE_AND_FORGET.to_owned(), String::new())].into(),
                ..ExecutionStartedEvent::default()
            };
            (!self.start(&id, start, &blocks_start)?).then_some(RefusedStart::Running)
        };
        if let Some(why) = refused {
            self.notice(Notice::EntityStartRefused {
                entity: entity.to_owned(),
                instance: id,
                why,
            });
        }
        Ok(())
    }
}

fn too_few(operations: usize, results: usize) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: "TooFewResults".to_owned(),
        error_message: format!(
            "The entity function answered {operations} operations with {results} results."
        ),
        is_non_retriable: true,
        ..TaskFailureDetails::default()
    }
}
