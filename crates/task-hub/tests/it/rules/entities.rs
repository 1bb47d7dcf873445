//! Entities and locks.

use durable_protocol::messages::TaskFailureDetails;
use task_hub::options::Limits;
use task_hub::work::BatchOutcome;
use task_hub::{MemoryStore, Notice, Options, Store as _};

use super::{answer, kinds, notices, play, send, start, take, world};
use crate::world::World;

#[test]
fn a_lock_passes_through_its_entities_and_holds_others_back() {
    let mut world = world();
    let labelled = |parent: &str, id: &str, rest: &str| {
        format!(r#"{{"id":"{id}","parent":"{parent}","Timestamp":"2026-01-01T00:00:00Z"{rest}}}"#)
    };
    let lock = labelled(
        "a",
        "lock",
        r#","lockset":[{"name":"e","key":"1"},{"name":"e","key":"2"}]"#,
    );
    start(&mut world, "a");
    play(&mut world, vec![send(0, "@e@1", "op", Some(&lock))]);
    for id in ["@e@1", "@e@2"] {
        let entity = world.hub().store().entity(id).unwrap().unwrap();
        assert_eq!(entity.locked_by.as_deref(), Some("a"));
    }
    let granted = take(&mut world).unwrap();
    assert_eq!(kinds(&granted.request().new_events), ["begin", "event"]);

    // Another orchestration waits; the holder does not.
    start(&mut world, "b");
    let other = labelled("b", "other", r#","op":"x""#);
    let turn = take(&mut world).unwrap();
    answer(&mut world, &turn, vec![send(0, "@e@1", "op", Some(&other))]);
    let own = labelled("a", "own", r#","op":"y""#);
    answer(
        &mut world,
        &granted,
        vec![send(1, "@e@1", "op", Some(&own))],
    );
    world.commit();
    let now = world.now;
    let batch = world.with(|hub, _| hub.take_batch(now)).unwrap().unwrap();
    let operations = &batch.request.operations;
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].request_id, "own");
    let failed = BatchOutcome::Failed(TaskFailureDetails::default());
    world
        .with(|hub, at| hub.batch_done(at, &batch.token, failed))
        .unwrap();
    let release = r#"{"parent":"a","id":"lock"}"#;
    let turn = take(&mut world).unwrap();
    answer(
        &mut world,
        &turn,
        vec![send(2, "@e@1", "release", Some(release))],
    );
    world.commit();
    let batch = world.with(|hub, _| hub.take_batch(now)).unwrap().unwrap();
    assert_eq!(batch.request.operations[0].request_id, "other");
}

#[test]
fn an_unlabelled_call_to_an_entity_is_dropped_with_a_notice() {
    let mut world = world();
    start(&mut world, "a");
    let call = r#"{"op":"get","id":"1","parent":"a"}"#;
    play(&mut world, vec![send(0, "@e@k", "op", Some(call))]);
    let told = notices(&mut world);
    assert!(matches!(told[..], [Notice::EntityMessageUnlabelled { .. }]));
    let now = world.now;
    assert!(world.with(|hub, _| hub.take_batch(now)).unwrap().is_none());
}

#[test]
fn an_unlabelled_call_reaches_the_entity_when_the_options_say_so() {
    let options = Options {
        limits: Limits {
            unlabelled_entity_messages: true,
            ..Limits::azure_storage()
        },
        ..Options::default()
    };
    let mut world = World::with_options(MemoryStore::recoverable(), vec![vec![]], options);
    start(&mut world, "a");
    let call = r#"{"op":"get","id":"1","parent":"a"}"#;
    play(&mut world, vec![send(0, "@e@k", "op", Some(call))]);
    assert_eq!(notices(&mut world), []);
    let now = world.now;
    let batch = world.with(|hub, _| hub.take_batch(now)).unwrap().unwrap();
    assert_eq!(batch.request.operations[0].request_id, "1");
}
