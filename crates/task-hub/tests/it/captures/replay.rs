//! Gives the hub the recorded inputs at the recorded times, and compares every request that it gives out.
//!
//! A message is sent when the recorded turn that holds it begins, in the recorded order. So the hub has to make
//! the same turns, although a real host's queues deliver in an order of their own.

use std::collections::HashMap;

use durable_protocol::messages::{
    CreateInstanceRequest, EntityBatchRequest, EntityBatchResult, EventType, HistoryEvent,
    OperationActionType, OperationRequest, OrchestrationIdReusePolicy, OrchestrationStatus,
    OrchestratorActionType, OrchestratorResponse, TaskFailureDetails,
};
use durable_protocol::{Timestamp, entity_message};
use prost::Message as _;
use prost::bytes::Bytes;
use task_hub::options::{Backoff, Limits};
use task_hub::query::InstanceFilter;
use task_hub::work::{Activity, ActivityOutcome, BatchOutcome, EntityBatch, Turn, TurnOutcome};
use task_hub::{Error, Hub, MemoryStore, Moment, Options, Signal, Store as _, Token};

use super::difference::{self, Difference, Parts, execution_of, kind, time};
use super::ids::Recorded;
use super::recording::{Answer, Case, Operation, Request, Verb, What};

/// What a replay found.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The exchange and the difference.
    pub(super) differences: Vec<(u64, Difference)>,
    pub(super) requests: usize,
    /// Requests that are the same byte for byte.
    pub(super) same: usize,
}

/// A recorded turn.
struct Recording {
    parts: Parts,
    new: Vec<HistoryEvent>,
    execution: String,
}

struct Replay<'a> {
    case: &'a Case,
    hub: Hub<MemoryStore>,
    ids: Recorded,
    now: Timestamp,
    /// Activities that a worker has.
    activities: Vec<Activity>,
    /// All activities that the hub gave out, without those that were compared.
    given: Vec<task_hub::changes::Activity>,
    /// The turns, by their place among the exchanges.
    turns: HashMap<usize, Recording>,
    batches: HashMap<usize, EntityBatchRequest>,
    /// Which message an operation became, by its place: the place of the turn or the batch, and the index in it.
    effects: HashMap<usize, (usize, usize)>,
    /// Batches that were part of a larger one of the hub.
    merged: Vec<usize>,
    report: Report,
}

pub(super) fn replay(case: &Case) -> Report {
    let mut ids = Recorded::default();
    let options = Options {
        default_version: case.default_version.clone(),
        tags_restarts: case.name.starts_with("3.19/"),
        limits: Limits {
            unlabelled_entity_messages: case.unlabelled,
            ..Limits::azure_storage()
        },
        backoff: Backoff {
            first: std::time::Duration::ZERO,
            longest: std::time::Duration::ZERO,
        },
        ..Options::default()
    };
    let hub = Hub::open(MemoryStore::new(), options, &mut ids).unwrap();
    let mut replay = Replay {
        case,
        hub,
        ids,
        now: Timestamp::default(),
        activities: Vec::new(),
        given: Vec::new(),
        turns: HashMap::new(),
        batches: HashMap::new(),
        effects: HashMap::new(),
        merged: Vec::new(),
        report: Report::default(),
    };
    replay.read();
    for (place, exchange) in case.exchanges.iter().enumerate() {
        match &exchange.what {
            What::Turn(request) => replay.turn(place, request),
            What::Batch(request) => replay.batch(place, request),
            What::Operation(operation) => {
                if !replay.effects.contains_key(&place) || happens_at_once(operation.op) {
                    replay.operate(place);
                }
            }
        }
    }
    replay.finish();
    replay.report
}

/// The others happen when the turn that has their message begins.
fn happens_at_once(verb: Verb) -> bool {
    matches!(verb, Verb::Start | Verb::Restart | Verb::Rewind)
}

