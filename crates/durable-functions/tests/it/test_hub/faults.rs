//! Faults change neither results nor, where the order allows it, histories.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use durable_functions::testing::{Faults, TestHub};
use durable_functions::{ActivityContext, Event, OrchestrationContext, Orchestrator, Result};
use futures::future::try_join_all;
use task_hub::SqliteStore;

use super::{DOUBLE, hub};

const F: Orchestrator<u32, u32> = Orchestrator::new("f");
const G: Orchestrator<u32, u32> = Orchestrator::new("g");
const GO: Event<u32> = Event::new("Go");
const STOP: Event<u32> = Event::new("Stop");

/// Something of everything.
async fn f(ctx: OrchestrationContext, n: u32) -> Result<u32> {
    let go = ctx.wait_for(GO);
    let doubled = try_join_all((0..n).map(|n| ctx.call(DOUBLE, n))).await?;
    ctx.sleep(Duration::from_secs(60)).await;
    let child = ctx.call_orchestrator(G, doubled.iter().sum()).await?;
    let first = go.await?;
    let second = ctx.wait_for(GO).await?;
    Ok(child + 10 * first + 100 * second + 1000 * ctx.wait_for(STOP).await?)
}

async fn g(ctx: OrchestrationContext, n: u32) -> Result<u32> {
    Ok(ctx.call(DOUBLE, n).await? + 1)
}

fn program() -> TestHub {
    hub().orchestrator(F, f).orchestrator(G, g)
}

/// Starts two instances and raises their events; the outputs.
async fn play(hub: &mut TestHub) -> [u32; 2] {
    let ids = ["a", "b"];
    for id in ids {
        hub.start(F, &4).with_id(id).await.unwrap();
    }
    for id in ids {
        hub.raise(id, GO, &1).unwrap();
        hub.raise(id, STOP, &3).unwrap();
        hub.raise(id, GO, &2).unwrap();
    }
    hub.run_until_idle().await.unwrap();
    ids.map(|id| hub.output(id).unwrap())
}

#[tokio::test]
async fn every_seed_reaches_the_same_outputs() {
    let expected = play(&mut program()).await;
    assert_eq!(expected, [3235, 3235]);
    for seed in 0..100 {
        let mut hub = program().with_seed(seed).with_faults(Faults::all());
        assert_eq!(play(&mut hub).await, expected, "{}", hub.report());
    }
}

/// The bytes, times and ids included.
#[tokio::test]
async fn sqlite_keeps_the_histories_that_memory_keeps() {
    for seed in 0..10 {
        let mut memory = program().with_seed(seed).with_faults(Faults::all());
        play(&mut memory).await;
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("hub.db")).unwrap();
        let mut sqlite = TestHub::with_store(Box::new(store))
            .unwrap()
            .with_seed(seed)
            .with_faults(Faults::all())
            .orchestrator(F, f)
            .orchestrator(G, g)
            .activity(DOUBLE, async |_: ActivityContext, n: u32| Ok(2 * n));
        play(&mut sqlite).await;
        for id in memory.instance_ids().unwrap() {
            let [one, other] = [memory.history(&id), sqlite.history(&id)];
            assert_eq!(one.unwrap(), other.unwrap(), "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_crash_after_any_commit_changes_no_history() {
    let mut calm = program();
    let expected = play(&mut calm).await;
    let kinds = |hub: &TestHub| -> Vec<_> {
        let history = hub.history("a").unwrap();
        let events = history.events().iter();
        events
            .map(|it| {
                (
                    it.event_id,
                    it.event_type.as_ref().map(std::mem::discriminant),
                )
            })
            .collect()
    };
    for commits in 1..=calm.commits() {
        let mut hub = program().with_crash_after(commits);
        assert_eq!(play(&mut hub).await, expected, "crash after {commits}");
        assert_eq!(kinds(&hub), kinds(&calm), "crash after {commits}");
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_history() {
    for seed in [1, 7] {
        let mut reports = Vec::new();
        for _ in 0..2 {
            let mut hub = program().with_seed(seed).with_faults(Faults::all());
            play(&mut hub).await;
            reports.push((hub.history("a").unwrap(), hub.report()));
        }
        assert_eq!(reports[0], reports[1]);
    }
}

#[tokio::test]
async fn lost_and_repeated_answers_repeat_the_work_and_not_its_outcome() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let faults = Faults::none().lost_answers(50).repeated_answers(50);
    let mut hub =
        program()
            .with_faults(faults)
            .activity(DOUBLE, move |_: ActivityContext, n: u32| {
                counted.fetch_add(1, Ordering::SeqCst);
                async move { Ok(2 * n) }
            });
    assert_eq!(play(&mut hub).await, [3235, 3235]);
    assert!(runs.load(Ordering::SeqCst) > 10);
}
