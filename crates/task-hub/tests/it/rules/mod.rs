//! Rules of the hub, one by one.

mod clients;
mod entities;
mod offers;
mod rewind;
mod scale;

use std::time::Duration;

use durable_protocol::messages::{
    CompleteOrchestrationAction, CreateSubOrchestrationAction, CreateTimerAction, EventType,
    HistoryEvent, OrchestrationInstance, OrchestrationStatus, OrchestratorAction,
    OrchestratorActionType, OrchestratorResponse, ScheduleTaskAction, SendEventAction,
    TaskFailureDetails,
};
use task_hub::notice::Undelivered;
use task_hub::query::InstanceFilter;
use task_hub::work::{ActivityOutcome, Taken, Turn, TurnOutcome};
use task_hub::{MemoryStore, Notice, Options, Refusal, Store as _};

use crate::memory::Memory;
use crate::world::World;

fn world() -> World {
    World::new(Memory, vec![vec![]])
}

fn action(id: i32, kind: OrchestratorActionType) -> OrchestratorAction {
    OrchestratorAction {
        id,
        orchestrator_action_type: Some(kind),
    }
}

fn task(id: i32, name: &str) -> OrchestratorAction {
    let task = ScheduleTaskAction {
        name: name.into(),
        ..ScheduleTaskAction::default()
    };
    action(id, OrchestratorActionType::ScheduleTask(Box::new(task)))
}

fn timer(world: &World, id: i32, seconds: i64) -> OrchestratorAction {
    let mut fire_at: prost_types::Timestamp = world.now.into();
    fire_at.seconds += seconds;
    action(
        id,
        OrchestratorActionType::CreateTimer(CreateTimerAction {
            fire_at: Some(fire_at),
        }),
    )
}

fn child(id: i32, instance: &str) -> OrchestratorAction {
    let child = CreateSubOrchestrationAction {
        instance_id: instance.into(),
        name: "child".into(),
        ..CreateSubOrchestrationAction::default()
    };
    action(
        id,
        OrchestratorActionType::CreateSubOrchestration(Box::new(child)),
    )
}

fn send(id: i32, target: &str, name: &str, data: Option<&str>) -> OrchestratorAction {
    let event = SendEventAction {
        instance: Some(OrchestrationInstance {
            instance_id: target.into(),
            execution_id: None,
        }),
        name: name.into(),
        data: data.map(str::to_owned),
    };
    action(id, OrchestratorActionType::SendEvent(Box::new(event)))
}

fn end(id: i32, status: OrchestrationStatus) -> OrchestratorAction {
    let end = CompleteOrchestrationAction {
        orchestration_status: status.into(),
        result: Some("1".into()),
        failure_details: (status == OrchestrationStatus::Failed).then(|| TaskFailureDetails {
            error_type: "E".into(),
            error_message: "why".into(),
            ..TaskFailureDetails::default()
        }),
        ..CompleteOrchestrationAction::default()
    };
    action(
        id,
        OrchestratorActionType::CompleteOrchestration(Box::new(end)),
    )
}

fn start(world: &mut World, id: &str) {
    world.start(id, 0, 0).unwrap();
}

fn take(world: &mut World) -> Option<Turn> {
    world.commit();
    let now = world.now;
    world.with(|hub, _| hub.take_turn(now)).unwrap()
}

fn answer(world: &mut World, turn: &Turn, actions: Vec<OrchestratorAction>) -> Taken {
    let response = OrchestratorResponse {
        actions,
        ..OrchestratorResponse::default()
    };
    world
        .with(|hub, at| hub.turn_done(at, &turn.token, TurnOutcome::Answered(response)))
        .unwrap()
}

/// Takes the next turn and answers it.
fn play(world: &mut World, actions: Vec<OrchestratorAction>) -> Turn {
    let turn = take(world).expect("a turn");
    assert_eq!(answer(world, &turn, actions), Taken::Yes);
    turn
}

fn notices(world: &mut World) -> Vec<Notice> {
    world.with(|hub, _| hub.commit()).unwrap().notices
}

fn finish_activity(world: &mut World, outcome: ActivityOutcome) -> Taken {
    world.commit();
    let now = world.now;
    let activity = world
        .with(|hub, _| hub.take_activity(now))
        .unwrap()
        .unwrap();
    world
        .with(|hub, at| hub.activity_done(at, &activity.token, outcome))
        .unwrap()
}

fn kinds(events: &[HistoryEvent]) -> Vec<&'static str> {
    let kind = |event: &HistoryEvent| match event.event_type.as_ref().unwrap() {
        EventType::ExecutionStarted(_) => "start",
        EventType::OrchestratorStarted(_) => "begin",
        EventType::OrchestratorCompleted(_) => "end",
        EventType::EventRaised(_) => "event",
        EventType::GenericEvent(_) => "generic",
        EventType::TaskScheduled(_) => "scheduled",
        EventType::TaskCompleted(_) => "completed",
        EventType::TaskFailed(_) => "failed",
        EventType::TimerFired(_) => "fired",
        EventType::ExecutionCompleted(_) => "over",
        _ => "other",
    };
    events.iter().map(kind).collect()
}

