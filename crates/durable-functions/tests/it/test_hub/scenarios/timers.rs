//! Timers.

use durable_functions::OrchestrationContext;
use futures::future::{Either, select};

use super::{DAY, SECOND, asked_for, hub, orchestrator};
use crate::test_hub::DOUBLE;

#[tokio::test]
async fn s08_s09_a_timer_fires_after_its_delay_and_resumes_the_orchestrator() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
        ctx.sleep(SECOND).await;
        Ok("done")
    });
    let began = hub.now();
    let handle = orchestrator::<(), String>();
    assert_eq!(hub.run(handle, &()).with_id("a").await.unwrap(), "done");
    assert_eq!(asked_for(&hub), ["#0 timer"]);
    assert_eq!(hub.now(), began + SECOND);
}

#[tokio::test]
async fn s10_s11_a_timer_of_ten_days_takes_four_parts() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
        ctx.sleep(10 * DAY).await;
        Ok(())
    });
    let began = hub.now();
    hub.start(orchestrator::<(), ()>(), &())
        .with_id("a")
        .await
        .unwrap();
    for (days, parts) in [(2, 1), (2, 2), (3, 3), (2, 4)] {
        hub.advance(days * DAY).await.unwrap();
        assert_eq!(asked_for(&hub).len(), parts);
    }
    hub.run_until_ended("a").await.unwrap();
    assert_eq!(hub.now(), began + 10 * DAY);
}

#[tokio::test]
async fn s12_s13_a_timer_that_lost_a_race_can_be_forgotten_and_may_fire() {
    for delay in [10 * DAY, 60 * SECOND] {
        let mut hub = hub(move |ctx: OrchestrationContext, (): ()| async move {
            let winner = match select(ctx.sleep(delay), ctx.call(DOUBLE, 2)).await {
                Either::Left(_) => 0,
                Either::Right((result, timer)) => {
                    // Nothing but a drop: it is forgotten.
                    drop(timer);
                    result?
                }
            };
            Ok(winner + ctx.call(DOUBLE, 3).await?)
        });
        let handle = orchestrator::<(), u32>();
        assert_eq!(hub.run(handle, &()).with_id("a").await.unwrap(), 10);
        assert_eq!(asked_for(&hub), ["#0 timer", "#1 double", "#2 double"]);
        // It fires for an instance that has ended.
        hub.run_until_idle().await.unwrap();
    }
}
