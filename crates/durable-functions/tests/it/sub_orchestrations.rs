//! Sub-orchestrations: their ids are safe, their failures are typed, and they can be retried.

use std::time::Duration;

use crate::support::{Host, actions, answer, failure, orchestrator};
use durable_functions::worker::{KeptInstances, KeptLimits};
use durable_functions::{Activity, Event, OrchestrationContext, Orchestrator, RetryPolicy};
use durable_protocol::messages::{EventType, OrchestratorActionType, TaskFailureDetails};

const CHILD: Orchestrator<u64, u64> = Orchestrator::new("child");

#[test]
fn a_child_gets_an_id_made_from_the_execution_and_gives_its_output() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let first = ctx.call_orchestrator(CHILD, 1).await?;
            let second = ctx.call_orchestrator(CHILD, 2).with_id("chosen").await?;
            Ok(first + second)
        }),
        None,
    );
    assert_eq!(actions(&host.turn()), ["#0 child e1:0000 child(1)"]);
    let second = host.child_completed(0, "10").turn();
    assert_eq!(actions(&second), ["#1 child chosen child(2)"]);
    let end = host.child_completed(1, "20").turn();
    assert_eq!(actions(&end), ["#2 Completed(30)"]);
}

#[test]
fn an_id_that_the_host_cannot_handle_is_a_failure_and_no_child() {
    for id in ["", "@entity@key", "a/b", "a+b"] {
        let mut host = Host::new(
            orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
                Ok(ctx.call_orchestrator(CHILD, 2).with_id(id).await?)
            }),
            None,
        );
        let answer = host.turn();
        assert_eq!(failure(&answer).error_type, "InvalidInstanceId", "{id:?}");
        assert_eq!(answer.actions.len(), 1);
    }
}

#[test]
fn children_run_side_by_side_under_ids_of_the_users_choice() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let children = [1, 2].map(|n| {
                let child = ctx.call_orchestrator(CHILD, n);
                child.with_id(format!("c{n}"))
            });
            let activity = ctx.call(Activity::<u64, u64>::new("a"), 3);
            let sum: u64 = ctx.join_all(children).await?.into_iter().sum();
            Ok(sum + activity.await?)
        }),
        None,
    );
    assert_eq!(
        actions(&host.turn()),
        ["#0 child c1 child(1)", "#1 child c2 child(2)", "#2 a(3)"]
    );
    host.child_completed(0, "10").child_completed(1, "20");
    assert_eq!(
        actions(&host.completed(2, "3").turn()),
        ["#3 Completed(33)"]
    );
}

#[test]
fn every_attempt_of_a_retried_child_has_the_id_of_the_users_choice() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let policy = RetryPolicy::new(2, Duration::from_secs(5));
            let child = ctx.call_orchestrator(CHILD.with_retry(policy), 1);
            Ok(child.with_id("chosen").await?)
        }),
        None,
    );
    assert_eq!(actions(&host.turn()), ["#0 child chosen child(1)"]);
    host.child_failed(0, None).turn();
    assert_eq!(actions(&host.fired(1).turn()), ["#2 child chosen child(1)"]);
}

/// Kept or replayed: the id in the history is another one by then.
#[test]
fn an_id_that_comes_after_the_child_was_sent_fails_the_instance() {
    for limits in [KeptLimits::none(), KeptLimits::default()] {
        let mut kept = KeptInstances::new(limits);
        let mut host = Host::new(
            orchestrator(async |ctx: OrchestrationContext, (): ()| {
                let child = ctx.call_orchestrator(CHILD, 1);
                ctx.sleep(Duration::from_secs(1)).await;
                Ok(child.with_id("late").await?)
            }),
            None,
        );
        host.kept_turn(&mut kept);
        let failed = failure(&host.fired(1).kept_turn(&mut kept));
        assert_eq!(failed.error_type, "InvalidInstanceId");
        assert!(
            failed.error_message.contains("call `with_id` before"),
            "{failed:?}"
        );
    }
}

#[test]
fn the_failure_of_a_child_keeps_its_type() {
    let parent = || {
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            Ok(ctx.call_orchestrator(CHILD, 1).await?)
        })
    };
    let mut host = Host::new(parent(), None);
    host.turn();
    let details = TaskFailureDetails {
        error_type: "OutOfStock".to_owned(),
        error_message: "none left".to_owned(),
        ..Default::default()
    };
    let failed = failure(&host.child_failed(0, Some(details)).turn());
    assert_eq!(failed.error_type, "OutOfStock");
    assert_eq!(
        failed.error_message,
        "sub-orchestration 'child' (#0) failed: none left"
    );
    // Terminated, failed by the host, or unknown: the details are absent.
    let mut host = Host::new(parent(), None);
    host.turn();
    let failed = failure(&host.child_failed(0, None).turn());
    assert_eq!(failed.error_type, "UnknownFailure");
}

