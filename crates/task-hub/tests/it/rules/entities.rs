//! Entities and locks.

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CleanEntityStorageRequest, EntityBatchResult, EntityMessageType, EntityOperationSignaledEvent,
    OperationAction, OperationActionType, OperationResult, OrchestrationStatus,
    OrchestratorActionType, SendEntityMessageAction, SendSignalAction, TaskFailureDetails,
};
use task_hub::changes::EntityRecord;
use task_hub::options::Limits;
use task_hub::work::{BatchOutcome, EntityBatch, Taken};
use task_hub::{Notice, Options, Signal, Store as _};

use super::{action as action_of, answer, end, kinds, notices, play, send, start, take, world};
use crate::memory::Memory;
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
    let mut world = World::with_options(Memory, vec![vec![]], options);
    start(&mut world, "a");
    let call = r#"{"op":"get","id":"1","parent":"a"}"#;
    play(&mut world, vec![send(0, "@e@k", "op", Some(call))]);
    assert_eq!(notices(&mut world), []);
    let now = world.now;
    let batch = world.with(|hub, _| hub.take_batch(now)).unwrap().unwrap();
    assert_eq!(batch.request.operations[0].request_id, "1");
}

fn entity(world: &World, id: &str) -> Option<EntityRecord> {
    world.hub().store().entity(id).unwrap()
}

fn signal(world: &mut World, entity: &str, ahead: Option<i64>) {
    let scheduled = ahead.map(|seconds| Timestamp {
        seconds: world.now.seconds + seconds,
        ..world.now
    });
    let signal = Signal {
        entity: entity.into(),
        operation: "add".into(),
        scheduled,
        ..Signal::default()
    };
    world.with(|hub, at| hub.signal(at, signal)).unwrap();
}

fn finish_batch(world: &mut World, result: EntityBatchResult) -> EntityBatch {
    world.commit();
    let now = world.now;
    let batch = world.with(|hub, _| hub.take_batch(now)).unwrap().unwrap();
    let outcome = BatchOutcome::Answered(result);
    let taken = world.with(|hub, at| hub.batch_done(at, &batch.token, outcome));
    assert_eq!(taken, Ok(Taken::Yes));
    batch
}

#[test]
fn cleaning_removes_what_is_empty_and_releases_the_locks_of_what_has_ended() {
    let mut world = world();
    let lock = r#"{"id":"1","parent":"a","Timestamp":"2026-01-01T00:00:00Z","lockset":[{"name":"e","key":"locked"}]}"#;
    start(&mut world, "a");
    play(&mut world, vec![send(0, "@e@locked", "op", Some(lock))]);
    signal(&mut world, "@e@empty", None);
    finish_batch(&mut world, EntityBatchResult::default());
    signal(&mut world, "@e@state", None);
    let state = EntityBatchResult {
        entity_state: Some("1".into()),
        ..EntityBatchResult::default()
    };
    finish_batch(&mut world, state);
    signal(&mut world, "@e@later", None);
    finish_batch(&mut world, EntityBatchResult::default());
    signal(&mut world, "@e@later", Some(60));
    signal(&mut world, "@e@waiting", None);
    let request = CleanEntityStorageRequest {
        remove_empty_entities: true,
        release_orphaned_locks: true,
        ..CleanEntityStorageRequest::default()
    };
    let clean = |world: &mut World| {
        let cleaned = world.with(|hub, at| hub.clean_entities(at, &request, 100));
        let cleaned = cleaned.unwrap();
        assert_eq!(cleaned.continuation_token, None);
        (
            cleaned.empty_entities_removed,
            cleaned.orphaned_locks_released,
        )
    };
    assert_eq!(clean(&mut world), (1, 0));
    assert!(entity(&world, "@e@empty").is_none());
    play(&mut world, vec![end(1, OrchestrationStatus::Completed)]);
    assert_eq!(clean(&mut world), (1, 1));
    assert!(entity(&world, "@e@locked").is_none());
    for id in ["@e@state", "@e@later", "@e@waiting"] {
        assert!(entity(&world, id).is_some(), "{id}");
    }
    assert!(world.advance(), "the scheduled signal is still there");
}