#[test]
fn work_is_given_out_only_when_its_cause_is_committed() {
    let mut world = world();
    start(&mut world, "a");
    let now = world.now;
    assert!(world.with(|hub, _| hub.take_turn(now)).unwrap().is_none());
    assert!(take(&mut world).is_some());
    assert!(take(&mut world).is_none(), "one turn at a time");
}

#[test]
fn past_events_begin_with_the_bytes_of_the_turn_before() {
    let mut world = world();
    start(&mut world, "a");
    let first = play(&mut world, vec![task(0, "t")]);
    assert_eq!(kinds(&first.request().new_events), ["begin", "start"]);
    finish_activity(&mut world, ActivityOutcome::Completed(None));
    let second = play(&mut world, vec![]);
    assert_eq!(second.past[..2], first.new[..]);
    assert_eq!(
        kinds(&second.request().past_events),
        ["begin", "start", "scheduled", "end"]
    );
    assert_eq!(kinds(&second.request().new_events), ["begin", "completed"]);
}

#[test]
fn an_abandoned_turn_comes_again_after_a_delay_with_what_arrived_since() {
    let mut world = world();
    start(&mut world, "a");
    let turn = take(&mut world).unwrap();
    let taken = world
        .with(|hub, at| hub.turn_done(at, &turn.token, TurnOutcome::Abandoned))
        .unwrap();
    let Taken::Again(due) = taken else {
        panic!("{taken:?}");
    };
    world.raise("a");
    assert!(take(&mut world).is_none());
    assert_eq!(world.hub().next_due().unwrap(), Some(due));
    world.now = due;
    let again = take(&mut world).unwrap();
    assert_eq!(again.abandoned, 1);
    assert_eq!(
        kinds(&again.request().new_events),
        ["begin", "start", "event"]
    );
    assert_eq!(answer(&mut world, &turn, vec![]), Taken::Stale);
}

#[test]
fn work_of_a_worker_that_is_gone_is_given_out_again_when_its_time_limit_is_over() {
    let options = Options {
        longest_lease: Some(Duration::from_secs(10)),
        ..Options::default()
    };
    let mut world = World::with_options(Memory, vec![vec![]], options);
    start(&mut world, "a");
    let turn = take(&mut world).unwrap();
    world.now.seconds += 9;
    let now = world.now;
    assert!(world.with(|hub, _| hub.renew(now, &turn.token)));
    world.now.seconds += 9;
    assert!(take(&mut world).is_none());
    let due = world.hub().next_due().unwrap().unwrap();
    assert_eq!(due.seconds, world.now.seconds + 1);
    world.now = due;
    let again = take(&mut world).unwrap();
    assert_eq!((again.abandoned, &again.new[1..]), (1, &turn.new[1..]));
    assert!(!world.with(|hub, _| hub.renew(due, &turn.token)));
    let late = answer(&mut world, &turn, vec![task(0, "t")]);
    assert_eq!(late, Taken::Stale);
    assert_eq!(answer(&mut world, &again, vec![]), Taken::Yes);
    assert_eq!(world.hub().next_due().unwrap(), None);
}

#[test]
fn a_purged_instance_leaves_no_delay_to_the_next_one_under_its_id() {
    let mut world = world();
    let all = InstanceFilter::default();
    for _ in 0..3 {
        start(&mut world, "a");
        let turn = take(&mut world).unwrap();
        assert_eq!(turn.abandoned, 0);
        let taken = world
            .with(|hub, at| hub.turn_done(at, &turn.token, TurnOutcome::Abandoned))
            .unwrap();
        let Taken::Again(due) = taken else {
            panic!("{taken:?}");
        };
        world.with(|hub, at| hub.purge_all(at, &all, 10)).unwrap();
        world.now = due;
        assert!(take(&mut world).is_none());
        assert_eq!(world.hub().next_due().unwrap(), None);
    }
}

#[test]
fn a_continued_execution_begins_with_what_it_carries_over_only() {
    let mut world = world();
    start(&mut world, "a");
    let long = timer(&world, 0, 100);
    play(&mut world, vec![long]);
    world.raise("a");
    let turn = take(&mut world).unwrap();
    world.raise("a");
    let carried = turn.request().new_events[1].clone();
    let mut next = end(1, OrchestrationStatus::ContinuedAsNew);
    if let Some(OrchestratorActionType::CompleteOrchestration(end)) =
        &mut next.orchestrator_action_type
    {
        end.carryover_events = vec![carried];
    }
    answer(&mut world, &turn, vec![task(0, "late"), next]);
    assert_eq!(world.hub().next_due().unwrap(), None, "old timers are gone");
    let first = play(&mut world, vec![]);
    assert_ne!(first.execution, turn.execution);
    assert!(first.past.is_empty());
    assert_eq!(
        kinds(&first.request().new_events),
        ["begin", "start", "event", "end"]
    );
    // The result of an activity of the old execution is dropped.
    let taken = finish_activity(&mut world, ActivityOutcome::Completed(None));
    assert_eq!(taken, Taken::Void);
    let second = play(&mut world, vec![]);
    // Never two `OrchestratorCompleted` in a row.
    assert_eq!(
        kinds(&second.request().past_events),
        ["begin", "start", "event", "end"]
    );
    assert_eq!(kinds(&second.request().new_events), ["begin", "event"]);
}

