//! Many at once: all of them, or the first.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, OrchestrationContext};
use futures::future::{Either, join_all, select, try_join_all};

use crate::support::{Host, actions, failure, orchestrator};

const SQUARE: Activity<u64, u64> = Activity::new("square");

fn ten() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(try_join_all((0..10).map(|n| ctx.call(SQUARE, n))).await?)
    })
}

#[test]
fn s45_calls_are_scheduled_in_the_order_of_the_code() {
    let asked = actions(&Host::new(ten(), None).turn());
    let expected: Vec<_> = (0..10).map(|n| format!("#{n} square({n})")).collect();
    assert_eq!(asked, expected);
}

#[test]
fn s46_a_fan_in_waits_for_all_and_keeps_their_order() {
    let mut host = Host::new(ten(), None);
    host.turn();
    for n in (5..10).rev() {
        host.completed(n, &format!("{n}"));
    }
    assert!(host.turn().actions.is_empty());
    for n in 0..5 {
        host.completed(n, &format!("{n}"));
    }
    assert_eq!(
        actions(&host.turn()),
        ["#10 Completed([0,1,2,3,4,5,6,7,8,9])"]
    );
}

#[test]
fn s47_join_all_lets_every_call_end_before_a_failure_counts() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let results = join_all((0..10).map(|n| ctx.call(SQUARE, n))).await;
        Ok(results.into_iter().collect::<Result<Vec<_>, _>>()?)
    });
    let mut host = Host::new(function, None);
    host.turn();
    for n in 0..5 {
        host.completed(n, "1");
    }
    assert!(host.failed(5, "Odd", "no square").turn().actions.is_empty());
    for n in 6..10 {
        host.completed(n, "1");
    }
    let end = failure(&host.turn());
    assert_eq!(end.error_type, "Odd");
    assert_eq!(
        end.error_message,
        "activity 'square' (#5) failed: no square"
    );
}

/// The ordinary meaning of `try_join_all`, which durabletask does not have.
#[test]
fn s47_try_join_all_fails_with_the_first_failure() {
    let mut host = Host::new(ten(), None);
    host.turn();
    host.completed(0, "0").failed(5, "Odd", "no square");
    assert_eq!(failure(&host.turn()).error_type, "Odd");
}

#[test]
fn s49_a_fan_in_over_calls_that_have_ended_is_ready_at_once() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let early = [ctx.call(SQUARE, 1), ctx.call(SQUARE, 2)];
        ctx.call(SQUARE, 3).await?;
        Ok(try_join_all(early).await?)
    });
    let mut host = Host::new(function, None);
    host.turn();
    host.completed(0, "1").completed(1, "4").turn();
    assert_eq!(
        actions(&host.completed(2, "9").turn()),
        ["#3 Completed([1,4])"]
    );
}

#[test]
fn s50_either_of_two_may_win() {
    for winner in [0, 1] {
        let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
            match select(ctx.call(SQUARE, 1), ctx.call(SQUARE, 2)).await {
                Either::Left((result, _)) => Ok((0, result?)),
                Either::Right((result, _)) => Ok((1, result?)),
            }
        });
        let mut host = Host::new(function, None);
        assert_eq!(actions(&host.turn()), ["#0 square(1)", "#1 square(2)"]);
        assert_eq!(
            actions(&host.completed(winner, "7").turn()),
            [format!("#2 Completed([{winner},7])")]
        );
    }
}
