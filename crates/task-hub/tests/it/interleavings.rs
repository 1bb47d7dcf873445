//! Random programs in random order, with crashes: the same results as a model without any of that.

use std::time::Duration;

use proptest::prelude::*;
use prost::bytes::Bytes;
use task_hub::{Kind, Options, Store as _};

use crate::memory::Memory;
use crate::program::{COUNTER, Expected, Op, Program, digest};
use crate::sqlite::Sqlite;
use crate::world::{Failing, World};

/// Something that a driver does, or that happens to it. The number chooses among what there is.
#[derive(Clone, Debug)]
enum Event {
    Start,
    Raise(usize),
    Commit,
    Crash,
    FailCommit,
    Take(u8),
    Complete(usize),
    Abandon(usize),
    OldToken(usize),
    Advance,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        2 => Just(Event::Start),
        2 => any::<usize>().prop_map(Event::Raise),
        6 => Just(Event::Commit),
        1 => Just(Event::Crash),
        1 => Just(Event::FailCommit),
        6 => (0_u8..3).prop_map(Event::Take),
        6 => any::<usize>().prop_map(Event::Complete),
        1 => any::<usize>().prop_map(Event::Abandon),
        1 => any::<usize>().prop_map(Event::OldToken),
        1 => Just(Event::Advance),
    ];
    prop::collection::vec(event, 0..120)
}

fn op(children: std::ops::Range<usize>) -> BoxedStrategy<Op> {
    let simple = prop_oneof![
        (1_u8..4).prop_map(Op::Activities),
        Just(Op::Failure),
        (0_u8..3).prop_map(Op::Timer),
        Just(Op::Event),
        Just(Op::Call),
    ];
    if children.is_empty() {
        simple.boxed()
    } else {
        prop_oneof![4 => simple, 1 => children.prop_map(Op::Child)].boxed()
    }
}

/// The first program may start the others, the second one the third.
fn programs() -> impl Strategy<Value = Vec<Program>> {
    let program = |children| prop::collection::vec(op(children), 0..4);
    (program(1..3), program(2..3), program(3..3))
        .prop_map(|(first, second, third)| vec![first, second, third])
}

/// The ids and inputs of the instances that clients start.
const ROOTS: [(&str, u8); 3] = [("a", 0), ("b", 2), ("c", 1)];

fn expected(programs: &[Program]) -> Expected {
    let mut expected = Expected::default();
    for (id, input) in ROOTS {
        expected.add(programs, 0, id, input);
    }
    expected
}

/// Starts what is not there, and raises the next event that an instance still needs.
fn start_missing(world: &mut World<impl Failing>) {
    for (id, input) in ROOTS {
        if world.status(id).is_none() {
            world.start(id, 0, input).unwrap();
            return;
        }
    }
}

fn raise_next(world: &mut World<impl Failing>, expected: &Expected, choice: usize) -> bool {
    let open: Vec<&String> = expected
        .events
        .iter()
        .filter(|(id, needed)| {
            let raising = world.raising.iter().filter(|it| it == id).count();
            let raised = world.raised.get(*id).copied().unwrap_or_default() + raising;
            raised < **needed && world.status(id).is_some()
        })
        .map(|(id, _)| id)
        .collect();
    if open.is_empty() {
        return false;
    }
    world.raise(open[choice % open.len()]);
    true
}

fn happen(world: &mut World<impl Failing>, expected: &Expected, event: &Event) {
    match event {
        Event::Start => start_missing(world),
        Event::Raise(choice) => {
            raise_next(world, expected, *choice);
        }
        Event::Commit => world.commit(),
        Event::Crash => world.crash(),
        Event::FailCommit => {
            world.fail_commit();
        }
        Event::Take(kind) => {
            let kinds = [Kind::Turn, Kind::Activity, Kind::Batch];
            world.take(kinds[usize::from(*kind)]);
        }
        Event::Complete(choice) if !world.held.is_empty() => {
            world.complete(choice % world.held.len());
        }
        Event::Abandon(choice) if !world.held.is_empty() => {
            world.abandon(choice % world.held.len());
        }
        Event::OldToken(choice) if !world.old.is_empty() => {
            world.answer_with_an_old_token(choice % world.old.len());
        }
        Event::Advance => {
            world.advance();
        }
        Event::Complete(_) | Event::Abandon(_) | Event::OldToken(_) => {}
    }
}

