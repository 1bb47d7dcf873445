//! What large numbers cost: each message is read a few times, not once for each other message.

use std::cell::Cell;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CreateInstanceRequest, EntityBatchResult, OrchestrationStatus, OrchestratorAction,
    OrchestratorResponse,
};
use prost::bytes::Bytes;
use task_hub::changes::{Activity, Changes, EntityRecord, Message, Timer};
use task_hub::instance::{InstanceRecord, Payloads};
use task_hub::query::{EntityFilter, InstanceFilter, Page, PageRequest};
use task_hub::store::Waiting;
use task_hub::work::{ActivityOutcome, BatchOutcome, Turn, TurnOutcome};
use task_hub::{Hub, MemoryStore, Moment, Options, Signal, Store, StoreError};

use super::{child, end, send, task};
use crate::world::Counter;

const MANY: usize = 3_000;

/// Counts the messages that are read.
struct Counting {
    store: MemoryStore,
    messages: Cell<usize>,
}

impl Store for Counting {
    fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, StoreError> {
        self.store.instance(id)
    }

    fn payloads(&self, id: &str) -> Result<Payloads, StoreError> {
        self.store.payloads(id)
    }

    fn history(&self, id: &str) -> Result<Vec<Bytes>, StoreError> {
        self.store.history(id)
    }

    fn inbox(&self, target: &str) -> Result<Vec<Message>, StoreError> {
        let inbox = self.store.inbox(target)?;
        self.messages.set(self.messages.get() + inbox.len());
        Ok(inbox)
    }

    fn activity(&self, number: u64) -> Result<Option<Activity>, StoreError> {
        self.store.activity(number)
    }

