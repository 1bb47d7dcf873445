//! Random programs under random faults, and with a crash after any commit: the same results as without, and no
//! outcome is lost or counts twice.

use std::collections::BTreeMap;
use std::time::Duration;

use durable_functions::testing::{Faults, TestHub};
use durable_functions::{
    Activity, ActivityContext, EntityFunction, Event, Failure, History, OrchestrationContext,
    Orchestrator, Result, RuntimeStatus,
};
use durable_protocol::messages::EventType;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::oracle::interpreter::{self, ADD, COUNTER};
use crate::oracle::program::{
    ACTIVITIES, CHILDREN, Dialect, EVENTS, Op, Program, RETRIED_ACTIVITY, RETRIED_CHILD, Step,
    programs,
};

const PROGRAM: Orchestrator<u64, Value> = Orchestrator::new("program");
/// The instances of a run. They share entities.
const IDS: [&str; 2] = ["one", "two"];
/// More external events than any program waits for: a run that needs more hangs.
const MOST_EVENTS: usize = 400;

/// Whether a call with this input fails, at every attempt: what a function does must not depend on how often it
/// ran.
fn fails(name: &str, input: &Value) -> bool {
    let sum: u32 = input.to_string().bytes().map(u32::from).sum();
    (name == RETRIED_ACTIVITY || name == RETRIED_CHILD || name == ACTIVITIES[1])
        && sum.is_multiple_of(3)
}

fn outcome(name: &str, input: Value) -> Result<Value> {
    if fails(name, &input) {
        return Err(Failure::new("Broken", "no luck").into());
    }
    Ok(input)
}

/// Changes two entities under a lock, and calls a child of its own.
async fn grandchild(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let (a, b) = (COUNTER.id("a"), COUNTER.id("b"));
    let lock = ctx.lock([&a, &b]).await?;
    ctx.call_entity(&a, ADD, 1).await?;
    ctx.call_entity(&b, ADD, -1).await?;
    lock.release();
    ctx.sleep(Duration::from_secs(5)).await;
    let child = Orchestrator::<Value, Value>::new(CHILDREN[0]);
    Ok(ctx.call_orchestrator(child, input).await?)
}

fn hub(program: &Program) -> TestHub {
    // A property compares many runs by itself.
    let mut hub = TestHub::new()
        .with_runs_per_turn(2)
        .entity(
            EntityFunction::new(COUNTER).on(ADD, async |_, sum: &mut i64, amount| {
                *sum += amount;
                Ok(())
            }),
        )
        .orchestrator(Orchestrator::new(CHILDREN[1]), grandchild);
    hub.add_orchestrator(interpreter::orchestrator(program));
    for name in [CHILDREN[0], RETRIED_CHILD] {
        hub = hub.orchestrator(
            Orchestrator::new(name),
            move |ctx: OrchestrationContext, input: Value| async move {
                let echo = Activity::<Value, Value>::new(ACTIVITIES[0]);
                let input = ctx.call(echo, input).await?;
                outcome(name, input)
            },
        );
    }
    for name in [ACTIVITIES[0], ACTIVITIES[1], RETRIED_ACTIVITY] {
        hub = hub.activity(
            Activity::new(name),
            move |_: ActivityContext, input: Value| async move { outcome(name, input) },
        );
    }
    hub
}

/// Runs until all instances have ended, and raises what they wait for.
async fn play(hub: &mut TestHub) {
    for id in IDS {
        hub.start(PROGRAM, &0).with_id(id).await.unwrap();
    }
    for number in 0..MOST_EVENTS {
        hub.run_until_idle().await.unwrap();
        let name = EVENTS[number % EVENTS.len()];
        let event = Event::<Value>::new(name);
        let mut has_ended = true;
        for id in IDS {
            let status = hub.status(id).unwrap().unwrap();
            if !status.runtime_status.is_terminal() {
                hub.raise(id, event, &json!(name)).unwrap();
                has_ended = false;
            }
        }
        if has_ended {
            return;
        }
    }
    panic!("it hangs: {}", hub.report());
}

/// Everything that a client can see in the end, but for times and ids.
fn results(hub: &TestHub) -> Vec<(RuntimeStatus, Option<String>, Option<String>)> {
    let result = |id| {
        let status = hub.status(id).unwrap().unwrap();
        (status.runtime_status, status.output, status.custom_status)
    };
    IDS.map(result).to_vec()
}

fn sums(hub: &TestHub) -> [Option<i64>; 2] {
    ["a", "b"].map(|key| hub.entity_state(COUNTER, key).unwrap())
}

