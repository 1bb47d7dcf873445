//! Stored histories against today's code.

use std::path::Path;
use std::time::Duration;

use durable_functions::testing::{ReplayError, Replayer, TestHub};
use durable_functions::{
    Activity, Entity, EntityFunction, Event, Failure, Functions, History, Operation,
    OrchestrationContext, Orchestrator, Result, RetryPolicy, State,
};
use futures::future::try_join_all;

const ORDER: Orchestrator<u32, String> = Orchestrator::new("order");
const SHIP: Orchestrator<u32, String> = Orchestrator::new("ship");
const CHARGE: Activity<u32, String> =
    Activity::new("charge").with_retry(RetryPolicy::new(3, Duration::from_secs(60)));
const PACK: Activity<u32, u32> = Activity::new("pack");
const APPROVED: Event<bool> = Event::new("Approved");
const STOCK: Entity<i64> = Entity::new("stock");
const TAKE: Operation<i64, i64> = Operation::new("take");

/// Something of everything.
async fn order(ctx: OrchestrationContext, items: u32) -> Result<String> {
    let receipt = ctx.call(CHARGE, items * 100).await?;
    let packed = try_join_all((0..items).map(|item| ctx.call(PACK, item))).await?;
    let stock = STOCK.id("all");
    let lock = ctx.lock([&stock]).await?;
    ctx.call_entity(&stock, TAKE, items.into()).await?;
    lock.release();
    let approved = ctx
        .timeout(Duration::from_secs(3600), ctx.wait_for(APPROVED))
        .await;
    ctx.set_custom_status("shipping");
    let shipped = ctx.call_orchestrator(SHIP, packed.iter().sum()).await?;
    ctx.sleep(Duration::from_secs(5 * 24 * 3600)).await;
    Ok(format!("{receipt} {shipped} {}", approved.is_ok()))
}

async fn ship(ctx: OrchestrationContext, count: u32) -> Result<String> {
    ctx.sleep(Duration::from_secs(60)).await;
    Ok(format!("shipped {count}"))
}

fn hub() -> TestHub {
    let stock = EntityFunction::new(STOCK).on(TAKE, async |_, left: &mut i64, n| {
        *left -= n;
        Ok(*left)
    });
    let mut hub = TestHub::new()
        .orchestrator(ORDER, order)
        .orchestrator(SHIP, ship)
        .entity(stock);
    let charge = hub.mock(CHARGE, |cents| Ok(format!("receipt for {cents}")));
    charge.fail_next(1, Failure::new("Busy", "later"));
    hub.mock(PACK, Ok);
    hub.at(Duration::from_secs(600), |hub| {
        hub.raise("o", APPROVED, &true)
    });
    hub
}

async fn history() -> History {
    let mut hub = hub();
    hub.run(ORDER, &3).with_id("o").await.unwrap();
    hub.history("o").unwrap()
}

fn replayer() -> Replayer {
    Replayer::new()
        .orchestrator(ORDER, order)
        .orchestrator(SHIP, ship)
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/test_hub")
        .join(name)
}

#[tokio::test]
async fn the_code_that_made_a_history_does_what_it_says_also_in_its_values() {
    let history = history().await;
    let turns = replayer().with_values().replay(&history).unwrap();
    assert!(turns > 8, "{turns}");
}

#[tokio::test]
async fn a_history_comes_back_from_its_file() {
    let history = history().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.json");
    history.write(&file).unwrap();
    assert_eq!(History::read(&file).unwrap(), history);
}

/// The histories of this crate's earlier versions: code that follows them must go on doing so.
#[test]
fn golden_histories_are_replayed() {
    let count = replayer()
        .with_values()
        .replay_folder(folder("histories"))
        .unwrap();
    assert_eq!(count, 2);
}

/// Run with `--ignored` to write the golden histories again, when the code above was changed on purpose.
#[tokio::test]
#[ignore = "writes files of the repository"]
async fn write_the_golden_histories() {
    let mut hub = hub();
    hub.run(ORDER, &3).with_id("o").await.unwrap();
    for id in hub.instance_ids().unwrap() {
        let history = hub.history(&id).unwrap();
        let name = format!("{}.json", history.orchestrator().unwrap());
        history.write(folder("histories").join(name)).unwrap();
    }
}