#[test]
fn the_answer_to_a_turn_of_a_purged_instance_is_void() {
    let mut world = world();
    start(&mut world, "a");
    let turn = take(&mut world).unwrap();
    let all = InstanceFilter::default();
    let purged = world.with(|hub, at| hub.purge_all(at, &all, 10)).unwrap();
    assert_eq!(purged, 1);
    start(&mut world, "a");
    assert!(take(&mut world).is_none(), "the old turn is under way");
    assert_eq!(answer(&mut world, &turn, vec![task(0, "t")]), Taken::Void);
    let told = notices(&mut world);
    assert!(matches!(told[..], [Notice::TurnVoid { .. }]), "{told:?}");
    let new = take(&mut world).unwrap();
    assert_ne!(new.execution, turn.execution);
}

#[test]
fn an_answer_with_one_bad_action_has_no_effect_at_all() {
    let far = {
        let world = world();
        timer(&world, 1, 8 * 24 * 60 * 60)
    };
    let cases = [
        (far, Refusal::TimerTooFar),
        (
            child(1, ""),
            Refusal::ChildWithoutId {
                name: "child".into(),
            },
        ),
        (
            child(1, "@e@k"),
            Refusal::ChildWithEntityId { id: "@e@k".into() },
        ),
        (child(1, "a"), Refusal::ChildIdTaken { id: "a".into() }),
        (
            child(1, "other"),
            Refusal::ChildIdTaken { id: "other".into() },
        ),
        (
            end(1, OrchestrationStatus::Running),
            Refusal::NotAnEnd {
                status: "Running".into(),
            },
        ),
        (
            OrchestratorAction {
                id: 1,
                orchestrator_action_type: None,
            },
            Refusal::Unsupported("None"),
        ),
    ];
    for (bad, refusal) in cases {
        let mut world = world();
        start(&mut world, "a");
        start(&mut world, "other");
        play(&mut world, vec![task(0, "t"), bad]);
        assert_eq!(world.status("a"), Some(OrchestrationStatus::Failed));
        let told = notices(&mut world);
        let [Notice::OrchestrationRefused { refused, .. }] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(refused.refusal, refusal);
        let waiting = world.hub().store().waiting().unwrap();
        assert!(waiting.activities.is_empty());
        assert_eq!(
            kinds(&world.history("a")),
            ["begin", "start", "over", "end"]
        );
    }
}

#[test]
fn an_event_to_nobody_is_dropped_with_a_notice() {
    let mut world = world();
    start(&mut world, "a");
    play(&mut world, vec![send(0, "nobody", "e", None)]);
    assert_eq!(
        notices(&mut world),
        [Notice::EventUndelivered {
            sender: "a".into(),
            target: "nobody".into(),
            event: "e".into(),
            why: Undelivered::Unknown,
        }]
    );
}

#[test]
fn an_event_that_arrives_while_the_orchestration_ends_is_reported() {
    let mut world = world();
    start(&mut world, "a");
    let turn = take(&mut world).unwrap();
    world.raise("a");
    answer(
        &mut world,
        &turn,
        vec![end(0, OrchestrationStatus::Completed)],
    );
    assert_eq!(
        notices(&mut world),
        [Notice::EventUnread {
            instance: "a".into(),
            event: "go".into(),
        }]
    );
    assert_eq!(world.hub().store().waiting().unwrap().last_number, 0);
}

#[test]
fn a_turn_never_begins_before_the_one_before_or_before_its_timer() {
    let mut world = world();
    start(&mut world, "a");
    let wait = timer(&world, 0, 60);
    let first = play(&mut world, vec![wait]);
    assert!(world.advance());
    world.commit();
    // The clock is set back.
    world.now.seconds -= 3600;
    let second = take(&mut world).unwrap();
    assert_eq!(second.began.seconds, first.began.seconds + 60);
    assert_eq!(kinds(&second.request().new_events), ["begin", "fired"]);
}

#[test]
fn a_failed_commit_undoes_its_steps_and_the_hub_works_on() {
    let mut store = MemoryStore::recoverable();
    store.fail_next_commit();
    let mut world = World::over(Memory, store, vec![vec![]], Options::default());
    start(&mut world, "a");
    world.with(|hub, _| hub.commit()).unwrap_err();
    let mut ids = std::mem::take(&mut world.ids);
    world.with(|hub, _| hub.recover(&mut ids)).unwrap();
    world.ids = ids;
    assert_eq!(world.status("a"), None);
    start(&mut world, "a");
    play(&mut world, vec![end(0, OrchestrationStatus::Completed)]);
    world.commit();
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Completed));
}