/// Works until all instances have ended. Events come one by one, each while work is under way if `early`.
fn finish(world: &mut World<impl Failing>, expected: &Expected, early: bool) {
    for _ in ROOTS {
        start_missing(world);
    }
    loop {
        world.commit();
        for kind in [Kind::Turn, Kind::Activity, Kind::Batch] {
            while world.take(kind) {}
        }
        let works = !world.held.is_empty();
        while !world.held.is_empty() {
            if early {
                raise_next(world, expected, world.held.len());
            }
            world.complete(0);
        }
        if !works && !world.advance() && !raise_next(world, expected, 0) {
            return;
        }
    }
}

fn assert_as_expected(world: &World<impl Failing>, expected: &Expected) {
    for (id, output) in &expected.outputs {
        assert_eq!(world.output(id).as_ref(), Some(output), "output of {id}");
        assert_eq!(
            digest(&world.history(id)),
            expected.histories[id],
            "history of {id}"
        );
    }
    let calls = world.hub().entity(COUNTER).unwrap();
    let state = calls.and_then(|it| it.serialized_state);
    assert_eq!(
        state.unwrap_or_else(|| "0".into()),
        expected.calls.to_string(),
        "the counter"
    );
    let waiting = world.hub().store().waiting().unwrap();
    assert_eq!(waiting.last_number, 0, "nothing is left: {waiting:?}");
}

/// Plays the events, then works until all is done. Returns the encoded histories.
fn play<T: Failing>(
    testbed: T,
    programs: Vec<Program>,
    events: &[Event],
    early: bool,
) -> Vec<Vec<Bytes>> {
    play_with(testbed, programs, events, early, Options::default())
}

fn play_with<T: Failing>(
    testbed: T,
    programs: Vec<Program>,
    events: &[Event],
    early: bool,
    options: Options,
) -> Vec<Vec<Bytes>> {
    let expected = expected(&programs);
    let mut world = World::with_options(testbed, programs, options);
    for event in events {
        happen(&mut world, &expected, event);
    }
    finish(&mut world, &expected, early);
    assert_as_expected(&world, &expected);
    let ids = expected.outputs.keys();
    ids.map(|id| world.hub().store().history(id).unwrap())
        .collect()
}

/// Works with a crash after each commit.
fn crash_after_each_commit(testbed: impl Failing, programs: Vec<Program>) {
    let expected = expected(&programs);
    let mut world = World::new(testbed, programs);
    for (id, input) in ROOTS {
        world.start(id, 0, input).unwrap();
    }
    loop {
        world.commit();
        world.crash();
        let took = [Kind::Turn, Kind::Activity, Kind::Batch]
            .into_iter()
            .any(|kind| world.take(kind));
        if took {
            world.complete(0);
        } else if !raise_next(&mut world, &expected, 0) && !world.advance() {
            break;
        }
    }
    assert_as_expected(&world, &expected);
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn crashes_and_any_order_lose_and_double_nothing(
        programs in programs(),
        events in events(),
        early: bool,
    ) {
        play(Memory, programs, &events, early);
    }

    #[test]
    fn the_same_inputs_give_the_same_bytes(
        programs in programs(),
        events in events(),
        early: bool,
    ) {
        let play = || play(Memory, programs.clone(), &events, early);
        prop_assert_eq!(play(), play());
    }

    #[test]
    fn work_that_two_workers_have_counts_once(
        programs in programs(),
        events in events(),
        early: bool,
    ) {
        // Time goes on by whole seconds, so leases end while workers have them.
        let options = Options {
            longest_lease: Some(Duration::from_secs(1)),
            ..Options::default()
        };
        play_with(Memory, programs, &events, early, options);
    }

    #[test]
    fn a_crash_after_each_commit_changes_no_result(programs in programs()) {
        crash_after_each_commit(Memory, programs);
    }
}

proptest! {
    // A case opens some files.
    #![proptest_config(config(64))]

    #[test]
    fn sqlite_and_memory_give_the_histories_of_the_model_and_the_same_bytes(
        programs in programs(),
        events in events(),
        early: bool,
    ) {
        let memory = play(Memory, programs.clone(), &events, early);
        let sqlite = play(Sqlite::new(), programs, &events, early);
        prop_assert_eq!(memory, sqlite);
    }
}

proptest! {
    // A case opens a file for each commit, and closes it, which waits for the disk.
    #![proptest_config(config(12))]

    #[test]
    fn a_crash_of_sqlite_after_each_commit_changes_no_result(programs in programs()) {
        crash_after_each_commit(Sqlite::new(), programs);
    }
}
