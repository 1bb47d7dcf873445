//! Calls side by side.

use durable_functions::{Activity, Failure, OrchestrationContext};
use futures::future::{Either, join_all, select, try_join_all};

use super::{asked_for, failure, hub, orchestrator};
use crate::test_hub::{BREAK, DOUBLE};

const SQUARE: Activity<u64, u64> = Activity::new("square");

#[tokio::test]
async fn s45_s46_a_fan_in_of_ten_asks_in_the_order_of_the_code_and_keeps_it() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
        Ok(try_join_all((0..10).map(|n| ctx.call(SQUARE, n))).await?)
    });
    let square = hub.mock(SQUARE, |n| Ok(n * n));
    let handle = orchestrator::<(), Vec<u64>>();
    let squares = hub.run(handle, &()).with_id("a").await.unwrap();
    assert_eq!(squares, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
    assert_eq!(square.calls(), (0..10).collect::<Vec<_>>());
    let expected: Vec<_> = (0..10).map(|n| format!("#{n} square")).collect();
    assert_eq!(asked_for(&hub), expected);
}

#[tokio::test]
async fn s47_s48_every_call_ends_before_a_failure_counts_unless_the_first_failure_is_enough() {
    for waits_for_all in [true, false] {
        let mut hub = hub(move |ctx: OrchestrationContext, (): ()| async move {
            let calls = (0..10).map(|n| ctx.call(SQUARE, n));
            if waits_for_all {
                let results = join_all(calls).await;
                return Ok(results.into_iter().collect::<Result<Vec<_>, _>>()?);
            }
            Ok(try_join_all(calls).await?)
        });
        let square = hub.mock(SQUARE, |n| match n {
            5 => Err(Failure::new("Odd", "no square").into()),
            n => Ok(n * n),
        });
        hub.start(orchestrator::<(), Vec<u64>>(), &())
            .with_id("a")
            .await
            .unwrap();
        assert_eq!(
            failure(&mut hub).await,
            "Odd: activity 'square' (#5) failed: no square"
        );
        assert_eq!(square.count(), 10);
    }
}

#[tokio::test]
async fn s49_a_fan_in_over_calls_that_have_ended_is_ready_at_once() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
        let early = [ctx.call(DOUBLE, 1), ctx.call(DOUBLE, 2)];
        ctx.call(DOUBLE, 3).await?;
        Ok(try_join_all(early).await?)
    });
    let handle = orchestrator::<(), Vec<u32>>();
    assert_eq!(hub.run(handle, &()).await.unwrap(), [2, 4]);
}

#[tokio::test]
async fn s50_either_of_two_may_win() {
    for winner in [0, 1] {
        let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
            match select(ctx.call(DOUBLE, 1), ctx.call(BREAK, 2)).await {
                Either::Left((result, _)) => Ok((0, result?)),
                Either::Right((result, _)) => Ok((1, result?)),
            }
        });
        hub.mock(BREAK, Ok);
        if winner == 0 {
            hub.hold(BREAK)
        } else {
            hub.hold(DOUBLE)
        }
        let handle = orchestrator::<(), (u32, u32)>();
        assert_eq!(hub.run(handle, &()).await.unwrap(), (winner, 2));
    }
}
