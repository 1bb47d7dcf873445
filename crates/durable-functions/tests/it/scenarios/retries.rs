//! Retries: each attempt has a new action id here, where durabletask uses that of the first again.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, Error, OrchestrationContext, RetryPolicy};
use futures::future::{Either, select, try_join};

use crate::support::{Host, actions, orchestrator};

const CHECK: Activity<(), u32> = Activity::new("check");

fn retried(policy: RetryPolicy) -> OrchestratorFunction {
    orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
        Ok(ctx.call(CHECK.with_retry(policy), ()).await?)
    })
}

/// Fails every attempt at once, and lets every timer fire on time; gives the delays in seconds and
/// the last answer.
fn fail_until_the_end(policy: RetryPolicy) -> (Vec<i64>, Vec<String>) {
    let mut host = Host::new(retried(policy), None);
    let mut delays = Vec::new();
    assert_eq!(actions(&host.turn()), ["#0 check()"]);
    for attempt in 0.. {
        let call = 2 * attempt;
        let failed_at = host.clock;
        let answer = actions(&host.failed(call, "E", "no").turn());
        let Some(fires_at) = answer[0].strip_prefix(&format!("#{} timer +", call + 1)) else {
            return (delays, answer);
        };
        host.clock = fires_at.parse().unwrap();
        delays.push(host.clock - failed_at);
        assert_eq!(
            actions(&host.fired(call + 1).turn()),
            [format!("#{} check()", call + 2)]
        );
    }
    unreachable!()
}

#[test]
fn s23_delays_grow_to_the_maximum_and_the_last_failure_ends_the_instance() {
    let policy = RetryPolicy::new(6, Duration::from_secs(1))
        .backoff(2.0)
        .max_interval(Duration::from_secs(10));
    let (delays, end) = fail_until_the_end(policy);
    assert_eq!(delays, [1, 2, 4, 8, 10]);
    assert_eq!(end, ["#11 Failed E: activity 'check' (#0) failed: no"]);
}

#[test]
fn s24_without_a_maximum_the_delays_go_on_doubling() {
    let policy = RetryPolicy::new(7, Duration::from_secs(1)).backoff(2.0);
    assert_eq!(fail_until_the_end(policy).0, [1, 2, 4, 8, 16, 32]);
}

#[test]
fn s25_without_backoff_the_delay_is_constant() {
    let policy = RetryPolicy::new(4, Duration::from_secs(3));
    assert_eq!(fail_until_the_end(policy).0, [3, 3, 3]);
}

#[test]
fn s26_a_delay_longer_than_a_timer_may_be_is_split_and_resumes_its_call() {
    const DAY: i64 = 24 * 60 * 60;
    let policy = RetryPolicy::new(2, Duration::from_secs(4 * 24 * 60 * 60));
    let mut host = Host::new(retried(policy), None);
    host.turn();
    host.clock = 0;
    let part = |id: i32, days: i64| [format!("#{id} timer +{}", days * DAY)];
    assert_eq!(actions(&host.failed(0, "E", "no").turn()), part(1, 3));
    host.clock = 3 * DAY;
    assert_eq!(actions(&host.fired(1).turn()), part(2, 4));
    host.clock = 4 * DAY;
    assert_eq!(actions(&host.fired(2).turn()), ["#3 check()"]);
    assert_eq!(actions(&host.completed(3, "1").turn()), ["#4 Completed(1)"]);
}

fn race() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let policy = RetryPolicy::new(3, Duration::from_secs(5));
        let retried = ctx.call(CHECK.with_retry(policy), ());
        let other = ctx.call(Activity::<(), u32>::new("other"), ());
        match select(retried, other).await {
            Either::Left((result, _)) => Ok(("retried", result?)),
            Either::Right((result, _)) => Ok(("other", result?)),
        }
    })
}

#[test]
fn s56_a_failed_attempt_does_not_win_a_race() {
    let mut host = Host::new(race(), None);
    assert_eq!(actions(&host.turn()), ["#0 check()", "#1 other()"]);
    assert_eq!(actions(&host.failed(0, "E", "no").turn()), ["#2 timer +6"]);
    assert_eq!(
        actions(&host.completed(1, "8").turn()),
        [r#"#3 Completed(["other",8])"#]
    );
    let mut host = Host::new(race(), None);
    host.turn();
    host.failed(0, "E", "no").turn();
    assert_eq!(actions(&host.fired(2).turn()), ["#3 check()"]);
    assert_eq!(
        actions(&host.completed(3, "9").turn()),
        [r#"#4 Completed(["retried",9])"#]
    );
}

#[test]
fn s57_a_fan_in_of_retried_calls_fails_when_one_has_no_attempt_left() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let policy = RetryPolicy::new(3, Duration::from_secs(2))
            .backoff(10.0)
            .max_interval(Duration::from_secs(5));
        let call = || ctx.call(CHECK.with_retry(policy), ());
        let both = try_join(call(), call()).await.map_err(Error::from)?;
        Ok(both)
    });
    let mut host = Host::new(function, None);
    assert_eq!(actions(&host.turn()), ["#0 check()", "#1 check()"]);
    // At seconds 1, 3 and 5: 2 seconds, then the maximum of 5.
    host.failed(0, "E", "first");
    assert_eq!(actions(&host.turn()), ["#2 timer +3"]);
    assert_eq!(actions(&host.fired(2).turn()), ["#3 check()"]);
    assert_eq!(
        actions(&host.failed(3, "E", "second").turn()),
        ["#4 timer +8"]
    );
    assert_eq!(actions(&host.fired(4).turn()), ["#5 check()"]);
    assert_eq!(
        actions(&host.failed(5, "E", "third").turn()),
        ["#6 Failed E: activity 'check' (#0) failed: third"]
    );
}

/// Hosts deliver at least once. By the second time the task waits for something else.
#[test]
fn a_failure_and_a_firing_that_are_reported_twice_cost_no_attempt() {
    let policy = RetryPolicy::new(2, Duration::from_secs(1));
    let mut host = Host::new(retried(policy), None);
    host.turn();
    let wait = host.failed(0, "E", "no").failed(0, "E", "no").turn();
    assert_eq!(actions(&wait), ["#1 timer +2"]);
    assert_eq!(actions(&host.fired(1).fired(1).turn()), ["#2 check()"]);
    assert!(host.failed(0, "E", "no").turn().actions.is_empty());
    assert_eq!(actions(&host.completed(2, "1").turn()), ["#3 Completed(1)"]);
}
