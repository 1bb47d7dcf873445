//! Retry predicates that are given at the call: they may capture, and use the context.

use std::time::Duration;

use durable_functions::worker::{KeptInstances, KeptLimits, OrchestratorFunction};
use durable_functions::{Activity, OrchestrationContext, Orchestrator, RetryPolicy};

use crate::support::{Host, actions, failure, orchestrator};

const POLICY: RetryPolicy = RetryPolicy::new(9, Duration::from_secs(5));
const COPY: Activity<u32, u32> = Activity::new("copy").with_retry(POLICY);
const CHILD: Orchestrator<u32, u32> = Orchestrator::new("child").with_retry(POLICY);

/// Retries failures of the type that the input names.
fn retrying() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, retried: String| {
        let copied = ctx
            .call(COPY, 1)
            .with_retry_when(move |failure| failure.error_type() == retried);
        Ok(copied.await?)
    })
}

#[test]
fn what_a_predicate_captured_decides_which_failures_are_retried() {
    for limits in [KeptLimits::none(), KeptLimits::default()] {
        let mut kept = KeptInstances::new(limits);
        let mut host = Host::new(retrying(), Some(r#""Busy""#));
        host.kept_turn(&mut kept);
        let wait = host.failed(0, "Busy", "later").kept_turn(&mut kept);
        assert_eq!(actions(&wait), ["#1 timer +6"]);
        assert_eq!(actions(&host.fired(1).kept_turn(&mut kept)), ["#2 copy(1)"]);
        let end = host.failed(2, "Lost", "gone").kept_turn(&mut kept);
        assert_eq!(
            actions(&end),
            ["#3 Failed Lost: activity 'copy' (#0) failed: gone"]
        );
    }
}

#[test]
fn a_predicate_does_not_lift_the_limits_of_the_policy() {
    let policy = POLICY.when(|failure| failure.error_type() != "Lost");
    let mut host = Host::new(
        orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
            let copied = ctx.call(COPY.with_retry(policy), 1);
            Ok(copied.with_retry_when(|_| true).await?)
        }),
        None,
    );
    host.turn();
    let end = actions(&host.failed(0, "Lost", "gone").turn());
    assert_eq!(end, ["#1 Failed Lost: activity 'copy' (#0) failed: gone"]);
}

/// It runs without a borrow of what the context is built on.
#[test]
fn a_predicate_may_use_the_context() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let begin = ctx.now();
            let clock = ctx.clone();
            let child = ctx.call_orchestrator(CHILD, 1).with_retry_when(move |_| {
                clock.set_custom_status("failed once");
                let elapsed = clock.now().duration_since(begin).unwrap_or_default();
                elapsed < Duration::from_secs(10)
            });
            Ok(child.await?)
        }),
        None,
    );
    host.turn();
    let wait = host.child_failed(0, None).turn();
    assert_eq!(actions(&wait), ["#1 timer +6"]);
    assert_eq!(wait.custom_status.as_deref(), Some(r#""failed once""#));
    host.clock = 11;
    host.fired(1).turn();
    let failed = failure(&host.child_failed(2, None).turn());
    assert_eq!(failed.error_type, "UnknownFailure");
}

#[test]
fn a_predicate_for_a_call_that_is_never_retried_fails_the_instance() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let copied = ctx.call(Activity::<u32, u32>::new("copy"), 1);
            Ok(copied.with_retry_when(|_| true).await?)
        }),
        None,
    );
    let failed = failure(&host.turn());
    assert_eq!(failed.error_type, "InvalidInput");
    assert!(
        failed.error_message.contains("has no retry policy"),
        "{failed:?}"
    );
}

#[test]
fn a_predicate_at_the_call_may_panic() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let copied = ctx.call(COPY, 1);
            Ok(copied
                .with_retry_when(|_| panic!("in the predicate"))
                .await?)
        }),
        None,
    );
    host.turn();
    let failed = failure(&host.failed(0, "E", "m").turn());
    assert!(
        failed.error_message.contains("in the predicate"),
        "{failed:?}"
    );
}