/// The first difference between the history and what `other` does.
async fn difference<F, Fut>(other: F) -> [String; 3]
where
    F: Fn(OrchestrationContext, u32) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<String>> + 'static,
{
    let replayer = Replayer::new().orchestrator(ORDER, other).with_values();
    match replayer.replay(&history().await).unwrap_err() {
        ReplayError::Differs(it) => [it.turn.to_string(), it.expected, it.found],
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_first_difference_is_named_with_both_calls() {
    let other_call = difference(async |ctx: OrchestrationContext, _: u32| {
        Ok(ctx.call_orchestrator(SHIP, 1).await?)
    });
    let [turn, expected, found] = other_call.await;
    assert_eq!(
        [turn.as_str(), expected.as_str()],
        ["1", "#0 activity 'charge'"]
    );
    assert!(
        found.starts_with("#0 sub-orchestration 'ship' as instance '"),
        "{found}"
    );
    let missing = difference(async |ctx: OrchestrationContext, items: u32| {
        ctx.call(CHARGE, items * 100).await.map_err(Into::into)
    });
    assert_eq!(
        missing.await,
        [
            "4",
            "#3 activity 'pack'",
            "the end as Completed with the output \"receipt for 300\""
        ]
    );
    let fewer = difference(async |ctx: OrchestrationContext, items: u32| {
        ctx.call(CHARGE, items * 100).await?;
        try_join_all((1..items).map(|item| ctx.call(PACK, item))).await?;
        Ok(String::new())
    });
    let expected = ["4", "#5 activity 'pack'", "nothing more in this turn"];
    assert_eq!(fewer.await, expected);
}

#[tokio::test]
async fn values_are_compared_on_request_only() {
    async fn changed(ctx: OrchestrationContext, n: u32) -> Result<String> {
        ctx.sleep(Duration::from_secs(120)).await;
        Ok(format!("shipped {n} parcels"))
    }
    let mut hub = TestHub::new().orchestrator(SHIP, ship);
    hub.run(SHIP, &3).with_id("s").await.unwrap();
    let history = hub.history("s").unwrap();
    let replayer = Replayer::new().orchestrator(SHIP, changed);
    assert_eq!(replayer.replay(&history).unwrap(), 2);
    let error = replayer.with_values().replay(&history).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(
            "orchestrator 'ship' no longer does what the history of 's' says, in turn 1 (at \
             2024-01-01T00:00:00.0000000Z)\n  \
             the history has: #0 timer at 2024-01-01T00:01:00.0000000Z\n  \
             the code made:   #0 timer at 2024-01-01T00:02:00.0000000Z\n"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn the_functions_of_an_app_are_replayed_with_their_state() {
    let functions = |limit: u32| {
        Functions::new()
            .orchestrator_with_state(
                SHIP,
                async |ctx: OrchestrationContext, State(limit): State<u32>, n: u32| {
                    if n > limit {
                        ctx.sleep(Duration::from_secs(60)).await;
                    }
                    Ok(format!("shipped {n}"))
                },
            )
            .with_state(limit)
    };
    let mut hub = TestHub::new().functions(functions(2));
    hub.run(SHIP, &3).with_id("s").await.unwrap();
    let history = hub.history("s").unwrap();
    let replay = |limit| Replayer::new().functions(functions(limit)).replay(&history);
    assert_eq!(replay(2).unwrap(), 2);
    let error = replay(5).unwrap_err();
    assert!(matches!(error, ReplayError::Differs(_)), "{error}");
}

#[tokio::test]
async fn an_instance_that_still_runs_is_replayed_as_far_as_it_came() {
    let mut hub = hub();
    hub.start(ORDER, &3).with_id("o").await.unwrap();
    hub.advance(Duration::from_secs(300)).await.unwrap();
    let history = hub.history("o").unwrap();
    assert!(replayer().with_values().replay(&history).unwrap() > 3);
}

#[tokio::test]
async fn every_generation_and_a_failure_and_a_termination_are_replayed() {
    const AGAIN: Orchestrator<u32, u32> = Orchestrator::new("again");
    async fn again(ctx: OrchestrationContext, n: u32) -> Result<u32> {
        ctx.sleep(Duration::from_secs(1)).await;
        if n == 5 {
            return Err(Failure::new("Tired", "enough").into());
        }
        ctx.continue_as_new(AGAIN, n + 1).await
    }
    let replayer = Replayer::new().orchestrator(AGAIN, again).with_values();
    let mut hub = TestHub::new().orchestrator(AGAIN, again);
    hub.start(AGAIN, &0).with_id("a").await.unwrap();
    for _ in 0..8 {
        hub.advance(Duration::from_millis(700)).await.unwrap();
        replayer.replay(&hub.history("a").unwrap()).unwrap();
    }
    hub.start(AGAIN, &0).with_id("b").await.unwrap();
    hub.advance(Duration::from_millis(700)).await.unwrap();
    hub.terminate("b", "enough").unwrap();
    hub.run_until_ended("b").await.unwrap();
    replayer.replay(&hub.history("b").unwrap()).unwrap();
}

/// A rewind replaces events, so the turns before it cannot be told apart any more.
#[tokio::test]
async fn a_rewound_instance_is_replayed_to_its_end() {
    async fn ships_and_packs(ctx: OrchestrationContext, n: u32) -> Result<String> {
        let packed = ctx.call(PACK, n).await?;
        ctx.sleep(Duration::from_secs(60)).await;
        Ok(format!("shipped {packed}"))
    }
    let mut hub = TestHub::new().orchestrator(SHIP, ships_and_packs);
    hub.mock(PACK, Ok)
        .fail_next(1, Failure::new("Broken", "no"));
    hub.start(SHIP, &3).with_id("s").await.unwrap();
    hub.run_until_ended("s").await.unwrap();
    hub.rewind("s", "mended").unwrap();
    hub.run_until_ended("s").await.unwrap();
    let history = hub.history("s").unwrap();
    let replayer = Replayer::new().orchestrator(SHIP, ships_and_packs);
    replayer.with_values().replay(&history).unwrap();
    let error = Replayer::new().orchestrator(SHIP, ship).replay(&history);
    assert!(matches!(error, Err(ReplayError::Differs(_))), "{error:?}");
}

#[test]
fn a_folder_without_histories_and_an_unknown_orchestrator_are_errors() {
    let empty = tempfile::tempdir().unwrap();
    let error = Replayer::new().replay_folder(empty.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the folder has no file `*.json`"),
        "{error}"
    );
    let error = Replayer::new()
        .replay_folder(folder("histories"))
        .unwrap_err();
    let ReplayError::Folder(failed) = &error else {
        panic!("{error}");
    };
    assert_eq!(failed.len(), 2);
    assert!(
        error
            .to_string()
            .contains("add `.orchestrator(HANDLE, function)`"),
        "{error}"
    );
}
