//! Calls that are retried, in an instance that is rewound.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{OrchestrationContext, RetryPolicy};
use futures::future::try_join;

use super::{WORK, again};
use crate::support::{Host, actions, failure, orchestrator};

fn retried() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let work = WORK.with_retry(RetryPolicy::new(3, Duration::from_secs(5)));
        let (first, second) = try_join(ctx.call(work, 0), ctx.call(WORK, 1)).await?;
        Ok((first, second))
    })
}

/// The attempts that failed are undone, but not the timers between them: those belong to a path
/// that the code does not take any more.
#[test]
fn an_instance_that_failed_after_retries_goes_on() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let work = WORK.with_retry(RetryPolicy::new(2, Duration::from_secs(5)));
            let first = ctx.call(work, 0).await?;
            Ok((first, ctx.call(WORK, 1).await?))
        }),
        None,
    );
    host.turn();
    assert_eq!(
        actions(&host.failed(0, "Broken", "1").turn()),
        ["#1 timer +6"]
    );
    assert_eq!(actions(&host.fired(1).turn()), ["#2 work(0)"]);
    host.failed(2, "Broken", "2").fail();
    let first = again(1, 0);
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [format!("#{first} work(0)")]
    );
    // A late result of the path that was left is ignored.
    assert!(host.fired(1).completed(2, "0").turn().actions.is_empty());
    let second = again(1, 1);
    assert_eq!(
        actions(&host.completed(first, "5").turn()),
        [format!("#{second} work(1)")]
    );
    assert_eq!(
        actions(&host.completed(second, "6").turn()),
        [format!("#{} Completed([5,6])", again(1, 2))]
    );
}

#[test]
fn the_retries_of_an_open_attempt_go_on_where_they_were() {
    let mut host = Host::new(retried(), None);
    host.turn();
    // The first attempt of three is under way.
    host.cut();
    let (first, second) = (again(1, 0), again(1, 1));
    assert_eq!(
        actions(&host.rewound(Some("again")).turn()),
        [format!("#{first} work(0)"), format!("#{second} work(1)")]
    );
    assert_eq!(
        actions(&host.failed(first, "Broken", "1").turn()),
        ["#2 timer +8"]
    );
    // The same attempt, reported once more under its old id, is no second failure.
    assert!(host.failed(0, "Broken", "1").turn().actions.is_empty());
    assert_eq!(actions(&host.fired(2).turn()), ["#3 work(0)"]);
    assert_eq!(
        actions(&host.failed(3, "Broken", "2").turn()),
        ["#4 timer +11"]
    );
    host.fired(4).turn();
    let failed = failure(&host.failed(5, "Broken", "3").turn());
    assert_eq!(failed.error_message, "activity 'work' (#0) failed: 3");
}
