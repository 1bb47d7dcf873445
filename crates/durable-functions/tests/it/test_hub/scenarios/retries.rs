//! Retries.

use std::time::Duration;

use durable_functions::{Activity, Error, Failure, OrchestrationContext, RetryPolicy};
use futures::future::{Either, select, try_join};

use super::{DAY, SECOND, asked_for, failure, hub, orchestrator};
use crate::test_hub::DOUBLE;

const CHECK: Activity<(), u32> = Activity::new("check");

/// Fails every attempt; gives how often it was called, and how long all of it took.
async fn fail_until_the_end(policy: RetryPolicy) -> (usize, Duration) {
    let mut hub = hub(move |ctx: OrchestrationContext, (): ()| async move {
        Ok(ctx.call(CHECK.with_retry(policy), ()).await?)
    });
    let check = hub.mock(CHECK, |()| Err(Failure::new("E", "no").into()));
    let began = hub.now();
    hub.start(orchestrator::<(), u32>(), &())
        .with_id("a")
        .await
        .unwrap();
    assert_eq!(
        failure(&mut hub).await,
        "E: activity 'check' (#0) failed: no"
    );
    (check.count(), hub.now().duration_since(began).unwrap())
}

#[tokio::test]
async fn s23_delays_grow_to_the_maximum_and_the_last_failure_ends_the_instance() {
    let policy = RetryPolicy::new(6, SECOND)
        .backoff(2.0)
        .max_interval(10 * SECOND);
    let expected = (6, (1 + 2 + 4 + 8 + 10) * SECOND);
    assert_eq!(fail_until_the_end(policy).await, expected);
}

#[tokio::test]
async fn s24_without_a_maximum_the_delays_go_on_doubling() {
    let policy = RetryPolicy::new(7, SECOND).backoff(2.0);
    let expected = (7, (1 + 2 + 4 + 8 + 16 + 32) * SECOND);
    assert_eq!(fail_until_the_end(policy).await, expected);
}

#[tokio::test]
async fn s25_without_backoff_the_delay_is_constant() {
    let policy = RetryPolicy::new(4, 3 * SECOND);
    assert_eq!(fail_until_the_end(policy).await, (4, 9 * SECOND));
}

#[tokio::test]
async fn s26_a_delay_longer_than_a_timer_may_be_is_split_and_resumes_its_call() {
    let policy = RetryPolicy::new(2, 4 * DAY);
    let mut hub = hub(move |ctx: OrchestrationContext, (): ()| async move {
        Ok(ctx.call(CHECK.with_retry(policy), ()).await?)
    });
    let check = hub.mock(CHECK, |()| Ok(1));
    check.fail_next(1, Failure::new("E", "no"));
    let began = hub.now();
    let handle = orchestrator::<(), u32>();
    assert_eq!(hub.run(handle, &()).with_id("a").await.unwrap(), 1);
    assert_eq!(hub.now(), began + 4 * DAY);
    assert_eq!(
        asked_for(&hub),
        ["#0 check", "#1 timer", "#2 timer", "#3 check"]
    );
}

/// The other task ends while the retry waits, or is held until the retry is over.
#[tokio::test]
async fn s56_a_failed_attempt_does_not_win_a_race() {
    for holds_other in [false, true] {
        let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
            let retried = ctx.call(CHECK.with_retry(RetryPolicy::new(3, 5 * SECOND)), ());
            let other = ctx.call(DOUBLE, 4);
            match select(retried, other).await {
                Either::Left((result, _)) => Ok(("retried".to_owned(), result?)),
                Either::Right((result, _)) => Ok(("other".to_owned(), result?)),
            }
        });
        hub.mock(CHECK, |()| Ok(9))
            .fail_next(1, Failure::new("E", "no"));
        if holds_other {
            hub.hold(DOUBLE);
        }
        let winner = hub
            .run(orchestrator::<(), (String, u32)>(), &())
            .await
            .unwrap();
        let expected = if holds_other {
            ("retried", 9)
        } else {
            ("other", 8)
        };
        assert_eq!((winner.0.as_str(), winner.1), expected);
    }
}

#[tokio::test]
async fn s57_a_fan_in_of_retried_calls_fails_when_one_has_no_attempt_left() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
        let policy = RetryPolicy::new(3, 2 * SECOND)
            .backoff(10.0)
            .max_interval(5 * SECOND);
        let call = || ctx.call(CHECK.with_retry(policy), ());
        let both = try_join(call(), call()).await.map_err(Error::from)?;
        Ok(both)
    });
    let mut attempts = 0;
    let check = hub.mock(CHECK, move |()| {
        attempts += 1;
        // The second call succeeds at its first attempt.
        if attempts == 2 {
            Ok(1)
        } else {
            Err(Failure::new("E", "no").into())
        }
    });
    let began = hub.now();
    hub.start(orchestrator::<(), (u32, u32)>(), &())
        .with_id("a")
        .await
        .unwrap();
    let failure = failure(&mut hub).await;
    assert_eq!(failure, "E: activity 'check' (#0) failed: no");
    assert_eq!(check.count(), 4);
    assert_eq!(hub.now(), began + 7 * SECOND);
}
