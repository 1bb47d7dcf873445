//! Any operations and any answers in any order, with crashes. There is no model: what must hold is that nothing is
//! left undone, nothing happens twice, and each store says the same.

use std::collections::HashSet;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CleanEntityStorageRequest, CompleteOrchestrationAction, CreateInstanceRequest,
    CreateSubOrchestrationAction, CreateTimerAction, EntityBatchResult, EventType, HistoryEvent,
    OperationAction, OperationActionType, OperationResult, OrchestrationInstance,
    OrchestrationStatus, OrchestratorAction, OrchestratorActionType, OrchestratorResponse,
    ScheduleTaskAction, SendEventAction, SendSignalAction, StartNewOrchestrationAction,
};
use proptest::prelude::*;
use prost::Message as _;
use prost::bytes::Bytes;
use task_hub::instance::{InstanceRecord, Phase};
use task_hub::query::{EntityFilter, InstanceFilter, PageRequest};
use task_hub::work::{ActivityOutcome, BatchOutcome, TurnOutcome, WorkItem};
use task_hub::{Hub, Kind, Options, Signal, Store as _};

use crate::memory::Memory;
use crate::sqlite::Sqlite;
use crate::world::{Failing, World};

/// Clients and orchestrators share few ids, so that they meet.
const INSTANCES: [&str; 4] = ["a", "b", "c", "d"];
const ENTITIES: [&str; 2] = ["@e@1", "@e@2"];

#[derive(Clone, Debug)]
enum Event {
    Start(usize, Option<u8>),
    Raise(usize),
    Suspend(usize),
    Resume(usize),
    Terminate(usize),
    Rewind(usize),
    Restart(usize, bool),
    Purge(usize),
    PurgeAll,
    Signal(usize, Option<u8>),
    Clean,
    Commit,
    Crash,
    FailCommit,
    Take(u8),
    Answer(usize, Answer),
    Advance,
}

/// How a worker answers, whatever it has.
#[derive(Clone, Debug)]
enum Answer {
    Actions(Vec<Act>),
    Failed,
    Abandoned,
}

#[derive(Clone, Debug)]
enum Act {
    Task,
    Timer(u8),
    Child(usize),
    Send(usize),
    Signal(usize),
    Call(usize),
    Lock,
    Release(usize),
    End(OrchestrationStatus),
    /// Refused.
    Bad,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let instance = 0..INSTANCES.len();
    let entity = 0..ENTITIES.len();
    let end = prop::sample::select(vec![
        OrchestrationStatus::Completed,
        OrchestrationStatus::Failed,
        OrchestrationStatus::ContinuedAsNew,
        OrchestrationStatus::Terminated,
    ]);
    let act = prop_oneof![
        4 => Just(Act::Task),
        2 => (0_u8..4).prop_map(Act::Timer),
        2 => instance.clone().prop_map(Act::Child),
        1 => instance.prop_map(Act::Send),
        1 => entity.clone().prop_map(Act::Signal),
        2 => entity.clone().prop_map(Act::Call),
        2 => Just(Act::Lock),
        2 => entity.prop_map(Act::Release),
        2 => end.prop_map(Act::End),
        1 => Just(Act::Bad),
    ];
    prop::collection::vec(act, 0..4)
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let instance = 0..INSTANCES.len();
    let entity = 0..ENTITIES.len();
    let ahead = prop::option::weighted(0.2, 1_u8..4);
    let answer = prop_oneof![
        8 => acts().prop_map(Answer::Actions),
        1 => Just(Answer::Failed),
        1 => Just(Answer::Abandoned),
    ];
    let event = prop_oneof![
        3 => (instance.clone(), ahead.clone()).prop_map(|(id, ahead)| Event::Start(id, ahead)),
        2 => instance.clone().prop_map(Event::Raise),
        1 => instance.clone().prop_map(Event::Suspend),
        1 => instance.clone().prop_map(Event::Resume),
        1 => instance.clone().prop_map(Event::Terminate),
        2 => instance.clone().prop_map(Event::Rewind),
        1 => (instance.clone(), any::<bool>()).prop_map(|(id, new)| Event::Restart(id, new)),
        1 => instance.prop_map(Event::Purge),
        1 => Just(Event::PurgeAll),
        2 => (entity, ahead).prop_map(|(id, ahead)| Event::Signal(id, ahead)),
        1 => Just(Event::Clean),
        8 => Just(Event::Commit),
        1 => Just(Event::Crash),
        1 => Just(Event::FailCommit),
        10 => (0_u8..3).prop_map(Event::Take),
        10 => (any::<usize>(), answer).prop_map(|(place, answer)| Event::Answer(place, answer)),
        2 => Just(Event::Advance),
    ];
    prop::collection::vec(event, 0..150)
}