impl Replay<'_> {
    /// Finds out which message each operation became.
    fn read(&mut self) {
        for (place, exchange) in self.case.exchanges.iter().enumerate() {
            match &exchange.what {
                What::Turn(request) => {
                    let parts = Parts::of(&request.bytes);
                    let new: Vec<_> = parts.new.iter().map(difference::decode).collect();
                    let past = parts.past.iter().map(difference::decode);
                    let execution = past
                        .chain(new.iter().cloned())
                        .find_map(|event| match &event.event_type {
                            Some(EventType::ExecutionStarted(start)) => {
                                execution_of(start.orchestration_instance.as_ref())
                            }
                            _ => None,
                        });
                    let recording = Recording {
                        parts,
                        new,
                        execution: execution.unwrap_or_default(),
                    };
                    self.turns.insert(place, recording);
                }
                What::Batch(request) => {
                    let batch = EntityBatchRequest::decode(request.bytes.clone()).unwrap();
                    self.batches.insert(place, batch);
                }
                What::Operation(_) => {}
            }
        }
        let mut claimed = Vec::new();
        for (place, exchange) in self.case.exchanges.iter().enumerate() {
            if let What::Operation(operation) = &exchange.what
                && !operation.refused
                && let Some(effect) = self.effect(place, operation, &claimed)
            {
                claimed.push(effect);
                self.effects.insert(place, effect);
            }
        }
    }

    fn effect(
        &self,
        place: usize,
        operation: &Operation,
        claimed: &[(usize, usize)],
    ) -> Option<(usize, usize)> {
        let target = operation.to.as_deref().unwrap_or(operation.id());
        for (at, exchange) in self.case.exchanges.iter().enumerate().skip(place + 1) {
            let index = match &exchange.what {
                // A rewind reaches the deepest sub-orchestration.
                What::Turn(request) if request.target == target || operation.op == Verb::Rewind => {
                    let recording = &self.turns[&at];
                    (0..recording.new.len()).find(|index| {
                        !claimed.contains(&(at, *index))
                            && is_effect(operation, &recording.new[*index])
                    })
                }
                What::Batch(request)
                    if request.target == target && operation.op == Verb::Signal =>
                {
                    let operations = &self.batches[&at].operations;
                    (0..operations.len()).find(|index| {
                        let it = &operations[*index];
                        !claimed.contains(&(at, *index))
                            && match &operation.request_id {
                                Some(id) => *id == it.request_id,
                                None => {
                                    Some(&it.operation) == operation.name.as_ref()
                                        && is_same_json(&it.input, &operation.input)
                                }
                            }
                    })
                }
                _ => None,
            };
            if let Some(index) = index {
                return Some((at, index));
            }
        }
        None
    }

    fn differs(&mut self, place: usize, difference: Difference) {
        let n = self.case.exchanges[place].n;
        self.report.differences.push((n, difference));
    }

    fn other(&mut self, place: usize, what: impl Into<String>) {
        self.differs(place, Difference::Other(what.into()));
    }

    /// Runs one input.
    fn input<T>(
        &mut self,
        now: Timestamp,
        run: impl FnOnce(&mut Hub<MemoryStore>, &mut Moment<'_>) -> T,
    ) -> T {
        self.now = now;
        let mut at = Moment::new(now, &mut self.ids);
        let result = run(&mut self.hub, &mut at);
        self.ids.forget();
        result
    }

    fn commit(&mut self) {
        self.hub.commit().unwrap();
    }

    fn operate(&mut self, place: usize) {
        let What::Operation(operation) = &self.case.exchanges[place].what else {
            return;
        };
        let effect = self.effects.get(&place).copied();
        let event = effect.and_then(|(at, index)| {
            let recording = self.turns.get(&at)?;
            Some(recording.new[index].clone())
        });
        let now = event.as_ref().map_or(self.now, time);
        let id = operation.id();
        let reason = operation.reason.clone();
        let result = match operation.op {
            Verb::Start => self.start(operation, event, now),
            Verb::Raise => {
                let recorded = event.and_then(|event| match event.event_type {
                    Some(EventType::EventRaised(raised)) => Some((raised.name, raised.input)),
                    _ => None,
                });
                let (name, input) = recorded.unwrap_or_else(|| {
                    let name = operation.name.clone().unwrap_or_default();
                    (name, operation.input.clone())
                });
                self.input(now, |hub, at| hub.raise(at, id, name, input))
            }
            Verb::Suspend => self.input(now, |hub, at| hub.suspend(at, id, reason)),
            Verb::Resume => self.input(now, |hub, at| hub.resume(at, id, reason)),
            Verb::Terminate => self.input(now, |hub, at| hub.terminate(at, id, reason)),
            Verb::Rewind => self.input(now, |hub, at| hub.rewind(at, id, reason)),
            Verb::Restart => {
                if operation.new_id {
                    self.ids.expect(operation.to.as_deref());
                }
                self.ids
                    .expect(event.as_ref().and_then(execution).as_deref());
                let new_id = operation.new_id;
                let restarted = self.input(now, |hub, at| hub.restart(at, id, new_id));
                restarted.map(|id| assert_eq!(Some(id), operation.to))
            }
            Verb::Purge => {
                let purged = self.input(now, |hub, at| hub.purge(at, id));
                match (purged, operation.count) {
                    // Over gRPC an unknown id is a success that purged nothing.
                    (Err(Error::NotFound(_)), Some(0)) => Ok(()),
                    (purged, _) => purged,
                }
            }
            Verb::PurgeAll => {
                let filter = filter(operation);
                let count = self.input(now, |hub, at| hub.purge_all(at, &filter, 1_000));
                if Some(count.unwrap()) != operation.count {
                    self.other(place, "purged another number of instances");
                }
                Ok(())
            }
            Verb::Signal => self.signal(operation, effect),
            Verb::Clean => Ok(()),
        };
        if result.is_err() != operation.refused {
            self.other(place, format!("{:?}: {result:?}", operation.op));
        }
        self.commit();
    }

    fn start(
        &mut self,
        operation: &Operation,
        event: Option<HistoryEvent>,
        now: Timestamp,
    ) -> Result<(), Error> {
        if operation.drawn {
            self.ids.expect(operation.id.as_deref());
        }
        self.ids
            .expect(event.as_ref().and_then(execution).as_deref());
        let recorded = match event.and_then(|event| event.event_type) {
            Some(EventType::ExecutionStarted(start)) => Some(start),
            _ => None,
        };
        let recorded = recorded.as_deref();
        let request = CreateInstanceRequest {
            instance_id: if operation.drawn {
                String::new()
            } else {
                operation.id().to_owned()
            },
            name: recorded.map_or_else(
                || operation.name.clone().unwrap_or_default(),
                |start| start.name.clone(),
            ),
            input: recorded.map_or_else(|| operation.input.clone(), |start| start.input.clone()),
            // The hub adds the default version.
            version: recorded
                .and_then(|start| start.version.clone())
                .filter(|version| Some(version) != self.case.default_version.as_ref()),
            tags: operation.tags.clone(),
            scheduled_start_timestamp: operation
                .scheduled
                .as_ref()
                .map(|text| timestamp(text).into()),
            orchestration_id_reuse_policy: operation.replaceable.as_ref().map(|names| {
                OrchestrationIdReusePolicy {
                    replaceable_status: names.iter().map(|name| status(name).into()).collect(),
                }
            }),
            ..CreateInstanceRequest::default()
        };
        let id = operation.id().to_owned();
        self.input(now, |hub, at| hub.start(at, request))
            .map(|started| assert_eq!(started, id))
    }

    fn signal(
        &mut self,
        operation: &Operation,
        effect: Option<(usize, usize)>,
    ) -> Result<(), Error> {
        let recorded = effect.and_then(|(at, index)| self.batches.get(&at)?.operations.get(index));
        let signal = Signal {
            entity: operation.id().to_owned(),
            operation: operation.name.clone().unwrap_or_default(),
            input: recorded.map_or_else(|| operation.input.clone(), |it| it.input.clone()),
            request_id: recorded.map_or_else(
                || operation.request_id.clone().unwrap_or_default(),
                |it| it.request_id.clone(),
            ),
            scheduled: operation.scheduled.as_ref().map(|text| timestamp(text)),
        };
        self.input(self.now, |hub, at| hub.signal(at, signal))
    }

    fn turn(&mut self, place: usize, request: &Request) {
        self.report.requests += 1;
        let new = self.turns[&place].new.clone();
        let began = time(&new[0]);
        let mut claimed = Vec::new();
        for (index, event) in new.iter().enumerate().skip(1) {
            self.ensure(place, index, &request.target, event, &mut claimed);
        }
        let Some(turn) = self.take_turn(&request.target, began) else {
            self.other(place, format!("no turn of '{}'", request.target));
            return;
        };
        self.compare(place, request, &turn);
        let response = match &request.answer {
            Answer::Message(bytes) => OrchestratorResponse::decode(bytes.clone()).ok(),
            Answer::Invalid { .. } => None,
        };
        let outcome = match response {
            Some(response) if response.requires_history || asks_again(&response) => {
                TurnOutcome::Abandoned
            }
            Some(response) => {
                self.expect_ids(place, &request.target, &response);
                TurnOutcome::Answered(response)
            }
            None if matches!(request.answer, Answer::Invalid { is_empty: true }) => {
                TurnOutcome::Abandoned
            }
            None if self.comes_again(place, &request.target) => TurnOutcome::Abandoned,
            None => TurnOutcome::Failed("the worker's answer cannot be read".to_owned()),
        };
        let now = self.end_of_turn(place, &request.target);
        self.input(now, |hub, at| hub.turn_done(at, &turn.token, outcome))
            .unwrap();
        self.commit();
    }

    /// Makes sure that the message is in the inbox. `claimed` are the numbers of those of this turn.
    fn ensure(
        &mut self,
        place: usize,
        index: usize,
        target: &str,
        event: &HistoryEvent,
        claimed: &mut Vec<u64>,
    ) {
        if self.claim(target, event, claimed) {
            return;
        }
        self.produce(place, index, target, event);
        self.commit();
        if !self.claim(target, event, claimed) {
            self.other(place, format!("nobody sends {} to '{target}'", kind(event)));
        }
    }

    fn claim(&mut self, target: &str, event: &HistoryEvent, claimed: &mut Vec<u64>) -> bool {
        let inbox = self.hub.store().inbox(target).unwrap();
        let found = inbox.iter().find(|message| {
            !claimed.contains(&message.number)
                && is_same_message(&difference::decode(&message.body), event)
        });
        claimed.extend(found.map(|message| message.number));
        found.is_some()
    }

    fn produce(&mut self, place: usize, index: usize, target: &str, event: &HistoryEvent) {
        let now = time(event);
        match event.event_type.as_ref().unwrap() {
            EventType::TaskCompleted(done) => {
                let outcome = ActivityOutcome::Completed(done.result.clone());
                self.finish_activity(target, done.task_scheduled_id, now, outcome);
            }
            EventType::TaskFailed(failed) => {
                let outcome = ActivityOutcome::Failed(failed.failure_details.clone());
                self.finish_activity(target, failed.task_scheduled_id, now, outcome);
            }
            EventType::TimerFired(fired) => {
                let due = fired.fire_at.map(Timestamp::from).unwrap_or_default();
                self.input(due, |hub, at| hub.fire_timers(at)).unwrap();
            }
            EventType::ExecutionStarted(start) => {
                if let Some(due) = start.scheduled_start_timestamp {
                    self.input(due.into(), |hub, at| hub.fire_timers(at))
                        .unwrap();
                    return;
                }
                // A start by an output binding. Others were operations, and came before.
                if start.parent_instance.is_some() || !self.is_first(place, target) {
                    return;
                }
                self.ids.expect(execution(event).as_deref());
                let request = CreateInstanceRequest {
                    instance_id: target.to_owned(),
                    name: start.name.clone(),
                    input: start.input.clone(),
                    version: start.version.clone(),
                    ..CreateInstanceRequest::default()
                };
                if let Err(error) = self.input(now, |hub, at| hub.start(at, request)) {
                    self.other(place, format!("start: {error}"));
                }
            }
            EventType::SubOrchestrationInstanceFailed(_) => self.fail_unknown(),
            EventType::EventRaised(raised) if self.is_reply_of_unknown_entity(&raised.name) => {
                self.fail_unknown_entities(now, raised.input.as_deref().unwrap_or_default());
            }
            _ => {
                let effect = (place, index);
                let cause = self.effects.iter().find(|(_, it)| **it == effect);
                if let Some(cause) = cause.map(|(cause, _)| *cause) {
                    self.operate(cause);
                }
            }
        }
    }

    fn finish_activity(
        &mut self,
        instance: &str,
        id: i32,
        now: Timestamp,
        outcome: ActivityOutcome,
    ) {
        self.take_activities();
        let execution = self.hub.instance(instance).unwrap().map(|it| it.execution);
        let found = self.activities.iter().position(|activity| {
            activity.task.instance == instance
                && Some(&activity.task.execution) == execution.as_ref()
                && activity.task.id == id
        });
        if let Some(found) = found {
            let activity = self.activities.remove(found);
            self.input(now, |hub, at| {
                hub.activity_done(at, &activity.token, outcome)
            })
            .unwrap();
        }
    }

    /// The turn of this instance; those of others stay where they are.
    fn take_turn(&mut self, instance: &str, now: Timestamp) -> Option<Turn> {
        self.commit();
        let mut others = Vec::new();
        let mut found = None;
        while found.is_none() {
            match self.hub.take_turn(now).unwrap() {
                None => break,
                Some(turn) if turn.instance == instance => found = Some(turn),
                Some(turn) => others.push(turn.token),
            }
        }
        for token in others {
            self.give_back(|hub, at| hub.turn_done(at, &token, TurnOutcome::Abandoned))
                .unwrap();
        }
        found
    }

    /// Fails the instances that the host never sent to the handler: no function has their name, or their
    /// version is too high. Drivers know it.
    fn fail_unknown(&mut self) {
        self.commit();
        let mut others = Vec::new();
        while let Some(turn) = self.hub.take_turn(self.now).unwrap() {
            let is_known = self.case.exchanges.iter().any(|exchange| {
                matches!(&exchange.what, What::Turn(request) if request.target == turn.instance)
            });
            if is_known {
                others.push(turn.token);
            } else {
                let outcome = TurnOutcome::Failed("unknown".to_owned());
                self.input(turn.began, |hub, at| {
                    hub.turn_done(at, &turn.token, outcome)
                })
                .unwrap();
                self.commit();
            }
        }
        for token in others {
            self.give_back(|hub, at| hub.turn_done(at, &token, TurnOutcome::Abandoned))
                .unwrap();
        }
    }

    /// At the beginning of time, so that the work is ready at any time.
    fn give_back<T>(&mut self, run: impl FnOnce(&mut Hub<MemoryStore>, &mut Moment<'_>) -> T) -> T {
        let mut at = Moment::new(Timestamp::default(), &mut self.ids);
        run(&mut self.hub, &mut at)
    }

    fn is_known_entity(&self, id: &str) -> bool {
        self.batches.values().any(|batch| batch.instance_id == id)
    }

    /// Whether a batch waits with this request, and no function has the name of its entity.
    fn is_reply_of_unknown_entity(&mut self, request: &str) -> bool {
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
    fn fail_unknown_entities(&mut self, now: Timestamp, reply: &str) {
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

    fn compare(&mut self, place: usize, request: &Request, turn: &Turn) {
        let theirs = &self.turns[&place].parts;
        if turn.encoded(&theirs.tail) == request.bytes {
            self.report.same += 1;
            return;
        }
        let mut found = Vec::new();
        for (what, ours, theirs) in [
            ("past", &turn.past, &theirs.past),
            ("new", &turn.new, &theirs.new),
        ] {
            if ours.len() != theirs.len() {
                let kinds = |events: &[Bytes]| {
                    let kinds = events.iter().map(|event| kind(&difference::decode(event)));
                    kinds.collect::<Vec<_>>().join(" ")
                };
                found.push(Difference::Other(format!(
                    "{what} events of '{}':\n      ours   {}\n      theirs {}",
                    request.target,
                    kinds(ours),
                    kinds(theirs)
                )));
                continue;
            }
            for (ours, theirs) in ours.iter().zip(theirs) {
                found.extend(difference::of_events(ours, theirs));
            }
        }
        assert!(
            !found.is_empty(),
            "the requests differ in more than their events"
        );
        for difference in found {
            self.differs(place, difference);
        }
    }

    /// The next recorded turn of the same instance.
    fn next_turn(&self, place: usize, target: &str) -> Option<&Recording> {
        let later = self.case.exchanges.iter().enumerate().skip(place + 1);
        later
            .filter(|(_, exchange)| {
                matches!(&exchange.what, What::Turn(request) if request.target == target)
            })
            .map(|(at, _)| &self.turns[&at])
            .next()
    }

    /// Whether no turn before had the same execution.
    fn is_first(&self, place: usize, target: &str) -> bool {
        let execution = &self.turns[&place].execution;
        let before = self.case.exchanges.iter().enumerate().take(place);
        !before.into_iter().any(|(at, exchange)| {
            matches!(&exchange.what, What::Turn(request) if request.target == target)
                && self.turns[&at].execution == *execution
        })
    }

    /// The host delivered the turn again.
    fn comes_again(&self, place: usize, target: &str) -> bool {
        let turn = &self.turns[&place];
        self.next_turn(place, target).is_some_and(|next| {
            next.execution == turn.execution && next.parts.past == turn.parts.past
        })
    }

    /// When the host wrote the first event behind those of the turn.
    fn end_of_turn(&self, place: usize, target: &str) -> Timestamp {
        let turn = &self.turns[&place];
        let began = time(&turn.new[0]);
        let Some(next) = self.next_turn(place, target) else {
            return began;
        };
        let sent = turn.parts.past.len() + turn.new.len();
        match next.parts.past.get(sent) {
            Some(event) if next.execution == turn.execution => time(&difference::decode(event)),
            _ if next.parts.past.is_empty() => next.new.get(1).map_or(began, time),
            _ => began,
        }
    }

    /// The ids that the end of a turn draws: of the next execution, then of the sub-orchestrations.
    fn expect_ids(&mut self, place: usize, target: &str, response: &OrchestratorResponse) {
        let continues = response.actions.iter().any(|action| {
            matches!(&action.orchestrator_action_type,
                Some(OrchestratorActionType::CompleteOrchestration(end))
                    if end.orchestration_status() == OrchestrationStatus::ContinuedAsNew)
        });
        if continues {
            let next = self.started_later(place, target, 0);
            self.ids.expect(next.as_deref());
        }
        for action in &response.actions {
            if let Some(OrchestratorActionType::CreateSubOrchestration(child)) =
                &action.orchestrator_action_type
            {
                let next = self.started_later(place, &child.instance_id, 0);
                self.ids.expect(next.as_deref());
            }
        }
    }

    /// The execution of the next first turn of an instance.
    fn started_later(&self, place: usize, target: &str, skip: usize) -> Option<String> {
        let later = self.case.exchanges.iter().enumerate().skip(place + 1);
        later
            .filter(|(at, exchange)| {
                matches!(&exchange.what, What::Turn(request) if request.target == target)
                    && self.turns[at].parts.past.is_empty()
            })
            .map(|(at, _)| self.turns[&at].execution.clone())
            .nth(skip)
    }

    /// Adds the results of the recorded batches that the hub put into one with the batch before.
    fn merge(
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

    fn batch(&mut self, place: usize, request: &Request) {
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

    fn take_batch(&mut self, entity: &str) -> Option<EntityBatch> {
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

    fn abandon_batch(&mut self, token: &Token) {
        self.give_back(|hub, at| hub.batch_done(at, token, BatchOutcome::Abandoned))
            .unwrap();
    }

    fn end_of_batch(&self, place: usize, batch: &EntityBatchRequest) -> Timestamp {
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
    fn expect_ids_of_batch(&mut self, place: usize, entity: &str, result: &EntityBatchResult) {
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

    fn take_activities(&mut self) {
        self.commit();
        while let Some(activity) = self.hub.take_activity(self.now).unwrap() {
            self.given.push(activity.task.clone());
            self.activities.push(activity);
        }
    }

    /// The host sent the same activities to the handler.
    fn compare_activities(&mut self) {
        self.take_activities();
        let case = self.case;
        for recorded in &case.activities {
            let given = self.given.iter().position(|given| {
                given.instance == recorded.instance
                    && is_name_of(&given.name, &recorded.name)
                    && (recorded.long || is_same_json(&given.input, &recorded.input))
            });
            match given {
                Some(given) => {
                    self.given.remove(given);
                }
                None => {
                    let what = format!("no activity '{}'", recorded.name);
                    let difference = (recorded.n, Difference::Other(what));
                    self.report.differences.push(difference);
                }
            }
        }
        let rest: Vec<String> = self
            .given
            .iter()
            .filter(|given| {
                case.activities
                    .iter()
                    .any(|it| is_name_of(&given.name, &it.name))
            })
            .map(|given| format!("activity '{}' of '{}' left", given.name, given.instance))
            .collect();
        for what in rest {
            self.other(case.exchanges.len() - 1, what);
        }
    }

    /// All the work that the host gave out was taken above.
    fn finish(&mut self) {
        self.commit();
        let Some(last) = self.case.exchanges.len().checked_sub(1) else {
            return;
        };
        self.fail_unknown();
        self.compare_activities();
        while let Some(turn) = self.hub.take_turn(self.now).unwrap() {
            let kinds: Vec<_> = turn
                .new
                .iter()
                .map(|event| kind(&difference::decode(event)))
                .collect();
            self.other(last, format!("turn of '{}' left: {kinds:?}", turn.instance));
        }
        while let Some(batch) = self.hub.take_batch(self.now).unwrap() {
            if self.is_known_entity(&batch.request.instance_id) {
                self.other(
                    last,
                    format!("batch of '{}' left", batch.request.instance_id),
                );
            }
        }
    }
}

fn result_of(request: &Request) -> Option<EntityBatchResult> {
    match &request.answer {
        Answer::Message(bytes) => EntityBatchResult::decode(bytes.clone()).ok(),
        Answer::Invalid { .. } => None,
    }
}

/// Whether the activity is one of the function. The names of the recorded functions differ in their letter case
/// only, but for one whose binding gives it another name.
fn is_name_of(activity: &str, function: &str) -> bool {
    activity.eq_ignore_ascii_case(function) || function.starts_with("renamed")
}

fn is_effect(operation: &Operation, event: &HistoryEvent) -> bool {
    match (operation.op, event.event_type.as_ref().unwrap()) {
        (Verb::Start, EventType::ExecutionStarted(start)) => {
            start.parent_instance.is_none()
                && execution_of(start.orchestration_instance.as_ref())
                    .is_some_and(|id| id.contains('-'))
        }
        (Verb::Restart, EventType::ExecutionStarted(start)) => {
            start.parent_instance.is_none()
                && execution_of(start.orchestration_instance.as_ref())
                    .is_some_and(|id| !id.contains('-'))
        }
        (Verb::Raise, EventType::EventRaised(raised)) => {
            let name = operation.name.as_deref().unwrap_or_default();
            raised.name.eq_ignore_ascii_case(name) && is_same_json(&raised.input, &operation.input)
        }
        (Verb::Suspend, EventType::ExecutionSuspended(_))
        | (Verb::Resume, EventType::ExecutionResumed(_))
        | (Verb::Terminate, EventType::ExecutionTerminated(_))
        | (Verb::Rewind, EventType::GenericEvent(_)) => true,
        _ => false,
    }
}

fn is_same_json(a: &Option<String>, b: &Option<String>) -> bool {
    let parse = |text: &Option<String>| {
        text.as_deref()
            .and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok())
    };
    // A body that is not JSON becomes a text.
    let quoted = |text: &Option<String>| text.as_ref().map(|text| format!("{text:?}"));
    a == b || *a == quoted(b) || (parse(a).is_some() && parse(a) == parse(b))
}

fn is_same_message(ours: &HistoryEvent, theirs: &HistoryEvent) -> bool {
    use EventType as E;
    match (
        ours.event_type.as_ref().unwrap(),
        theirs.event_type.as_ref().unwrap(),
    ) {
        (E::TaskCompleted(a), E::TaskCompleted(b)) => a.task_scheduled_id == b.task_scheduled_id,
        (E::TaskFailed(a), E::TaskFailed(b)) => a.task_scheduled_id == b.task_scheduled_id,
        (E::TimerFired(a), E::TimerFired(b)) => a.timer_id == b.timer_id,
        (E::SubOrchestrationInstanceCompleted(a), E::SubOrchestrationInstanceCompleted(b)) => {
            a.task_scheduled_id == b.task_scheduled_id
        }
        (E::SubOrchestrationInstanceFailed(a), E::SubOrchestrationInstanceFailed(b)) => {
            a.task_scheduled_id == b.task_scheduled_id
        }
        (E::EventRaised(a), E::EventRaised(b)) => a.name == b.name && a.input == b.input,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn execution(event: &HistoryEvent) -> Option<String> {
    match &event.event_type {
        Some(EventType::ExecutionStarted(start)) => {
            execution_of(start.orchestration_instance.as_ref())
        }
        _ => None,
    }
}

/// A failure with which a worker asks for the turn again. Drivers know it.
fn asks_again(response: &OrchestratorResponse) -> bool {
    response.actions.iter().any(|action| {
        let Some(OrchestratorActionType::CompleteOrchestration(end)) =
            &action.orchestrator_action_type
        else {
            return false;
        };
        let mut failure = end.failure_details.as_ref();
        while let Some(details) = failure {
            if details.error_type == "System.OutOfMemoryException" {
                return true;
            }
            failure = details.inner_failure.as_deref();
        }
        false
    })
}

fn filter(operation: &Operation) -> InstanceFilter {
    InstanceFilter {
        statuses: operation.statuses.iter().map(|name| status(name)).collect(),
        created_from: operation.created_from.as_ref().map(|text| timestamp(text)),
        created_to: operation.created_to.as_ref().map(|text| timestamp(text)),
        ..InstanceFilter::default()
    }
}

fn timestamp(text: &str) -> Timestamp {
    let time: prost_types::Timestamp = text.parse().unwrap();
    time.into()
}

/// From the name in protobuf's JSON form.
fn status(name: &str) -> OrchestrationStatus {
    let name = name.trim_start_matches("ORCHESTRATION_STATUS_");
    (0..=7)
        .map(|number| OrchestrationStatus::try_from(number).unwrap())
        .find(|status| format!("{status:?}").eq_ignore_ascii_case(&name.replace('_', "")))
        .unwrap()
}
