//! A driver of the hub in virtual time, whose order and accidents the test decides.

use std::collections::BTreeMap;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CreateInstanceRequest, EntityBatchResult, HistoryEvent, OperationResult,
    OperationResultSuccess, OrchestrationStatus, ResultType, TaskFailureDetails,
};
use prost::Message as _;
use task_hub::validation::Testbed;
use task_hub::work::{ActivityOutcome, BatchOutcome, EntityBatch, Taken, TurnOutcome, WorkItem};
use task_hub::{Hub, Ids, Kind, Moment, Options, Store, StoreError, Token};

use crate::memory::Memory;
use crate::program::{self, COUNTER, Program};

/// Counts.
#[derive(Default)]
pub struct Counter(pub u128);

impl Ids for Counter {
    fn draw(&mut self) -> u128 {
        self.0 += 1;
        self.0
    }
}

/// A testbed that can let a commit fail.
pub trait Failing: Testbed {
    /// Takes the store back to its last commit, as a failed commit does.
    fn fail_commit(&mut self, store: &mut Self::Store);
}

pub struct World<T: Testbed = Memory> {
    testbed: T,
    options: Options,
    pub hub: Option<Hub<T::Store>>,
    pub ids: Counter,
    pub now: Timestamp,
    pub programs: Vec<Program>,
    /// Work that a worker has.
    pub held: Vec<WorkItem>,
    /// Tokens that were answered, abandoned or lost.
    pub old: Vec<Token>,
    /// Events that are in the hub for good, by instance.
    pub raised: BTreeMap<String, usize>,
    /// Events of steps that are not committed.
    pub raising: Vec<String>,
}

impl<T: Failing> World<T> {
    pub fn new(testbed: T, programs: Vec<Program>) -> Self {
        Self::with_options(testbed, programs, Options::default())
    }

    pub fn with_options(mut testbed: T, programs: Vec<Program>, options: Options) -> Self {
        let store = testbed.create().unwrap();
        Self::over(testbed, store, programs, options)
    }

    /// Over a store of the testbed.
    pub fn over(testbed: T, store: T::Store, programs: Vec<Program>, options: Options) -> Self {
        let mut ids = Counter::default();
        let hub = Hub::open(store, options.clone(), &mut ids).unwrap();
        Self {
            testbed,
            options,
            hub: Some(hub),
            ids,
            now: Timestamp {
                seconds: 1_800_000_000,
                nanos: 0,
            },
            programs,
            held: Vec::new(),
            old: Vec::new(),
            raised: BTreeMap::new(),
            raising: Vec::new(),
        }
    }

    pub fn hub(&self) -> &Hub<T::Store> {
        self.hub.as_ref().unwrap()
    }