/// What the history of an instance says was asked for, with how often. The order and the ids depend on what ended
/// first, also in programs whose output does not.
fn asked_for(hub: &TestHub, id: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in hub.history(id).unwrap().events() {
        let what = match event.event_type.as_ref().unwrap() {
            EventType::TaskScheduled(it) => it.name.clone(),
            EventType::SubOrchestrationInstanceCreated(it) => it.name.clone(),
            EventType::EventSent(it) => format!("{} to {}", it.name, it.instance_id),
            EventType::TimerCreated(_) => "timer".to_owned(),
            _ => continue,
        };
        *counts.entry(what).or_default() += 1;
    }
    counts
}

/// What must hold of every history: each outcome is of an action that was asked for before, and there is one.
fn check_history(history: &History) -> Result<(), TestCaseError> {
    let mut open = Vec::new();
    for event in history.events() {
        let ended = match event.event_type.as_ref().unwrap() {
            EventType::TaskScheduled(_)
            | EventType::SubOrchestrationInstanceCreated(_)
            | EventType::TimerCreated(_) => {
                open.push(event.event_id);
                continue;
            }
            EventType::TaskCompleted(it) => it.task_scheduled_id,
            EventType::TaskFailed(it) => it.task_scheduled_id,
            EventType::SubOrchestrationInstanceCompleted(it) => it.task_scheduled_id,
            EventType::SubOrchestrationInstanceFailed(it) => it.task_scheduled_id,
            EventType::TimerFired(it) => it.timer_id,
            _ => continue,
        };
        let place = open.iter().position(|id| *id == ended);
        prop_assert!(place.is_some(), "#{ended} ends twice or was not asked for");
        open.remove(place.unwrap());
    }
    Ok(())
}

/// Checks a run with faults against the calm one.
fn compare(program: &Program, calm: &TestHub, hub: &TestHub) -> Result<(), TestCaseError> {
    for id in hub.instance_ids().unwrap() {
        let status = hub.status(&id).unwrap().unwrap();
        check_history(&hub.history(&id).unwrap())?;
        if status.runtime_status == RuntimeStatus::Failed {
            let output = status.output.unwrap_or_default();
            let known = ["Stopped: ", "Broken: "];
            prop_assert!(known.iter().any(|it| output.starts_with(it)), "{output}");
        }
    }
    if !is_comparable(program) {
        return Ok(());
    }
    prop_assert_eq!(results(hub), results(calm), "{}", hub.report());
    prop_assert_eq!(sums(hub), sums(calm), "{}", hub.report());
    if !starts_without_waiting(&program.steps) {
        for id in IDS {
            prop_assert_eq!(asked_for(hub, id), asked_for(calm, id), "{}", hub.report());
        }
    }
    Ok(())
}

/// Whether order and time cannot change the output. Of several failures the first counts, so there may be one
/// kind only.
fn is_comparable(program: &Program) -> bool {
    fn op(it: &Op) -> bool {
        fn failing<'a>(it: &'a Op, names: &mut Vec<&'a str>) {
            match it {
                Op::Call { name, input, .. } | Op::Child { name, input, .. }
                    if fails(name, input) && !names.contains(name) =>
                {
                    names.push(name);
                }
                Op::All { of } => of.iter().for_each(|op| failing(op, names)),
                _ => {}
            }
        }
        let mut names = Vec::new();
        failing(it, &mut names);
        names.len() <= 1
    }
    fn steps(of: &[Step]) -> bool {
        of.iter().all(|step| match step {
            Step::Await { op: it } | Step::Try { op: it } | Step::Start { op: it } => op(it),
            Step::If { odd, even } => steps(odd) && steps(even),
            Step::Repeat { body, .. } => steps(body),
            _ => true,
        })
    }
    program.is_indifferent() && steps(&program.steps)
}

/// Whether something may be under way when the program ends.
fn starts_without_waiting(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Start { .. } => true,
        Step::If { odd, even } => starts_without_waiting(odd) || starts_without_waiting(even),
        Step::Repeat { body, .. } => starts_without_waiting(body),
        _ => false,
    })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn faults_change_no_result(program in programs(Dialect::Hub), seed: u64) {
        let mut calm = hub(&program);
        run(play(&mut calm));
        let mut hub = hub(&program).with_seed(seed).with_faults(Faults::all());
        run(play(&mut hub));
        compare(&program, &calm, &hub)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_crash_after_any_commit_changes_no_result(
        program in programs(Dialect::Hub),
        places in prop::collection::vec(any::<Index>(), 8),
    ) {
        let mut calm = hub(&program);
        run(play(&mut calm));
        let commits = usize::try_from(calm.commits()).unwrap();
        for place in places {
            let commit = place.index(commits) + 1;
            let mut hub = hub(&program).with_crash_after(commit.try_into().unwrap());
            run(play(&mut hub));
            compare(&program, &calm, &hub)?;
        }
    }
}