#[test]
fn a_batch_of_an_entity_that_was_purged_does_not_bring_its_state_back() {
    let mut world = world();
    signal(&mut world, "@e@k", None);
    world.commit();
    let now = world.now;
    let batch = world.with(|hub, _| hub.take_batch(now)).unwrap().unwrap();
    world.with(|hub, at| hub.purge(at, "@e@k")).unwrap();
    let result = EntityBatchResult {
        entity_state: Some("1".into()),
        ..EntityBatchResult::default()
    };
    let outcome = BatchOutcome::Answered(result);
    let taken = world.with(|hub, at| hub.batch_done(at, &batch.token, outcome));
    assert_eq!(taken, Ok(Taken::Stale));
    assert!(entity(&world, "@e@k").is_none());
    // A new message is taken at once.
    signal(&mut world, "@e@k", None);
    let batch = finish_batch(&mut world, EntityBatchResult::default());
    assert_eq!(batch.request.entity_state, None);
}

#[test]
fn a_message_to_an_id_that_is_not_an_entity_reaches_no_instance() {
    let mut world = world();
    start(&mut world, "other");
    play(&mut world, vec![]);
    signal(&mut world, "@e@k", None);
    let action = OperationAction {
        operation_action_type: Some(OperationActionType::SendSignal(SendSignalAction {
            instance_id: "other".into(),
            name: "add".into(),
            ..SendSignalAction::default()
        })),
        ..OperationAction::default()
    };
    let result = EntityBatchResult {
        actions: vec![action],
        results: vec![OperationResult::default()],
        ..EntityBatchResult::default()
    };
    finish_batch(&mut world, result);
    let told = notices(&mut world);
    assert!(
        matches!(told[..], [Notice::EntitySignalUndelivered { .. }]),
        "{told:?}"
    );
    assert!(take(&mut world).is_none());
    // An orchestration that sends one is refused.
    start(&mut world, "a");
    let signal = EntityOperationSignaledEvent {
        target_instance_id: Some("other".into()),
        operation: "add".into(),
        ..EntityOperationSignaledEvent::default()
    };
    let signal = EntityMessageType::EntityOperationSignaled(Box::new(signal));
    let message = SendEntityMessageAction {
        entity_message_type: Some(signal),
    };
    let message = OrchestratorActionType::SendEntityMessage(Box::new(message));
    play(&mut world, vec![action_of(0, message)]);
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Failed));
    assert!(take(&mut world).is_none());
}

fn lock(parent: &str, rest: &str) -> String {
    format!(
        r#"{{"id":"{parent}","parent":"{parent}","Timestamp":"2026-01-01T00:00:00Z","lockset":[{{"name":"e","key":"k"}}]{rest}}}"#
    )
}

#[test]
fn a_lock_that_waits_for_an_orchestration_that_has_ended_passes_to_the_next() {
    let mut world = world();
    let ids = ["a", "b", "c"];
    for id in ids {
        start(&mut world, id);
    }
    for id in ids {
        play(&mut world, vec![send(0, "@e@k", "op", Some(&lock(id, "")))]);
    }
    let granted = take(&mut world).unwrap();
    assert_eq!(granted.instance, "a");
    world
        .with(|hub, at| hub.terminate(at, "b", Some("why".into())))
        .unwrap();
    play(&mut world, vec![end(1, OrchestrationStatus::Terminated)]);
    let release = r#"{"parent":"a","id":"a"}"#;
    answer(
        &mut world,
        &granted,
        vec![send(1, "@e@k", "release", Some(release))],
    );
    assert_eq!(
        notices(&mut world),
        [Notice::EntityLockDropped {
            entity: "@e@k".into(),
            sender: "b".into(),
        }]
    );
    let holder = entity(&world, "@e@k").unwrap().locked_by;
    assert_eq!(holder.as_deref(), Some("c"));
}

#[test]
fn a_place_in_a_lock_set_that_does_not_exist_is_its_end() {
    let mut world = world();
    start(&mut world, "a");
    let lock = lock("a", r#","pos":18446744073709551615"#);
    play(&mut world, vec![send(0, "@e@k", "op", Some(&lock))]);
    let granted = take(&mut world).unwrap();
    assert_eq!(kinds(&granted.request().new_events), ["begin", "event"]);
}
