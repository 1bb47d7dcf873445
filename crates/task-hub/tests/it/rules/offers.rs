//! Work that is offered to workers which do not have every function.

use durable_protocol::messages::CreateInstanceRequest;
use task_hub::work::WorkItem;
use task_hub::{Kind, Signal};

use super::{play, task, world};
use crate::world::World;

fn start(world: &mut World, id: &str, name: &str) {
    let request = CreateInstanceRequest {
        instance_id: id.into(),
        name: name.into(),
        version: Some("2".into()),
        ..CreateInstanceRequest::default()
    };
    world.with(|hub, at| hub.start(at, request)).unwrap();
}

/// Takes the work of one function; returns the instance.
fn take(world: &mut World, kind: Kind, name: &str) -> Option<String> {
    world.commit();
    let now = world.now;
    let item = world
        .with(|hub, _| hub.take_if(now, kind, &mut |needed| needed.name == name))
        .unwrap()?;
    Some(match item {
        WorkItem::Turn(turn) => turn.instance,
        WorkItem::Activity(activity) => activity.task.instance,
        WorkItem::EntityBatch(batch) => batch.request.instance_id,
    })
}

#[test]
fn work_that_nobody_accepts_waits_in_its_order_and_holds_nothing_else_back() {
    let mut world = world();
    for (id, name) in [("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")] {
        start(&mut world, id, name);
    }
    assert_eq!(take(&mut world, Kind::Turn, "none"), None);
    assert_eq!(take(&mut world, Kind::Turn, "b").as_deref(), Some("b1"));
    start(&mut world, "b3", "b");
    let mut rest = Vec::new();
    while let Some(id) = take(&mut world, Kind::Turn, "b") {
        rest.push(id);
    }
    assert_eq!(rest, ["b2", "b3"]);
    // Everybody gets what waits, the oldest first.
    let now = world.now;
    let mut others = Vec::new();
    while let Some(turn) = world.with(|hub, _| hub.take_turn(now)).unwrap() {
        others.push(turn.instance);
    }
    assert_eq!(others, ["a1", "a2"]);
}

#[test]
fn messages_for_an_instance_that_waits_come_in_its_one_turn() {
    let mut world = world();
    start(&mut world, "a", "a");
    assert_eq!(take(&mut world, Kind::Turn, "none"), None);
    world.raise("a");
    world.commit();
    let now = world.now;
    let turn = world.with(|hub, _| hub.take_turn(now)).unwrap().unwrap();
    assert_eq!(turn.new.len(), 3);
    assert_eq!(take(&mut world, Kind::Turn, "a"), None);
}

#[test]
fn an_instance_that_is_purged_or_started_anew_while_it_waits_is_offered_as_what_it_is() {
    let mut world = world();
    start(&mut world, "x", "a");
    start(&mut world, "y", "a");
    assert_eq!(take(&mut world, Kind::Turn, "none"), None);
    let all = task_hub::query::InstanceFilter::default();
    world.with(|hub, at| hub.purge_all(at, &all, 10)).unwrap();
    start(&mut world, "y", "b");
    assert_eq!(take(&mut world, Kind::Turn, "a"), None);
    assert_eq!(take(&mut world, Kind::Turn, "b").as_deref(), Some("y"));
}

#[test]
fn activities_are_offered_by_name_and_batches_by_the_name_in_the_id_of_the_entity() {
    let mut world = world();
    start(&mut world, "i", "a");
    play(&mut world, vec![task(0, "first"), task(1, "second")]);
    assert_eq!(
        take(&mut world, Kind::Activity, "second").as_deref(),
        Some("i")
    );
    assert_eq!(take(&mut world, Kind::Activity, "second"), None);
    assert_eq!(
        take(&mut world, Kind::Activity, "first").as_deref(),
        Some("i")
    );
    let signal = Signal {
        entity: "@Counter@k".into(),
        operation: "add".into(),
        ..Signal::default()
    };
    world.with(|hub, at| hub.signal(at, signal)).unwrap();
    assert_eq!(take(&mut world, Kind::Batch, "other"), None);
    assert_eq!(
        take(&mut world, Kind::Batch, "counter").as_deref(),
        Some("@Counter@k")
    );
}