    /// Runs one input.
    pub fn with<R>(&mut self, run: impl FnOnce(&mut Hub<T::Store>, &mut Moment<'_>) -> R) -> R {
        let mut at = Moment::new(self.now, &mut self.ids);
        run(self.hub.as_mut().unwrap(), &mut at)
    }

    pub fn start(
        &mut self,
        id: &str,
        program: usize,
        input: u8,
    ) -> Result<String, task_hub::Error> {
        self.with(|hub, at| {
            hub.start(
                at,
                CreateInstanceRequest {
                    instance_id: id.into(),
                    name: program::name_of(program),
                    input: Some(input.to_string()),
                    ..CreateInstanceRequest::default()
                },
            )
        })
    }

    pub fn raise(&mut self, id: &str) {
        self.with(|hub, at| hub.raise(at, id, "go".into(), None))
            .unwrap();
        self.raising.push(id.to_owned());
    }

    pub fn commit(&mut self) {
        self.with(|hub, _| hub.commit()).unwrap();
        for id in self.raising.drain(..) {
            *self.raised.entry(id).or_default() += 1;
        }
    }

    /// The process ends. A worker does not notice, and keeps its work.
    pub fn crash(&mut self) {
        let store = self.hub.take().unwrap().into_store();
        let store = self.testbed.crash(store).unwrap();
        self.raising.clear();
        self.old
            .extend(self.held.drain(..).map(|item| token(&item)));
        let options = self.options.clone();
        self.hub = Some(Hub::open(store, options, &mut self.ids).unwrap());
    }

    /// The disk is full at the next commit.
    pub fn fail_commit(&mut self) {
        let mut store = self.hub.take().unwrap().into_store();
        self.testbed.fail_commit(&mut store);
        self.raising.clear();
        let options = self.options.clone();
        self.hub = Some(Hub::open(store, options, &mut self.ids).unwrap());
        self.old
            .extend(self.held.drain(..).map(|item| token(&item)));
    }

    pub fn take(&mut self, kind: Kind) -> bool {
        let now = self.now;
        let item = self.with(|hub, _| hub.take(now, kind)).unwrap();
        let found = item.is_some();
        self.held.extend(item);
        found
    }

    /// Answers the work that is held at this place.
    pub fn complete(&mut self, place: usize) {
        let item = self.held.remove(place);
        let programs = self.programs.clone();
        self.old.push(token(&item));
        let taken = self
            .with(|hub, at| answer(hub, at, &programs, item))
            .unwrap();
        assert!(
            matches!(taken, Taken::Yes | Taken::Void) || self.may_be_late(taken),
            "{taken:?}"
        );
    }

    /// Whether another worker may have got the work, because the time limit of the lease is over.
    fn may_be_late(&self, taken: Taken) -> bool {
        taken == Taken::Stale && self.options.longest_lease.is_some()
    }

    pub fn abandon(&mut self, place: usize) {
        let item = self.held.remove(place);
        self.old.push(token(&item));
        let taken = self.with(|hub, at| match &item {
            WorkItem::Turn(it) => hub.turn_done(at, &it.token, TurnOutcome::Abandoned),
            WorkItem::Activity(it) => hub.activity_done(at, &it.token, ActivityOutcome::Abandoned),
            WorkItem::EntityBatch(it) => hub.batch_done(at, &it.token, BatchOutcome::Abandoned),
        });
        let taken = taken.unwrap();
        assert!(
            matches!(taken, Taken::Again(_)) || self.may_be_late(taken),
            "{taken:?}"
        );
    }

    /// A worker answers again, or answers a hub that has crashed since.
    pub fn answer_with_an_old_token(&mut self, place: usize) {
        let token = self.old[place].clone();
        let outcome = ActivityOutcome::Completed(Some("wrong".into()));
        let failed = TaskFailureDetails::default();
        let taken = self.with(|hub, at| {
            [
                hub.turn_done(at, &token, TurnOutcome::Failed("wrong".into())),
                hub.activity_done(at, &token, outcome),
                hub.batch_done(at, &token, BatchOutcome::Failed(failed)),
            ]
        });
        for taken in taken {
            assert_eq!(taken.unwrap(), Taken::Stale);
        }
    }

    /// Goes to the next time when something is due.
    pub fn advance(&mut self) -> bool {
        let Some(due) = self.hub().next_due().unwrap() else {
            return false;
        };
        self.now = self.now.max(due);
        while self.with(|hub, at| hub.fire_timers(at)).unwrap() > 0 {}
        true
    }

    pub fn history(&self, id: &str) -> Vec<HistoryEvent> {
        let events = self.hub().store().history(id).unwrap();
        events
            .into_iter()
            .map(|event| HistoryEvent::decode(event).unwrap())
            .collect()
    }

    pub fn status(&self, id: &str) -> Option<OrchestrationStatus> {
        let record = self.hub().instance(id).unwrap();
        record.map(|record| record.status)
    }

    pub fn output(&self, id: &str) -> Option<String> {
        self.hub().store().payloads(id).unwrap().output
    }
}

fn token(item: &WorkItem) -> Token {
    match item {
        WorkItem::Turn(it) => it.token.clone(),
        WorkItem::Activity(it) => it.token.clone(),
        WorkItem::EntityBatch(it) => it.token.clone(),
    }
}

fn answer(
    hub: &mut Hub<impl Store>,
    at: &mut Moment<'_>,
    programs: &[Program],
    item: WorkItem,
) -> Result<Taken, StoreError> {
    match item {
        WorkItem::Turn(turn) => {
            let response = program::run(programs, &turn.request());
            hub.turn_done(at, &turn.token, TurnOutcome::Answered(response))
        }
        WorkItem::Activity(activity) => {
            let outcome = if activity.task.name == "failure" {
                ActivityOutcome::Failed(None)
            } else {
                let input = activity.task.input.unwrap_or_default();
                ActivityOutcome::Completed(Some(program::activity(&input)))
            };
            hub.activity_done(at, &activity.token, outcome)
        }
        WorkItem::EntityBatch(batch) => {
            let result = count(&batch);
            hub.batch_done(at, &batch.token, BatchOutcome::Answered(result))
        }
    }
}

/// The counter: each operation adds one.
fn count(batch: &EntityBatch) -> EntityBatchResult {
    assert_eq!(batch.request.instance_id, COUNTER);
    let state = batch.request.entity_state.as_deref().unwrap_or("0");
    let before: u64 = state.parse().unwrap();
    let operations = batch.request.operations.len();
    EntityBatchResult {
        results: vec![
            OperationResult {
                result_type: Some(ResultType::Success(OperationResultSuccess::default())),
            };
            operations
        ],
        entity_state: Some((before + operations as u64).to_string()),
        ..EntityBatchResult::default()
    }
}
