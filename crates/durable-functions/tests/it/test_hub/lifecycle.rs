//! What can be done with an instance, from its start to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use durable_functions::testing::{TestErrorKind, TestHub};
use durable_functions::{
    ActivityContext, Entity, EntityFunction, Event, Failure, Operation, OrchestrationContext,
    Orchestrator, RetryPolicy, RuntimeStatus,
};
use futures::future::{join_all, try_join_all};

use super::{BREAK, DOUBLE, hub};

const PARENT: Orchestrator<u32, u32> = Orchestrator::new("parent");
const CHILD: Orchestrator<u32, u32> = Orchestrator::new("child");
const GO: Event<u32> = Event::new("Go");
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The hub fires the timer of an instance that goes on, which then does nothing with it.
#[tokio::test]
async fn a_timer_that_was_dropped_delays_no_instance() {
    let mut hub = hub().orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| {
        let begin = ctx.now();
        let timer = ctx.sleep(DAY);
        let doubled = ctx.call(DOUBLE, n).await?;
        drop(timer);
        if n > 0 {
            ctx.sleep(2 * DAY).await;
        }
        let days = ctx.now().duration_since(begin)?.as_secs() / DAY.as_secs();
        Ok(doubled + u32::try_from(days)?)
    });
    let begin = hub.now();
    assert_eq!(hub.run(PARENT, &0).await.unwrap(), 0);
    assert!(hub.now().duration_since(begin).unwrap() < DAY);
    assert_eq!(hub.run(PARENT, &5).await.unwrap(), 12);
}

#[tokio::test]
async fn activities_children_and_continue_as_new_reach_the_output() {
    let mut hub = hub()
        .orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| {
            if n < 3 {
                return ctx.continue_as_new(PARENT, n + 1).await;
            }
            let doubled = try_join_all((0..n).map(|n| ctx.call(DOUBLE, n))).await?;
            Ok(ctx.call_orchestrator(CHILD, doubled.iter().sum()).await?)
        })
        .orchestrator(CHILD, async |ctx: OrchestrationContext, n: u32| {
            Ok(ctx.call(DOUBLE, n).await?)
        });
    assert_eq!(hub.run(PARENT, &0).await.unwrap(), 12);
    assert_eq!(hub.instance_ids().unwrap().len(), 2);
}

#[tokio::test]
async fn a_year_of_timers_passes_on_the_clock_of_the_hub_only() {
    let mut hub = hub().orchestrator(PARENT, async |ctx: OrchestrationContext, days: u32| {
        for _ in 0..days {
            ctx.sleep(DAY).await;
        }
        Ok(days)
    });
    let before = hub.now();
    assert_eq!(hub.run(PARENT, &365).await.unwrap(), 365);
    assert_eq!(hub.now().duration_since(before).unwrap(), 365 * DAY);
    // The start and the first turn; then for each timer its firing, a look for further ones, and a turn.
    assert_eq!(hub.commits(), 2 + 3 * 365);
}

#[tokio::test]
async fn a_monitor_that_continues_as_new_every_day_for_a_year_keeps_a_short_history() {
    let mut hub = hub().orchestrator(PARENT, async |ctx: OrchestrationContext, day: u32| {
        ctx.call(DOUBLE, day).await?;
        ctx.sleep(DAY).await;
        if day == 365 {
            return Ok(day);
        }
        ctx.continue_as_new(PARENT, day + 1).await
    });
    let before = hub.now();
    let checks = hub.mock(DOUBLE, |day| Ok(2 * day));
    assert_eq!(hub.run(PARENT, &1).with_id("a").await.unwrap(), 365);
    assert_eq!(checks.calls(), (1..=365).collect::<Vec<_>>());
    assert_eq!(hub.now().duration_since(before).unwrap(), 365 * DAY);
    let events = hub.history("a").unwrap().len();
    assert!(events < 20, "{events}");
}

#[tokio::test]
async fn the_clock_goes_no_further_than_it_is_advanced() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let mut hub =
        hub()
            .starting_at(start)
            .orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| {
                ctx.sleep(DAY).await;
                Ok(n)
            });
    let id = hub.start(PARENT, &1).await.unwrap();
    hub.advance(DAY / 2).await.unwrap();
    assert_eq!(hub.now(), start + DAY / 2);
    let status = hub.status(&id).unwrap().unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Running);
    assert_eq!(status.created_at, start);
    hub.advance(DAY / 2).await.unwrap();
    assert_eq!(hub.output::<u32>(&id).unwrap(), 1);
}

