//! Gives the hub the recorded inputs at the recorded times, and compares every request that it gives out.
//!
//! A message is sent when the recorded turn that holds it begins, in the recorded order. So the hub has to make
//! the same turns, although a real host's queues deliver in an order of their own.

mod activities;
mod batches;
mod operations;
mod turns;

use std::collections::HashMap;

use durable_protocol::Timestamp;
use durable_protocol::messages::{EntityBatchRequest, EventType, HistoryEvent};
use prost::Message as _;
use task_hub::options::{Backoff, Limits};
use task_hub::work::Activity;
use task_hub::{Hub, MemoryStore, Moment, Options};

use super::difference::{self, Difference, Parts, execution_of, kind};
use super::ids::Recorded;
use super::recording::{Case, Operation, Verb, What};

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
