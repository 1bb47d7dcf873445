//! Our engine decides as durabletask's executor, Microsoft's own, does: random orchestrators are run by
//! both, turn by turn.
//!
//! Both engines run the same program on histories that differ only in the ids of actions. The test
//! compares the actions in order (kind, name, input, fire time, target), the custom status and the end
//! (output, whose failure and its text, carried-over events).
//!
//! Where durabletask answers differently, we follow .NET, the host, or our rule that no event is lost.
//! So the test does not compare:
//! - action ids and generated ids of children;
//! - an event that has arrived for the loser of a race;
//! - a retry timeout, for which durabletask reads the real clock;
//! - duplicates of a retried call's failure;
//! - actions of a turn that was suspended midway, and the clock while suspended;
//! - events after a late result in the turn of a continue-as-new that follows a failure;
//! - retries that are due in a turn after its end.
//!
//! `ORACLE_PROGRAMS` sets how many programs, `ORACLE_SEED` which ones.

mod compare;
mod environment;
pub(crate) mod history;
pub(crate) mod interpreter;
pub(crate) mod program;
pub(crate) mod python;
pub(crate) mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;

use durable_functions::worker::{OrchestratorFunction, execute};
use durable_protocol::messages::{
    EventType, OrchestrationStatus, OrchestratorRequest, OrchestratorResponse, TaskScheduledEvent,
    TimerCreatedEvent,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use prost::Message;

use compare::{is_non_determinism, normalised, without_retries_after_the_end};
use history::History;
use program::{Dialect, Program, programs};
use python::Python;
use world::{Choices, World, choices};

#[test]
fn random_orchestrators_decide_as_in_durabletask() {
    let number = |name: &str, default: u32| {
        std::env::var(name).map_or(default, |value| value.parse().expect(name))
    };
    let seed = number("ORACLE_SEED", 20_240_102);
    let cases = number("ORACLE_PROGRAMS", 2_000);
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let python = RefCell::new(Python::start());
    let seen = RefCell::new(Seen::default());
    let strategy = (programs(Dialect::Shared), choices());
    let outcome = TestRunner::new_with_rng(config, rng).run(&strategy, |(program, choices)| {
        compare_engines(
            &program,
            choices,
            &mut python.borrow_mut(),
            &mut seen.borrow_mut(),
        )
    });
    let seen = seen.into_inner();
    println!(
        "compared {} programs in {} turns (ORACLE_SEED={seed}): {:?}",
        seen.programs, seen.turns, seen.ends
    );
    if let Err(failure) = outcome {
        panic!("ORACLE_SEED={seed} ORACLE_PROGRAMS={cases}: {failure}");
    }
    // If the generator no longer reaches an end, the test says nothing about it.
    if cases >= 2_000 {
        for end in [
            "Completed",
            "Failed",
            "ContinuedAsNew",
            "Terminated",
            "non-determinism",
        ] {
            assert!(
                seen.ends.get(end).is_some_and(|&count| count >= 20),
                "{end}: {:?}",
                seen.ends
            );
        }
    }
}

#[derive(Default)]
struct Seen {
    programs: usize,
    turns: usize,
    ends: BTreeMap<String, usize>,
}

impl Seen {
    fn end(&mut self, end: String) {
        *self.ends.entry(end).or_default() += 1;
    }
}

fn compare_engines(
    program: &Program,
    choices: Choices,
    python: &mut Python,
    seen: &mut Seen,
) -> Result<(), TestCaseError> {
    seen.programs += 1;
    let function = interpreter::orchestrator(program);
    let mut world = World::new(Dialect::Shared, choices);
    let mut our_history = History::new(0, Vec::new());
    let mut their_history = our_history.clone();
    loop {
        let tampered = !world.is_suspended()
            && world.places() > 0
            && world.chance(2)
            && tamper(&mut world, &mut our_history, &mut their_history);
        let batch = world.next_batch();
        let our_request = our_history.request(&batch);
        let their_request = their_history.request(&batch);
        let ours = run(&function, &our_request);
        let theirs = python.turn(program, &their_request);
        let theirs = without_retries_after_the_end(theirs, &ours);
        seen.turns += 1;
        prop_assert_eq!(
            normalised(&ours),
            normalised(&theirs),
            "ours (left) and theirs (right) differ after {:#?}",
            batch
        );
        world.observe(&ours);
        let Some(end) = ours.actions.last().and_then(compare::end) else {
            prop_assert!(!tampered, "no engine noticed that the history was changed");
            our_history.store(our_request, &ours);
            their_history.store(their_request, &theirs);
            continue;
        };
        let status = OrchestrationStatus::try_from(end.orchestration_status).unwrap();
        let non_determinism = end.failure_details.as_ref().is_some_and(is_non_determinism);
        prop_assert_eq!(non_determinism, tampered);
        if tampered {
            seen.end("non-determinism".to_owned());
        } else {
            seen.end(format!("{status:?}"));
        }
        if status != OrchestrationStatus::ContinuedAsNew {
            return Ok(());
        }
        let next = our_history.generation() + 1;
        prop_assert_eq!(end.result.clone(), Some(next.to_string()));
        our_history = History::new(next, end.carryover_events.clone());
        their_history = our_history.clone();
        world.continue_as_new();
    }
}

/// Changes what the history says about one action, as if the code had been changed.
fn tamper(world: &mut World, ours: &mut History, theirs: &mut History) -> bool {
    let place = world.pick(world.places());
    let what = world.pick(3);
    for history in [ours, theirs] {
        let event = history.confirmation_mut(place);
        match (what, event.event_type.as_mut().unwrap()) {
            (0, EventType::TaskScheduled(task)) => task.name.push_str("-before"),
            (0, EventType::SubOrchestrationInstanceCreated(child)) => {
                child.name.push_str("-before")
            }
            (0, EventType::EventSent(sent)) => sent.name.push_str("-before"),
            (1, EventType::EventSent(sent)) => sent.instance_id.push_str("-before"),
            (2, _) => event.event_id = 9_000,
            (_, EventType::TimerCreated(_)) => {
                event.event_type = Some(EventType::TaskScheduled(Box::new(TaskScheduledEvent {
                    name: "echo".to_owned(),
                    ..Default::default()
                })));
            }
            _ => {
                let timer = TimerCreatedEvent { fire_at: None };
                event.event_type = Some(EventType::TimerCreated(timer));
            }
        }
    }
    true
}

fn run(function: &OrchestratorFunction, request: &OrchestratorRequest) -> OrchestratorResponse {
    let answer = execute(function, request.encode_to_vec()).unwrap();
    OrchestratorResponse::decode(answer.as_slice()).unwrap()
}