#[tokio::test]
async fn a_retry_waits_on_the_clock_of_the_hub_and_a_failure_has_its_details() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    const POLICY: RetryPolicy = RetryPolicy::new(3, Duration::from_secs(60));
    let mut hub = hub()
        .orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| {
            let retried = ctx.call(DOUBLE.with_retry(POLICY), n).await?;
            let failure = ctx.call(BREAK, n).await.unwrap_err().into_failure();
            assert_eq!(failure.to_string(), "Broken: no luck with 4");
            Ok(retried)
        })
        .activity(DOUBLE, move |_: ActivityContext, n: u32| {
            let attempt = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match attempt {
                    0 | 1 => Err(Failure::new("Busy", "later").into()),
                    _ => Ok(2 * n),
                }
            }
        });
    let before = hub.now();
    assert_eq!(hub.run(PARENT, &4).await.unwrap(), 8);
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    assert_eq!(hub.now().duration_since(before).unwrap().as_secs(), 120);
}

#[tokio::test]
async fn an_activity_may_await_what_the_test_does_meanwhile() {
    let (give, take) = tokio::sync::watch::channel(0);
    let mut hub = hub()
        .orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| {
            Ok(ctx.call(DOUBLE, n).await?)
        })
        .activity(DOUBLE, move |_: ActivityContext, n: u32| {
            let mut take = take.clone();
            async move {
                take.wait_for(|it| *it > 0).await.unwrap();
                Ok(n + *take.borrow())
            }
        });
    let (output, _) = tokio::join!(hub.run(PARENT, &1).into_future(), async {
        give.send(5).unwrap()
    });
    assert_eq!(output.unwrap(), 6);
}

#[tokio::test]
async fn a_held_activity_lets_the_timer_be_first() {
    let mut hub = hub().orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| match ctx
        .timeout(DAY, ctx.call(DOUBLE, n))
        .await
    {
        Ok(result) => Ok(result?),
        Err(_) => Ok(0),
    });
    assert_eq!(hub.run(PARENT, &4).await.unwrap(), 8);
    hub.hold(DOUBLE);
    let id = hub.start(PARENT, &4).await.unwrap();
    hub.run_until_ended(&id).await.unwrap();
    assert_eq!(hub.output::<u32>(&id).unwrap(), 0);
    hub.release(DOUBLE);
    hub.run_until_idle().await.unwrap();
    let dropped = "the outcome of activity 'double' was dropped, because";
    assert!(hub.notices()[0].starts_with(dropped));
}

#[tokio::test]
async fn clients_raise_suspend_resume_terminate_restart_and_purge() {
    let mut hub = hub().orchestrator(PARENT, async |ctx: OrchestrationContext, _: u32| {
        Ok(ctx.wait_for(GO).await?)
    });
    let id = hub.start(PARENT, &0).with_id("a").await.unwrap();
    hub.run_until(&id, RuntimeStatus::Running).await.unwrap();
    hub.suspend(&id, "later").unwrap();
    let suspended = hub.run_until(&id, RuntimeStatus::Suspended).await.unwrap();
    assert_eq!(suspended.output.as_deref(), Some("later"));
    hub.raise(&id, GO, &7).unwrap();
    hub.run_until_idle().await.unwrap();
    hub.resume(&id, "now").unwrap();
    hub.run_until_ended(&id).await.unwrap();
    assert_eq!(hub.output::<u32>(&id).unwrap(), 7);

    hub.restart(&id).unwrap();
    hub.run_until(&id, RuntimeStatus::Running).await.unwrap();
    hub.terminate(&id, "enough").unwrap();
    let ended = hub.run_until_ended(&id).await.unwrap();
    assert_eq!(ended.runtime_status, RuntimeStatus::Terminated);
    assert_eq!(ended.output.as_deref(), Some("enough"));
    hub.purge(&id).unwrap();
    assert_eq!(hub.status(&id).unwrap(), None);
    let unknown = hub.raise(&id, GO, &7).unwrap_err();
    assert!(matches!(unknown.kind(), TestErrorKind::Refused(_)));
}

#[cfg(feature = "client")]
#[tokio::test]
async fn instances_are_listed_and_purged_by_the_filters_of_the_client() {
    use durable_functions::{PurgeFilter, Query};

    let mut hub = hub().orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| match n {
        0 => Ok(ctx.wait_for(GO).await?),
        n => Ok(ctx.call(DOUBLE, n).await?),
    });
    for (id, n) in [("a-1", 0), ("a-2", 1), ("b-1", 2)] {
        hub.start(PARENT, &n).with_id(id).await.unwrap();
        hub.advance(DAY).await.unwrap();
    }
    let began = hub.now() - 3 * DAY;
    let found = |hub: &TestHub, query: Query| -> Vec<String> {
        let found = hub.query(&query).unwrap().into_iter();
        found.map(|status| status.instance_id).collect()
    };
    let completed = Query::new().with_status(RuntimeStatus::Completed);
    assert_eq!(found(&hub, completed), ["a-2", "b-1"]);
    let query = Query::new().with_id_prefix("a-");
    assert_eq!(found(&hub, query.clone()), ["a-1", "a-2"]);
    let query = query.created_after(began + DAY);
    assert_eq!(found(&hub, query), ["a-2"]);
    let old = PurgeFilter::new().created_before(began + DAY);
    assert_eq!(hub.purge_all(old).unwrap(), 1);
    assert_eq!(found(&hub, Query::new()), ["a-1", "b-1"]);
}