const KINDS: [Kind; 3] = [Kind::Turn, Kind::Activity, Kind::Batch];

struct Chaos<T: Failing> {
    world: World<T>,
    /// The ids of actions, so that each is used once.
    actions: i32,
}

impl<T: Failing> Chaos<T> {
    fn later(&self, seconds: u8) -> Timestamp {
        Timestamp {
            seconds: self.world.now.seconds + i64::from(seconds),
            ..self.world.now
        }
    }

    /// Operations may be refused.
    fn happen(&mut self, event: &Event) {
        let scheduled = |ahead: &Option<u8>| ahead.map(|seconds| self.later(seconds));
        match event {
            Event::Start(id, ahead) => {
                let request = CreateInstanceRequest {
                    instance_id: INSTANCES[*id].into(),
                    name: "n".into(),
                    scheduled_start_timestamp: scheduled(ahead).map(Into::into),
                    ..CreateInstanceRequest::default()
                };
                let _ = self.world.with(|hub, at| hub.start(at, request));
            }
            Event::Raise(id) => self.operate(|hub, at| {
                let _ = hub.raise(at, INSTANCES[*id], "e".into(), None);
            }),
            Event::Suspend(id) => self.operate(|hub, at| {
                let _ = hub.suspend(at, INSTANCES[*id], None);
            }),
            Event::Resume(id) => self.operate(|hub, at| {
                let _ = hub.resume(at, INSTANCES[*id], None);
            }),
            Event::Terminate(id) => self.operate(|hub, at| {
                let _ = hub.terminate(at, INSTANCES[*id], None);
            }),
            Event::Rewind(id) => self.operate(|hub, at| {
                let _ = hub.rewind(at, INSTANCES[*id], None);
            }),
            Event::Restart(id, new_id) => self.operate(|hub, at| {
                let _ = hub.restart(at, INSTANCES[*id], *new_id);
            }),
            Event::Purge(id) => self.operate(|hub, at| {
                let _ = hub.purge(at, INSTANCES[*id]);
            }),
            Event::PurgeAll => self.operate(|hub, at| {
                hub.purge_all(at, &InstanceFilter::default(), 2).unwrap();
            }),
            Event::Signal(id, ahead) => {
                let signal = Signal {
                    entity: ENTITIES[*id].into(),
                    operation: "o".into(),
                    request_id: "signal".into(),
                    scheduled: scheduled(ahead),
                    ..Signal::default()
                };
                self.operate(|hub, at| hub.signal(at, signal).unwrap());
            }
            Event::Clean => self.operate(|hub, at| {
                let request = CleanEntityStorageRequest {
                    remove_empty_entities: true,
                    release_orphaned_locks: true,
                    ..CleanEntityStorageRequest::default()
                };
                hub.clean_entities(at, &request, 10).unwrap();
            }),
            Event::Commit => self.world.commit(),
            Event::Crash => self.world.crash(),
            Event::FailCommit => self.world.fail_commit(),
            Event::Take(kind) => {
                self.world.take(KINDS[usize::from(*kind)]);
            }
            Event::Answer(place, answer) if !self.world.held.is_empty() => {
                let place = place % self.world.held.len();
                let item = self.world.held.remove(place);
                self.answer(item, answer);
            }
            Event::Answer(..) => {}
            Event::Advance => {
                self.world.advance();
            }
        }
    }

