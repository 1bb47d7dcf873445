//! Sub-orchestrations of an instance that is rewound.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{OrchestrationContext, Orchestrator, RetryPolicy};
use futures::future::try_join;

use super::{WORK, again};
use crate::support::{Host, actions, orchestrator};

fn with_a_child() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let child = ctx.call_orchestrator(Orchestrator::<u32, u32>::new("child"), 1);
        let (child, own) = try_join(child, ctx.call(WORK, 2)).await?;
        Ok((child, own))
    })
}

/// Only the child gets the message of the rewind; its parent has its next turn when the child has ended.
#[test]
fn the_parent_of_a_failed_child_asks_again_in_its_next_turn() {
    let mut host = Host::new(with_a_child(), None);
    host.turn();
    host.child_failed(0, None).fail();
    host.rewound_silently().child_completed(0, "5");
    let own = again(1, 1);
    assert_eq!(actions(&host.turn()), [format!("#{own} work(2)")]);
    assert_eq!(
        actions(&host.completed(own, "6").turn()),
        ["#2 Completed([5,6])"]
    );
}

#[test]
fn a_child_that_was_open_is_not_started_again() {
    let mut host = Host::new(with_a_child(), None);
    host.turn();
    host.failed(1, "Broken", "no luck").fail();
    assert_eq!(actions(&host.rewound(Some("fixed")).turn()), ["#1 work(2)"]);
    // It was still running.
    host.child_completed(0, "5").turn();
    assert_eq!(
        actions(&host.completed(1, "6").turn()),
        ["#2 Completed([5,6])"]
    );
}

/// Both attempts are children of their own, and both are rewound; the second is of a path that the
/// code does not take again.
#[test]
fn a_parent_whose_retried_child_failed_goes_on_with_the_first_attempt() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let child = Orchestrator::<u32, u32>::new("child")
                .with_retry(RetryPolicy::new(2, Duration::from_secs(5)));
            Ok(ctx.call_orchestrator(child, 1).await?)
        }),
        None,
    );
    host.turn();
    host.child_failed(0, None).turn();
    host.fired(1).turn();
    host.child_failed(2, None).fail();
    host.rewound_silently().child_completed(2, "8");
    assert!(host.turn().actions.is_empty());
    assert_eq!(
        actions(&host.child_completed(0, "5").turn()),
        [format!("#{} Completed(5)", again(1, 1))]
    );
}

/// The path that was left had a child under the same number.
#[test]
fn a_child_of_another_path_has_another_instance_id() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let name = match ctx.call(WORK, 0).await {
                Ok(_) => "good",
                Err(_) => "bad",
            };
            let child = Orchestrator::<u32, u32>::new(name);
            Ok(ctx.call_orchestrator(child, 1).await?)
        }),
        None,
    );
    host.turn();
    assert_eq!(
        actions(&host.failed(0, "Broken", "no luck").turn()),
        ["#1 child e1:0001 bad(1)"]
    );
    host.cut();
    host.rewound(Some("fixed")).turn();
    let child = again(1, 1);
    assert_eq!(
        actions(&host.completed(again(1, 0), "1").turn()),
        [format!("#{child} child e1:{child:04x} good(1)")]
    );
    assert!(host.child_completed(1, "8").turn().actions.is_empty());
    assert_eq!(
        actions(&host.child_completed(child, "9").turn()),
        [format!("#{} Completed(9)", again(1, 2))]
    );
}

/// The same with children whose ids the code chose.
#[test]
fn a_child_of_a_path_that_was_left_counts_for_no_other() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let child = Orchestrator::<u32, u32>::new("child");
            let first = async {
                match ctx.call(WORK, 0).await {
                    Ok(result) => Ok(result),
                    Err(_) => ctx.call_orchestrator(child, 0).with_id("instead").await,
                }
            };
            let second = async {
                let result = ctx.call(WORK, 1).await?;
                ctx.call_orchestrator(child, result).with_id("then").await
            };
            Ok(try_join(first, second).await?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "Broken", "1").completed(1, "11");
    assert_eq!(
        actions(&host.turn()),
        ["#2 child instead child(0)", "#3 child then child(11)"]
    );
    host.child_completed(2, "80").turn();
    host.cut();
    let (work, then) = (again(1, 0), again(1, 2));
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [
            format!("#{work} work(0)"),
            format!("#{then} child then child(11)")
        ]
    );
}

/// A retried child that has an id of its own is one instance for all attempts, and the end that comes
/// after a rewind is that of the last one.
#[test]
fn the_end_of_a_child_with_a_chosen_id_counts_whichever_attempt_it_is_of() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let child = Orchestrator::<u32, u32>::new("child")
                .with_retry(RetryPolicy::new(2, Duration::from_secs(5)));
            Ok(ctx.call_orchestrator(child, 1).with_id("c").await?)
        }),
        None,
    );
    host.turn();
    host.child_failed(0, None).turn();
    host.fired(1).turn();
    host.child_failed(2, None).fail();
    host.rewound_silently().child_completed(2, "8");
    assert_eq!(
        actions(&host.turn()),
        [format!("#{} Completed(8)", again(1, 1))]
    );
}
