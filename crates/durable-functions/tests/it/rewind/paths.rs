//! What the history holds of a path that the code no longer takes.

use std::time::Duration;

use durable_functions::{Activity, OrchestrationContext, Orchestrator, RetryPolicy};
use futures::future::try_join;

use super::{WORK, again, fan_out};
use crate::support::{Host, actions, failure, orchestrator};

/// What was done after a failure that the code had caught is done again: the code waits at the failed
/// call now, and the history does not say what the rest was for.
#[test]
fn an_instance_that_had_caught_a_failure_goes_on() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let first = match ctx.call(WORK, 0).await {
                Ok(result) => result,
                Err(_) => ctx.call(Activity::<u32, u32>::new("instead"), 0).await?,
            };
            Ok((first, ctx.call(WORK, 1).await?))
        }),
        None,
    );
    host.turn();
    assert_eq!(
        actions(&host.failed(0, "Broken", "no luck").turn()),
        ["#1 instead(0)"]
    );
    assert_eq!(actions(&host.completed(1, "3").turn()), ["#2 work(1)"]);
    host.failed(2, "Broken", "no luck").fail();
    let first = again(1, 0);
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [format!("#{first} work(0)")]
    );
    let second = again(1, 1);
    assert_eq!(
        actions(&host.completed(first, "4").turn()),
        [format!("#{second} work(1)")]
    );
    // A second failure and a second rewind.
    host.failed(second, "Broken", "again").fail();
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [format!("#{second} work(1)")]
    );
    assert_eq!(
        actions(&host.completed(second, "5").turn()),
        [format!("#{} Completed([4,5])", again(1, 2))]
    );
}

/// What had succeeded before a failure and beside it stays done.
#[test]
fn what_has_succeeded_is_not_done_again() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let chains = (0..3).map(|n| {
                let ctx = ctx.clone();
                async move {
                    let first = ctx.call(WORK, n).await?;
                    ctx.call(Activity::<u32, u32>::new("then"), first).await
                }
            });
            let ends = futures::future::join_all(chains).await;
            Ok(ends
                .into_iter()
                .collect::<std::result::Result<Vec<_>, _>>()?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "Broken", "no luck")
        .completed(1, "11")
        .turn();
    host.completed(2, "12").completed(3, "21").turn();
    host.completed(4, "22").fail();
    assert_eq!(actions(&host.rewound(Some("fixed")).turn()), ["#0 work(0)"]);
    assert_eq!(actions(&host.completed(0, "10").turn()), ["#5 then(10)"]);
    assert_eq!(
        actions(&host.completed(5, "20").turn()),
        ["#6 Completed([20,21,22])"]
    );
}

/// In the turn of the failure the path that was left and the one that goes on used the same numbers.
#[test]
fn results_of_a_path_that_was_left_are_ignored() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let first = async {
                match ctx.call(WORK, 0).await {
                    Ok(result) => Ok(result),
                    Err(_) => {
                        drop(ctx.call_orchestrator(Orchestrator::<u32, u32>::new("bad"), 1));
                        ctx.call(Activity::<u32, u32>::new("instead"), 0).await
                    }
                }
            };
            let second = async {
                let result = ctx.call(WORK, 1).await?;
                let child = ctx.call_orchestrator(Orchestrator::<u32, u32>::new("good"), result);
                let then = ctx.call(Activity::<u32, u32>::new("then"), result);
                try_join(child, then).await
            };
            Ok(try_join(first, second).await?)
        }),
        None,
    );
    host.turn();
    let answer = host
        .failed(0, "Broken", "no luck")
        .completed(1, "11")
        .turn();
    assert_eq!(
        actions(&answer),
        [
            "#2 child e1:0002 bad(1)",
            "#3 instead(0)",
            "#4 child e1:0004 good(11)",
            "#5 then(11)"
        ]
    );
    host.child_completed(2, "80").completed(3, "81").turn();
    host.cut();
    let (work, child, then) = (again(1, 0), again(1, 2), again(1, 3));
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [
            format!("#{work} work(0)"),
            format!("#{child} child e1:{child:04x} good(11)"),
            format!("#{then} then(11)")
        ]
    );
    host.child_completed(2, "82").completed(3, "83");
    assert!(host.turn().actions.is_empty());
    host.completed(work, "10").child_completed(child, "20");
    let end = again(1, 4);
    assert_eq!(
        actions(&host.completed(then, "30").turn()),
        [format!("#{end} Completed([10,[20,30]])")]
    );
}