#[test]
fn a_retried_child_is_a_new_instance() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let policy = RetryPolicy::new(2, Duration::from_secs(5));
            Ok(ctx.call_orchestrator(CHILD.with_retry(policy), 1).await?)
        }),
        None,
    );
    host.turn();
    let wait = host.child_failed(0, None).turn();
    assert_eq!(actions(&wait), ["#1 timer +6"]);
    assert_eq!(
        actions(&host.fired(1).turn()),
        ["#2 child e1:0002 child(1)"]
    );
    assert_eq!(
        actions(&host.child_completed(2, "1").turn()),
        ["#3 Completed(1)"]
    );
}

#[test]
fn the_version_of_a_child_is_that_of_the_handle_or_else_the_hosts_default() {
    let host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let default = ctx.call_orchestrator(CHILD, 1);
            let own = ctx.call_orchestrator(CHILD.with_version("7.0"), 2);
            Ok(default.await? + own.await?)
        }),
        None,
    );
    let mut request = host.request();
    request.properties.insert(
        "defaultVersion".to_owned(),
        prost_types::Value {
            kind: Some(prost_types::value::Kind::StringValue("1.0".to_owned())),
        },
    );
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let default = ctx.call_orchestrator(CHILD, 1);
        let own = ctx.call_orchestrator(CHILD.with_version("7.0"), 2);
        Ok(default.await? + own.await?)
    });
    let versions: Vec<_> = answer(&function, &request)
        .actions
        .into_iter()
        .map(|action| match action.orchestrator_action_type {
            Some(OrchestratorActionType::CreateSubOrchestration(child)) => child.version,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(versions, [Some("1.0".to_owned()), Some("7.0".to_owned())]);
}

#[test]
fn a_child_and_an_activity_of_one_name_are_different_actions() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let child = ctx.call_orchestrator(CHILD, 1);
            let activity = ctx.call(Activity::<u64, u64>::new("child"), 2);
            Ok(child.await? - activity.await?)
        }),
        None,
    );
    host.turn();
    // A completion of the wrong kind is ignored.
    host.completed(0, "99").child_completed(1, "99");
    assert!(host.turn().actions.is_empty());
    host.completed(1, "3").child_completed(0, "5");
    assert_eq!(actions(&host.turn()), ["#2 Completed(2)"]);
}

/// Users may choose any type of failure. Only where the engine itself finds the history left does it
/// withdraw what was asked for.
#[test]
fn a_child_that_fails_with_non_determinism_leaves_its_parents_actions_alone() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            match ctx.call_orchestrator(CHILD, 1).await {
                Ok(output) => Ok(output),
                Err(error) => {
                    ctx.send_event("audit", Event::<u64>::new("failed"), 7)?;
                    Err(error.into())
                }
            }
        }),
        None,
    );
    host.turn();
    let details = TaskFailureDetails {
        error_type: "NonDeterminism".to_owned(),
        error_message: "changed".to_owned(),
        ..Default::default()
    };
    let answer = actions(&host.child_failed(0, Some(details)).turn());
    assert_eq!(answer.len(), 2, "{answer:?}");
    assert!(answer[0].contains("failed"), "{answer:?}");
}

#[test]
fn an_empty_execution_id_is_none_for_the_ids_of_children() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            Ok(ctx.call_orchestrator(CHILD, 1).await?)
        }),
        None,
    );
    for event in &mut host.inbox {
        if let Some(EventType::ExecutionStarted(started)) = &mut event.event_type {
            let instance = started.orchestration_instance.as_mut().unwrap();
            instance.execution_id = Some(String::new());
        }
    }
    assert_eq!(actions(&host.turn()), ["#0 child abc:0000 child(1)"]);
}

#[test]
fn a_failure_nested_deeper_than_a_decoder_goes_is_still_the_failure_of_its_task() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let failed = ctx.call_orchestrator(CHILD, 1).await.unwrap_err();
            Ok(failed.into_failure().error_type().to_owned())
        }),
        None,
    );
    host.turn();
    let details = (0..120).fold(TaskFailureDetails::default(), |inner, depth| {
        TaskFailureDetails {
            error_type: "E".to_owned(),
            error_message: depth.to_string(),
            inner_failure: Some(Box::new(inner)),
            ..Default::default()
        }
    });
    assert_eq!(
        actions(&host.child_failed(0, Some(details)).turn()),
        [r#"#1 Completed("UnreadableFailure")"#]
    );
}