#[tokio::test]
async fn a_rewound_instance_runs_its_failed_activities_again() {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let mut hub = hub()
        .orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| {
            let doubled = ctx.call(DOUBLE, n).await?;
            Ok(ctx.call(BREAK, doubled).await?)
        })
        .activity(BREAK, move |_: ActivityContext, n: u32| {
            let fails = is_broken.load(Ordering::SeqCst);
            async move {
                if fails {
                    return Err(Failure::new("Broken", "no luck").into());
                }
                Ok(n)
            }
        });
    let id = hub.start(PARENT, &4).await.unwrap();
    let failed = hub.run_until_ended(&id).await.unwrap();
    assert_eq!(failed.runtime_status, RuntimeStatus::Failed);
    broken.store(false, Ordering::SeqCst);
    hub.rewind(&id, "mended").unwrap();
    hub.run_until_ended(&id).await.unwrap();
    assert_eq!(hub.output::<u32>(&id).unwrap(), 8);
}

#[tokio::test]
async fn entities_take_calls_signals_and_locks() {
    const COUNTER: Entity<i64> = Entity::new("counter");
    const ADD: Operation<i64, i64> = Operation::new("add");
    const TRANSFER: Orchestrator<i64, i64> = Orchestrator::new("transfer");
    let mut hub = TestHub::new()
        .entity(
            EntityFunction::new(COUNTER).on(ADD, async |_, count: &mut i64, n| {
                *count += n;
                Ok(*count)
            }),
        )
        .orchestrator(TRANSFER, async |ctx: OrchestrationContext, amount: i64| {
            let (from, to) = (COUNTER.id("from"), COUNTER.id("to"));
            let lock = ctx.lock([&from, &to]).await?;
            ctx.call_entity(&from, ADD, -amount).await?;
            ctx.call_entity(&to, ADD, amount).await?;
            lock.release();
            Ok(amount)
        });
    let mut ids = Vec::new();
    for amount in 1..=20 {
        ids.push(hub.start(TRANSFER, &amount).await.unwrap());
    }
    hub.signal(COUNTER.id("to"), ADD, &1000).unwrap();
    let later = hub.now() + DAY;
    hub.signal_at(COUNTER.id("late"), ADD, &1, later).unwrap();
    hub.advance(DAY / 2).await.unwrap();
    assert_eq!(hub.entity_state(COUNTER, "late").unwrap(), None);
    hub.run_until_idle().await.unwrap();
    for (amount, id) in (1..).zip(&ids) {
        assert_eq!(hub.output::<i64>(id).unwrap(), amount);
    }
    assert_eq!(hub.entity_state(COUNTER, "from").unwrap(), Some(-210));
    assert_eq!(hub.entity_state(COUNTER, "to").unwrap(), Some(1210));
    assert_eq!(hub.entity_state(COUNTER, "other").unwrap(), None);
    assert_eq!(hub.entity_state(COUNTER, "late").unwrap(), Some(1));
}

#[tokio::test]
async fn an_orchestration_goes_on_in_the_same_store_with_new_code() {
    let mut hub = hub().orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| {
        ctx.call(DOUBLE, n).await?;
        Ok(ctx.wait_for(GO).await?)
    });
    let id = hub.start(PARENT, &1).await.unwrap();
    hub.run_until_idle().await.unwrap();
    let store = hub.into_store();
    let mut hub = TestHub::with_store(store).unwrap().orchestrator(
        PARENT,
        async |ctx: OrchestrationContext, n: u32| {
            ctx.call(DOUBLE, n).await?;
            Ok(ctx.wait_for(GO).await? + 100)
        },
    );
    hub.raise(&id, GO, &7).unwrap();
    hub.run_until_ended(&id).await.unwrap();
    assert_eq!(hub.output::<u32>(&id).unwrap(), 107);
}

/// All results arrive in one turn, so a fan-out costs two turns and not a thousand.
#[tokio::test]
async fn a_turn_gets_all_results_that_are_there() {
    let mut hub = hub().orchestrator(PARENT, async |ctx: OrchestrationContext, n: u32| {
        let results = join_all((0..n).map(|n| ctx.call(DOUBLE, n))).await;
        Ok(results.len().try_into()?)
    });
    assert_eq!(hub.run(PARENT, &1000).await.unwrap(), 1000);
    assert_eq!(hub.commits(), 1 + 1 + 1000 + 1);
}