/// A rewind explains a different path only before it, not after it.
#[test]
fn code_that_changed_after_a_rewind_is_still_noticed() {
    let mut host = Host::new(fan_out(2), None);
    host.turn();
    host.failed(0, "Broken", "no luck").completed(1, "1").fail();
    host.rewound(Some("fixed")).turn();
    let mut changed = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let (a, _) = (ctx.call(WORK, 0), ctx.call(WORK, 1));
            ctx.sleep(Duration::from_secs(1)).await;
            Ok(a.await?)
        }),
        None,
    );
    changed.past = host.past.clone();
    // The code asks for a timer, and the history has none: that is no contradiction yet.
    changed.clock = host.clock;
    assert_eq!(changed.turn().actions.len(), 1);
    let mut other = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            Ok(ctx.call(Activity::<u32, u32>::new("other"), 0).await?)
        }),
        None,
    );
    other.past = host.past.clone();
    other.clock = host.clock;
    let failed = failure(&other.turn());
    assert_eq!(failed.error_type, "NonDeterminism");
}

/// In the turn of the failure both paths asked for a timer, and the one that was left came first.
#[test]
fn a_timer_of_a_path_that_was_left_ends_no_other_wait() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let work = WORK.with_retry(RetryPolicy::new(2, Duration::from_secs(5)));
            let second = async {
                let result = ctx.call(WORK, 1).await?;
                ctx.sleep(Duration::from_secs(3600)).await;
                Ok(result)
            };
            Ok(try_join(ctx.call(work, 0), second).await?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "Broken", "1").completed(1, "11");
    assert_eq!(actions(&host.turn()), ["#2 timer +6", "#3 timer +3601"]);
    host.fired(2).turn();
    host.failed(4, "Broken", "2").fail();
    let (first, wait) = (again(1, 0), again(1, 2));
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [format!("#{first} work(0)"), format!("#{wait} timer +3601")]
    );
    assert!(host.completed(first, "10").turn().actions.is_empty());
    assert_eq!(
        actions(&host.fired(wait).turn()),
        [format!("#{} Completed([10,11])", again(1, 3))]
    );
}

/// The history shows no inputs: of a turn in which both paths called an activity of one name, nothing is
/// taken.
#[test]
fn a_result_of_a_path_that_was_left_is_no_other_calls() {
    let then = Activity::<u32, u32>::new("then");
    let mut host = Host::new(
        orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
            let chain = |n| {
                let ctx = ctx.clone();
                async move {
                    let first = ctx.call(WORK, n).await.unwrap_or(99);
                    ctx.call(then, first).await
                }
            };
            Ok(try_join(chain(0), chain(1)).await?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "Broken", "no luck").completed(1, "11");
    assert_eq!(actions(&host.turn()), ["#2 then(99)", "#3 then(11)"]);
    host.completed(2, "990").turn();
    host.cut();
    let (work, other) = (again(1, 0), again(1, 2));
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [format!("#{work} work(0)"), format!("#{other} then(11)")]
    );
    host.completed(3, "110").completed(other, "111").turn();
    let last = again(1, 3);
    assert_eq!(
        actions(&host.completed(work, "10").turn()),
        [format!("#{last} then(10)")]
    );
    assert_eq!(
        actions(&host.completed(last, "100").turn()),
        [format!("#{} Completed([100,111])", again(1, 4))]
    );
}
