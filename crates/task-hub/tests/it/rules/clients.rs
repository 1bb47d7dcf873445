//! The operations of clients.

use durable_protocol::messages::{CreateInstanceRequest, EventType, OrchestrationStatus};
use task_hub::options::SOURCE_INSTANCE;
use task_hub::query::InstanceFilter;
use task_hub::{Error, Notice, Options, Signal, Store as _, Verb};

use super::{end, kinds, notices, play, start, take, world};
use crate::memory::Memory;
use crate::world::World;

#[test]
fn a_start_replaces_an_instance_that_has_ended_and_no_other() {
    let mut world = world();
    start(&mut world, "a");
    let again = world.start("a", 0, 0);
    assert_eq!(again, Err(Error::AlreadyExists("a".into())));
    play(&mut world, vec![end(0, OrchestrationStatus::Completed)]);
    start(&mut world, "a");
    let turn = take(&mut world).unwrap();
    assert!(turn.past.is_empty());
    assert_eq!(world.output("a"), None);
}

#[test]
fn an_entity_id_cannot_be_started() {
    let mut world = world();
    let refused = world.start("@e@k", 0, 0);
    assert_eq!(refused, Err(Error::EntityId("@e@k".into())));
}

#[test]
fn a_scheduled_start_waits_for_its_time_and_outlives_a_termination() {
    let mut world = world();
    let mut scheduled: prost_types::Timestamp = world.now.into();
    scheduled.seconds += 5;
    world
        .with(|hub, at| {
            hub.start(
                at,
                CreateInstanceRequest {
                    instance_id: "a".into(),
                    name: "n".into(),
                    scheduled_start_timestamp: Some(scheduled),
                    ..CreateInstanceRequest::default()
                },
            )
        })
        .unwrap();
    world.raise("a");
    assert!(take(&mut world).is_none(), "the event waits for the start");
    world
        .with(|hub, at| hub.terminate(at, "a", Some("why".into())))
        .unwrap();
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Terminated));
    let told = notices(&mut world);
    assert!(matches!(told[..], [Notice::TerminatedBeforeStart { .. }]));
    assert!(world.advance());
    let turn = play(&mut world, vec![]);
    assert_eq!(
        kinds(&turn.request().new_events),
        ["begin", "start", "event"]
    );
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Running));
}

#[test]
fn suspend_and_resume_set_status_and_output_with_the_turn() {
    let mut world = world();
    start(&mut world, "a");
    play(&mut world, vec![]);
    let early = world.with(|hub, at| hub.resume(at, "a", None));
    assert_eq!(
        early,
        Err(Error::WrongStatus {
            verb: Verb::Resume,
            id: "a".into(),
            status: OrchestrationStatus::Running,
        })
    );
    world
        .with(|hub, at| hub.suspend(at, "a", Some("why".into())))
        .unwrap();
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Running));
    play(&mut world, vec![]);
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Suspended));
    assert_eq!(world.output("a").as_deref(), Some("why"));
    world.with(|hub, at| hub.resume(at, "a", None)).unwrap();
    play(&mut world, vec![]);
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Running));
    assert_eq!(world.output("a"), None);
}

#[test]
fn a_running_instance_is_not_purged_by_its_id() {
    let mut world = world();
    start(&mut world, "a");
    let refused = world.with(|hub, at| hub.purge(at, "a"));
    assert!(matches!(refused, Err(Error::WrongStatus { .. })));
    play(&mut world, vec![end(0, OrchestrationStatus::Completed)]);
    world.with(|hub, at| hub.purge(at, "a")).unwrap();
    let gone = world.with(|hub, at| hub.purge(at, "a"));
    assert_eq!(gone, Err(Error::NotFound("a".into())));
}

#[test]
fn restart_runs_the_same_name_and_input_with_the_same_tags_again() {
    let mut world = world();
    world
        .with(|hub, at| {
            hub.start(
                at,
                CreateInstanceRequest {
                    instance_id: "a".into(),
                    name: "n".into(),
                    input: Some("7".into()),
                    tags: [("team".to_owned(), "blue".to_owned())].into(),
                    ..CreateInstanceRequest::default()
                },
            )
        })
        .unwrap();
    let running = world.with(|hub, at| hub.restart(at, "a", false));
    assert_eq!(running, Err(Error::AlreadyExists("a".into())));
    let new = world.with(|hub, at| hub.restart(at, "a", true)).unwrap();
    assert_eq!(new.len(), 32);
    let payloads = world.hub().store().payloads(&new).unwrap();
    assert_eq!(payloads.input.as_deref(), Some("7"));
    let tags = world
        .hub()
        .instance(&new)
        .unwrap()
        .unwrap()
        .start
        .tags
        .clone();
    assert_eq!(tags.get("team").map(String::as_str), Some("blue"));
}

#[test]
fn an_entity_is_purged_by_its_id_and_by_a_filter_without_statuses() {
    let mut world = world();
    let signal = |world: &mut World, key: &str| {
        let signal = Signal {
            entity: format!("@e@{key}"),
            operation: "add".into(),
            ..Signal::default()
        };
        world.with(|hub, at| hub.signal(at, signal)).unwrap();
    };
    for key in ["1", "2", "3"] {
        signal(&mut world, key);
    }
    start(&mut world, "a");
    world.with(|hub, at| hub.purge(at, "@e@1")).unwrap();
    let gone = world.with(|hub, at| hub.purge(at, "@e@1"));
    assert_eq!(gone, Err(Error::NotFound("@e@1".into())));
    let completed = InstanceFilter {
        statuses: vec![OrchestrationStatus::Completed],
        ..InstanceFilter::default()
    };
    let count = world.with(|hub, at| hub.purge_all(at, &completed, 10));
    assert_eq!(count, Ok(0));
    let all = InstanceFilter::default();
    for expected in [2, 1, 0] {
        let count = world.with(|hub, at| hub.purge_all(at, &all, 2));
        assert_eq!(count, Ok(expected));
    }
    assert_eq!(world.hub().store().waiting().unwrap().last_number, 0);
}

#[test]
fn a_restart_under_a_new_id_can_name_the_old_one_in_a_tag() {
    for tags_restarts in [false, true] {
        let options = Options {
            tags_restarts,
            ..Options::default()
        };
        let mut world = World::with_options(Memory, vec![vec![]], options);
        start(&mut world, "a");
        play(&mut world, vec![end(0, OrchestrationStatus::Completed)]);
        for new_id in [false, true] {
            world.with(|hub, at| hub.restart(at, "a", new_id)).unwrap();
            let turn = play(&mut world, vec![end(0, OrchestrationStatus::Completed)]);
            let Some(EventType::ExecutionStarted(start)) = &turn.request().new_events[1].event_type
            else {
                panic!("{turn:?}");
            };
            let source = start.tags.get(SOURCE_INSTANCE).map(String::as_str);
            assert_eq!(source, (new_id && tags_restarts).then_some("a"));
        }
    }
}