    fn entity(&self, id: &str) -> Result<Option<EntityRecord>, StoreError> {
        self.store.entity(id)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.next_due()
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Timer>, StoreError> {
        self.store.due(now, limit)
    }

    fn instances(
        &self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Result<Page<InstanceRecord>, StoreError> {
        self.store.instances(filter, page)
    }

    fn entities(
        &self,
        filter: &EntityFilter,
        page: &PageRequest,
    ) -> Result<Page<EntityRecord>, StoreError> {
        self.store.entities(filter, page)
    }

    fn waiting(&self) -> Result<Waiting, StoreError> {
        self.store.waiting()
    }

    fn apply(&mut self, changes: Changes) -> Result<(), StoreError> {
        self.store.apply(changes)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit()
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        self.store.rollback()
    }
}

struct Large {
    hub: Hub<Counting>,
    ids: Counter,
    now: Timestamp,
}

impl Large {
    fn new() -> Self {
        let store = Counting {
            store: MemoryStore::new(),
            messages: Cell::new(0),
        };
        let mut ids = Counter::default();
        Self {
            hub: Hub::open(store, Options::default(), &mut ids).unwrap(),
            ids,
            now: Timestamp {
                seconds: 1_800_000_000,
                nanos: 0,
            },
        }
    }

    fn with<T>(&mut self, run: impl FnOnce(&mut Hub<Counting>, &mut Moment<'_>) -> T) -> T {
        let mut at = Moment::new(self.now, &mut self.ids);
        let result = run(&mut self.hub, &mut at);
        self.hub.commit().unwrap();
        result
    }

    fn start(&mut self, id: &str) {
        let request = CreateInstanceRequest {
            instance_id: id.into(),
            name: "n".into(),
            ..CreateInstanceRequest::default()
        };
        self.with(|hub, at| hub.start(at, request)).unwrap();
    }

    fn turn(&mut self, actions: Vec<OrchestratorAction>) -> Turn {
        let turn = self.with(|hub, at| hub.take_turn(at.now)).unwrap().unwrap();
        let response = OrchestratorResponse {
            actions,
            ..OrchestratorResponse::default()
        };
        self.with(|hub, at| hub.turn_done(at, &turn.token, TurnOutcome::Answered(response)))
            .unwrap();
        turn
    }

    fn batch(&mut self) -> Option<usize> {
        let batch = self.with(|hub, at| hub.take_batch(at.now)).unwrap()?;
        let count = batch.request.operations.len();
        let result = EntityBatchResult::default();
        self.with(|hub, at| hub.batch_done(at, &batch.token, BatchOutcome::Answered(result)))
            .unwrap();
        Some(count)
    }

    /// The messages that were read since the last call, for each of `MANY`.
    fn read(&mut self) -> usize {
        self.hub.store().messages.take() / MANY
    }
}

fn labelled(parent: &str, id: usize, rest: &str) -> String {
    format!(r#"{{"id":"{id}","parent":"{parent}","Timestamp":"2026-01-01T00:00:00Z"{rest}}}"#)
}

#[test]
fn events_for_one_instance_are_read_once_for_its_turn() {
    let mut large = Large::new();
    large.start("a");
    large.turn(vec![]);
    large.read();
    for _ in 0..MANY {
        large
            .with(|hub, at| hub.raise(at, "a", "e".into(), None))
            .unwrap();
    }
    let turn = large.turn(vec![]);
    assert_eq!(turn.new.len(), MANY + 1);
    assert_eq!(large.read(), 1);
}

#[test]
fn signals_for_one_entity_are_not_read_for_each_other() {
    let mut large = Large::new();
    for _ in 0..MANY {
        let signal = Signal {
            entity: "@e@k".into(),
            operation: "add".into(),
            ..Signal::default()
        };
        large.with(|hub, at| hub.signal(at, signal)).unwrap();
    }
    let signals = (0..MANY).map(|id| {
        let id = i32::try_from(id).unwrap();
        let data = labelled("a", 1, r#","op":"add","signal":true"#);
        send(id, "@e@k", "op", Some(&data))
    });
    large.start("a");
    large.turn(signals.collect());
    let mut sizes = Vec::new();
    while let Some(size) = large.batch() {
        sizes.push(size);
    }
    assert_eq!(sizes, [5_000, 1_000]);
    // Twice for each batch: when it is taken, and when it is over.
    assert_eq!(large.read(), 2 * (6_000 + 1_000) / MANY);
}

#[test]
fn locks_that_wait_are_not_read_for_each_other() {
    let mut large = Large::new();
    large.start("holder");
    let set = r#","lockset":[{"name":"e","key":"k"}]"#;
    let lock = |parent: &str, id: usize| send(0, "@e@k", "op", Some(&labelled(parent, id, set)));
    large.turn(vec![lock("holder", 1)]);
    for id in 0..MANY {
        let parent = format!("a{id}");
        large.start(&parent);
        let turn = large.turn(vec![lock(&parent, id)]);
        if turn.instance == "holder" {
            large.turn(vec![lock(&parent, id)]);
        }
    }
    assert!(large.read() < 10);
}

#[test]
fn sub_orchestrations_that_run_again_do_not_read_the_messages_of_each_other() {
    let mut large = Large::new();
    let children = || {
        let ids = 0..i32::try_from(MANY).unwrap();
        ids.map(|id| child(id, &format!("c{id}"))).collect()
    };
    large.start("a");
    large.turn(children());
    for _ in 0..MANY {
        large.turn(vec![end(0, OrchestrationStatus::Completed)]);
    }
    let all = large.turn(children());
    assert_eq!(all.new.len(), MANY + 1);
    assert!(large.read() < 10);
    assert_eq!(large.turn(vec![]).new.len(), 2);
}

#[test]
fn a_fan_out_is_one_step_and_its_results_one_turn() {
    let mut large = Large::new();
    large.start("a");
    let ids = 0..i32::try_from(MANY).unwrap();
    large.turn(ids.map(|id| task(id, "t")).collect());
    while let Some(activity) = large.with(|hub, at| hub.take_activity(at.now)).unwrap() {
        let outcome = ActivityOutcome::Completed(None);
        large
            .with(|hub, at| hub.activity_done(at, &activity.token, outcome))
            .unwrap();
    }
    let turn = large.turn(vec![end(-1, OrchestrationStatus::Completed)]);
    assert_eq!(turn.new.len(), MANY + 1);
    assert!(large.read() < 10);
}

#[test]
fn a_lock_of_many_entities_and_deeply_nested_failures_need_no_deep_stack() {
    let deep = || {
        let mut large = Large::new();
        large.start("a");
        let entities: Vec<_> = (0..2_000)
            .map(|key| format!(r#"{{"name":"e","key":"{key}"}}"#))
            .collect();
        let set = format!(r#","lockset":[{}]"#, entities.join(","));
        let lock = send(0, "@e@0", "op", Some(&labelled("a", 1, &set)));
        large.turn(vec![lock]);
        // Each turn is that of the newest sub-orchestration.
        large.turn(vec![child(1, "c0")]);
        for depth in 1..2_000 {
            large.turn(vec![child(1, &format!("c{depth}"))]);
        }
        for _ in 0..=2_000 {
            large.turn(vec![end(2, OrchestrationStatus::Failed)]);
        }
        large.with(|hub, at| hub.rewind(at, "a", None)).unwrap();
        assert_eq!(large.turn(vec![]).instance, "c1999");
    };
    let small = std::thread::Builder::new().stack_size(128 * 1024);
    small.spawn(deep).unwrap().join().unwrap();
}