    fn operate(&mut self, run: impl FnOnce(&mut Hub<T::Store>, &mut task_hub::Moment<'_>)) {
        self.world.with(run);
    }

    fn answer(&mut self, item: WorkItem, answer: &Answer) {
        match item {
            WorkItem::Turn(turn) => {
                let outcome = match answer {
                    Answer::Actions(acts) => {
                        let actions = acts.iter().map(|act| self.action(&turn, act)).collect();
                        TurnOutcome::Answered(OrchestratorResponse {
                            actions,
                            ..OrchestratorResponse::default()
                        })
                    }
                    Answer::Failed => TurnOutcome::Failed("failed".into()),
                    Answer::Abandoned => TurnOutcome::Abandoned,
                };
                self.operate(|hub, at| {
                    hub.turn_done(at, &turn.token, outcome).unwrap();
                });
            }
            WorkItem::Activity(activity) => {
                let outcome = match answer {
                    Answer::Actions(_) => ActivityOutcome::Completed(Some("1".into())),
                    Answer::Failed => ActivityOutcome::Failed(None),
                    Answer::Abandoned => ActivityOutcome::Abandoned,
                };
                self.operate(|hub, at| {
                    hub.activity_done(at, &activity.token, outcome).unwrap();
                });
            }
            WorkItem::EntityBatch(batch) => {
                let operations = batch.request.operations.len();
                let outcome = match answer {
                    Answer::Actions(acts) => BatchOutcome::Answered(result(acts, operations)),
                    Answer::Failed => BatchOutcome::Failed(Default::default()),
                    Answer::Abandoned => BatchOutcome::Abandoned,
                };
                self.operate(|hub, at| {
                    hub.batch_done(at, &batch.token, outcome).unwrap();
                });
            }
        }
    }

    fn action(&mut self, turn: &task_hub::work::Turn, act: &Act) -> OrchestratorAction {
        self.actions += 1;
        let id = self.actions;
        let send = |target: &str, name: &str, data: Option<String>| {
            OrchestratorActionType::SendEvent(Box::new(SendEventAction {
                instance: Some(OrchestrationInstance {
                    instance_id: target.into(),
                    execution_id: None,
                }),
                name: name.into(),
                data,
            }))
        };
        let (parent, execution) = (&turn.instance, &turn.execution);
        let request = |rest: &str| {
            Some(format!(
                r#"{{"id":"{id}","parent":"{parent}","parentExecution":"{execution}","Timestamp":"2026-01-01T00:00:00Z"{rest}}}"#
            ))
        };
        let kind = match act {
            Act::Task => OrchestratorActionType::ScheduleTask(Box::new(ScheduleTaskAction {
                name: "t".into(),
                ..ScheduleTaskAction::default()
            })),
            Act::Timer(seconds) => OrchestratorActionType::CreateTimer(CreateTimerAction {
                fire_at: Some(self.later(*seconds).into()),
            }),
            Act::Child(child) => OrchestratorActionType::CreateSubOrchestration(Box::new(
                CreateSubOrchestrationAction {
                    instance_id: INSTANCES[*child].into(),
                    name: "n".into(),
                    ..CreateSubOrchestrationAction::default()
                },
            )),
            Act::Send(target) => send(INSTANCES[*target], "e", None),
            Act::Signal(entity) => send(
                ENTITIES[*entity],
                "op",
                request(r#","op":"o","signal":true"#),
            ),
            Act::Call(entity) => send(ENTITIES[*entity], "op", request(r#","op":"o""#)),
            Act::Lock => send(
                ENTITIES[0],
                "op",
                request(r#","lockset":[{"name":"e","key":"1"},{"name":"e","key":"2"}]"#),
            ),
            Act::Release(entity) => send(ENTITIES[*entity], "release", request("")),
            Act::End(status) => OrchestratorActionType::CompleteOrchestration(Box::new(
                CompleteOrchestrationAction {
                    orchestration_status: (*status).into(),
                    carryover_events: turn.request().new_events,
                    ..CompleteOrchestrationAction::default()
                },
            )),
            Act::Bad => OrchestratorActionType::CreateTimer(CreateTimerAction { fire_at: None }),
        };
        OrchestratorAction {
            id,
            orchestrator_action_type: Some(kind),
        }
    }

    /// Works until nothing is left, and does no more than that.
    fn finish(&mut self) {
        let idle = Answer::Actions(Vec::new());
        loop {
            self.world.commit();
            for kind in KINDS {
                while self.world.take(kind) {}
            }
            let works = !self.world.held.is_empty();
            while let Some(item) = self.world.held.pop() {
                self.answer(item, &idle);
            }
            if !works && !self.world.advance() {
                return;
            }
        }
    }

    fn records(&self) -> Vec<(InstanceRecord, Vec<Bytes>)> {
        let page = PageRequest {
            after: None,
            limit: usize::from(u16::MAX),
        };
        let store = self.world.hub().store();
        let rows = store.instances(&InstanceFilter::default(), &page).unwrap();
        let rows = rows.rows.into_iter();
        rows.map(|row| {
            let history = store.history(&row.id).unwrap();
            (row, history)
        })
        .collect()
    }

    /// Nothing waits but what cannot go on.
    fn assert_quiet(&mut self) {
        let store = self.world.hub().store();
        let waiting = store.waiting().unwrap();
        assert!(waiting.activities.is_empty(), "{waiting:?}");
        for target in waiting.targets {
            let locked_by = store.entity(&target).unwrap().and_then(|it| it.locked_by);
            assert!(locked_by.is_some(), "messages for '{target}' wait");
        }
        for (record, history) in self.records() {
            assert_ne!(record.phase, Phase::Scheduled, "{record:?}");
            assert_sound(&record, &history);
        }
        // A hub that finds all work in the store finds none.
        self.world.crash();
        for kind in KINDS {
            assert!(!self.world.take(kind), "{:?}", self.world.held);
        }
    }
}

fn result(acts: &[Act], operations: usize) -> EntityBatchResult {
    let mut result = EntityBatchResult::default();
    // Sometimes too few.
    let missing = acts.iter().filter(|act| matches!(act, Act::Bad)).count();
    result.results = vec![OperationResult::default(); operations.saturating_sub(missing)];
    result.entity_state = acts
        .iter()
        .any(|act| matches!(act, Act::Task))
        .then(|| "1".into());
    for act in acts {
        let action = match act {
            Act::Signal(entity) => OperationActionType::SendSignal(SendSignalAction {
                instance_id: ENTITIES[*entity].into(),
                name: "o".into(),
                ..SendSignalAction::default()
            }),
            Act::Child(instance) => {
                OperationActionType::StartNewOrchestration(StartNewOrchestrationAction {
                    instance_id: INSTANCES[*instance].into(),
                    name: "n".into(),
                    ..StartNewOrchestrationAction::default()
                })
            }
            _ => continue,
        };
        result.actions.push(OperationAction {
            operation_action_type: Some(action),
            ..OperationAction::default()
        });
    }
    result
}

/// Turns are whole, their times do not go back, and no activity or timer has two results.
fn assert_sound(record: &InstanceRecord, history: &[Bytes]) {
    assert_eq!(record.history, history.len() as u64, "{record:?}");
    let mut results = HashSet::new();
    let mut latest = 0;
    let mut is_open = false;
    for event in history {
        let event = HistoryEvent::decode(event.clone()).unwrap();
        let once = match event.event_type.as_ref().unwrap() {
            EventType::OrchestratorStarted(_) => {
                assert!(!is_open, "a turn in a turn of '{}'", record.id);
                is_open = true;
                let began = event.timestamp.unwrap().seconds;
                assert!(began >= latest, "time goes back in '{}'", record.id);
                latest = began;
                continue;
            }
            EventType::OrchestratorCompleted(_) => {
                is_open = false;
                continue;
            }
            EventType::TaskCompleted(it) => Some(it.task_scheduled_id),
            EventType::TaskFailed(it) => Some(it.task_scheduled_id),
            EventType::TimerFired(it) => Some(it.timer_id),
            // A sub-orchestration that is rewound by itself answers again.
            _ => None,
        };
        if let Some(id) = once {
            assert!(results.insert(id), "two results of {id} in '{}'", record.id);
        }
    }
    assert!(!is_open, "the last turn of '{}' is open", record.id);
}

type Outcome = (
    Vec<(InstanceRecord, Vec<Bytes>)>,
    Vec<task_hub::changes::EntityRecord>,
);

fn play<T: Failing>(testbed: T, events: &[Event], options: Options) -> Outcome {
    let mut chaos = Chaos {
        world: World::with_options(testbed, Vec::new(), options),
        actions: 0,
    };
    for event in events {
        chaos.happen(event);
    }
    chaos.finish();
    chaos.assert_quiet();
    let all = EntityFilter {
        transient: true,
        ..EntityFilter::default()
    };
    let page = PageRequest {
        after: None,
        limit: 100,
    };
    let entities = chaos.world.hub().store().entities(&all, &page).unwrap();
    (chaos.records(), entities.rows)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(384))]

    #[test]
    fn nothing_is_left_undone_and_nothing_happens_twice(
        events in events(),
        lease in prop::option::weighted(0.3, Just(std::time::Duration::from_secs(1))),
    ) {
        let options = Options { longest_lease: lease, ..Options::default() };
        play(Memory, &events, options);
    }
}

proptest! {
    // A case opens some files.
    #![proptest_config(config(48))]

    #[test]
    fn memory_and_sqlite_say_the_same(events in events()) {
        let memory = play(Memory, &events, Options::default());
        let sqlite = play(Sqlite::new(), &events, Options::default());
        prop_assert_eq!(memory, sqlite);
    }
}
