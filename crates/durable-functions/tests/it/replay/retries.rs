//! Retries: each attempt is an action of its own, and each wait a timer.

use std::time::Duration;

use durable_functions::{OrchestrationContext, Result, RetryPolicy};

use super::SQUARE;
use crate::support::{Host, actions, orchestrator};

pub(super) async fn retried(ctx: OrchestrationContext, (): ()) -> Result<u64> {
    const POLICY: RetryPolicy = RetryPolicy::new(3, Duration::from_secs(2)).backoff(2.0);
    Ok(ctx.call(SQUARE.with_retry(POLICY), 3).await?)
}

#[test]
fn a_retry_waits_on_a_durable_timer_and_takes_new_action_ids() {
    let mut host = Host::new(orchestrator(retried), None);
    assert_eq!(actions(&host.turn()), ["#0 square(3)"]);
    // The first failure arrives at second 1, the second one at second 3.
    assert_eq!(actions(&host.failed(0, "E", "1").turn()), ["#1 timer +3"]);
    assert_eq!(actions(&host.fired(1).turn()), ["#2 square(3)"]);
    assert_eq!(actions(&host.failed(2, "E", "2").turn()), ["#3 timer +7"]);
    assert_eq!(actions(&host.fired(3).turn()), ["#4 square(3)"]);
    let last = host.failed(4, "E", "3").turn();
    assert_eq!(
        actions(&last),
        ["#5 Failed E: activity 'square' (#0) failed: 3"]
    );
}

#[test]
fn a_retry_that_succeeds_gives_the_result() {
    let mut host = Host::new(orchestrator(retried), None);
    host.turn();
    host.failed(0, "E", "1").turn();
    host.fired(1).turn();
    assert_eq!(actions(&host.completed(2, "9").turn()), ["#3 Completed(9)"]);
}

#[test]
fn a_retry_goes_on_although_its_future_is_not_polled() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let slow = ctx.call(
                SQUARE.with_retry(RetryPolicy::new(2, Duration::from_secs(1))),
                1,
            );
            let first = ctx.call(SQUARE, 2).await?;
            Ok(first + slow.await?)
        }),
        None,
    );
    host.turn();
    assert_eq!(actions(&host.failed(0, "E", "m").turn()), ["#2 timer +2"]);
    assert_eq!(actions(&host.fired(2).turn()), ["#3 square(1)"]);
    host.completed(3, "1").turn();
    assert_eq!(actions(&host.completed(1, "4").turn()), ["#4 Completed(5)"]);
}
