//! Batches of entities.

use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, EventType, OperationActionType, OperationRequest,
    TaskFailureDetails,
};
use durable_protocol::{Timestamp, entity_message};
use prost::Message as _;
use task_hub::Token;
use task_hub::work::{BatchOutcome, EntityBatch};

use super::Replay;
use crate::captures::difference::{Difference, execution_of, time};
use crate::captures::recording::{Answer, Request, What};

impl Replay<'_> {
    pub(super) fn batch(&mut self, place: usize, request: &Request) {
        self.report.requests += 1;
        if self.merged.contains(&place) {
            return;
        }
        let recorded = self.batches[&place].clone();
        for index in 0..recorded.operations.len() {
            let effect = (place, index);
            let cause = self.effects.iter().find(|(_, it)| **it == effect);
            if let Some(cause) = cause.map(|(cause, _)| *cause) {
                self.operate(cause);
            }
        }
        let mut batch = self.take_batch(&request.target);
        let is_short = |batch: &Option<EntityBatch>| {
            batch
                .as_ref()
                .is_none_or(|batch| batch.request.operations.len() < recorded.operations.len())
        };
        while is_short(&batch)
            && let Some(due) = self.hub.next_due().unwrap()
        {
            if let Some(batch) = batch {
                self.abandon_batch(&batch.token);
            }
            self.input(due, |hub, at| hub.fire_timers(at)).unwrap();
            batch = self.take_batch(&request.target);
        }
        let Some(batch) = batch else {
            self.other(place, format!("no batch of '{}'", request.target));
            return;
        };
        let mut ours = batch.request.clone();
        // A driver adds them.
        ours.properties.clone_from(&recorded.properties);
        let mut result = result_of(request);
        let count = recorded.operations.len();
        if ours.operations.len() > count {
            self.differs(place, Difference::LargerBatch);
            let rest = ours.operations.split_off(count);
            self.merge(place, &request.target, rest, &mut result);
        }
        if ours.encode_to_vec() == request.bytes {
            self.report.same += 1;
        } else {
            self.other(place, format!("ours {ours:?}\n      theirs {recorded:?}"));
        }
        let now = self.end_of_batch(place, &recorded);
        let outcome = match result {
            Some(result) => {
                self.expect_ids_of_batch(place, &request.target, &result);
                BatchOutcome::Answered(result)
            }
            None => BatchOutcome::Failed(TaskFailureDetails::default()),
        };
        self.input(now, |hub, at| hub.batch_done(at, &batch.token, outcome))
            .unwrap();
        self.commit();
    }

    /// Adds the results of the recorded batches that the hub put into one with the batch before.
    pub(super) fn merge(
        &mut self,
        place: usize,
        entity: &str,
        mut rest: Vec<OperationRequest>,
        result: &mut Option<EntityBatchResult>,
    ) {
        for (at, exchange) in self.case.exchanges.iter().enumerate().skip(place + 1) {
            let What::Batch(request) = &exchange.what else {
                continue;
            };
            if request.target != entity || rest.is_empty() {
                continue;
            }
            let recorded = self.batches[&at].operations.clone();
            if !rest.starts_with(&recorded) {
                self.other(place, format!("unexpected {rest:?}"));
                return;
            }
            rest.drain(..recorded.len());
            self.merged.push(at);
            match (result.as_mut(), result_of(request)) {
                (Some(result), Some(next)) => {
                    result.results.extend(next.results);
                    result.actions.extend(next.actions);
                    result.entity_state = next.entity_state;
                }
                _ => *result = None,
            }
        }
    }

    pub(super) fn take_batch(&mut self, entity: &str) -> Option<EntityBatch> {
        self.commit();
        let mut others = Vec::new();
        let mut found = None;
        while found.is_none() {
            match self.hub.take_batch(self.now).unwrap() {
                None => break,
                Some(batch) if batch.request.instance_id == entity => found = Some(batch),
                Some(batch) => others.push(batch.token),
            }
        }
        for token in others {
            self.abandon_batch(&token);
        }
        found
    }

    pub(super) fn abandon_batch(&mut self, token: &Token) {
        self.give_back(|hub, at| hub.batch_done(at, token, BatchOutcome::Abandoned))
            .unwrap();
    }

    pub(super) fn end_of_batch(&self, place: usize, batch: &EntityBatchRequest) -> Timestamp {
        let later = self.case.exchanges.iter().enumerate().skip(place + 1);
        later
            .filter_map(|(at, _)| self.turns.get(&at))
            .flat_map(|turn| &turn.new)
            .find(|event| match &event.event_type {
                Some(EventType::EventRaised(raised)) => batch
                    .operations
                    .iter()
                    .any(|it| it.request_id == raised.name),
                Some(EventType::ExecutionStarted(start)) => start
                    .parent_instance
                    .as_ref()
                    .is_some_and(|parent| parent.name.as_deref() == Some(&batch.instance_id)),
                _ => false,
            })
            .map_or(self.now, time)
    }

    /// The ids that the end of a batch draws: of the entity's execution, then of each action.
    pub(super) fn expect_ids_of_batch(
        &mut self,
        place: usize,
        entity: &str,
        result: &EntityBatchResult,
    ) {
        let later = |at: &&usize| **at > place;
        let parent = self
            .turns
            .iter()
            .filter(|(at, _)| later(at))
            .flat_map(|(_, turn)| &turn.new)
            .find_map(|event| match &event.event_type {
                Some(EventType::ExecutionStarted(start)) => {
                    let parent = start.parent_instance.as_ref()?;
                    (parent.name.as_deref() == Some(entity))
                        .then(|| execution_of(parent.orchestration_instance.as_ref()))?
                }
                _ => None,
            });
        self.ids.expect(parent.as_deref());
        for action in &result.actions {
            let id = match &action.operation_action_type {
                Some(OperationActionType::SendSignal(signal)) => {
                    let mut batches: Vec<_> = self.batches.iter().collect();
                    batches.sort_unstable_by_key(|(at, _)| **at);
                    batches
                        .into_iter()
                        .filter(|(at, batch)| later(at) && batch.instance_id == signal.instance_id)
                        .flat_map(|(_, batch)| &batch.operations)
                        .find(|it| it.operation == signal.name && it.input == signal.input)
                        .map(|it| it.request_id.clone())
                }
                Some(OperationActionType::StartNewOrchestration(start)) => {
                    self.started_later(place, &start.instance_id, 0)
                }
                None => None,
            };
            self.ids.expect(id.as_deref());
        }
    }

    pub(super) fn is_known_entity(&self, id: &str) -> bool {
        self.batches.values().any(|batch| batch.instance_id == id)
    }

    /// Whether a batch waits with this request, and no function has the name of its entity.
    pub(super) fn is_reply_of_unknown_entity(&mut self, request: &str) -> bool {
        let mut found = false;
        let mut others = Vec::new();
        self.commit();
        while let Some(batch) = self.hub.take_batch(self.now).unwrap() {
            found |= !self.is_known_entity(&batch.request.instance_id)
                && batch
                    .request
                    .operations
                    .iter()
                    .any(|it| it.request_id == request);
            others.push(batch.token);
        }
        for token in others {
            self.abandon_batch(&token);
        }
        found
    }

    /// Fails the batches of entities that no function has, with the failure in the recorded reply. Drivers
    /// know it.
    pub(super) fn fail_unknown_entities(&mut self, now: Timestamp, reply: &str) {
        let reply: entity_message::Reply = serde_json::from_str(reply).unwrap();
        let failure = reply.failure_details.unwrap();
        let details = TaskFailureDetails {
            error_type: failure.error_type.unwrap(),
            error_message: failure.error_message.unwrap(),
            is_non_retriable: failure.is_non_retriable,
            ..TaskFailureDetails::default()
        };
        let mut others = Vec::new();
        while let Some(batch) = self.hub.take_batch(self.now).unwrap() {
            if self.is_known_entity(&batch.request.instance_id) {
                others.push(batch.token);
                continue;
            }
            let outcome = BatchOutcome::Failed(details.clone());
            self.input(now, |hub, at| hub.batch_done(at, &batch.token, outcome))
                .unwrap();
            self.commit();
        }
        for token in others {
            self.abandon_batch(&token);
        }
    }
}

pub(super) fn result_of(request: &Request) -> Option<EntityBatchResult> {
    match &request.answer {
        Answer::Message(bytes) => EntityBatchResult::decode(bytes.clone()).ok(),
        Answer::Invalid { .. } => None,
    }
}
