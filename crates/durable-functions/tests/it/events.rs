//! External events: none is lost, none is delivered twice, and they come in the order of the history.

use std::time::Duration;

use crate::support::{Host, actions, failure, orchestrator, this};
use durable_functions::{Activity, Event, OrchestrationContext, Orchestrator, Result};
use futures::future::{Either, join, select};

const APPROVAL: Event<u64> = Event::new("Approval");
const SQUARE: Activity<u64, u64> = Activity::new("square");

async fn one(ctx: OrchestrationContext, (): ()) -> Result<u64> {
    Ok(ctx.wait_for(APPROVAL).await?)
}

async fn two(ctx: OrchestrationContext, (): ()) -> Result<(u64, u64)> {
    let (first, second) = (ctx.wait_for(APPROVAL), ctx.wait_for(APPROVAL));
    let (second, first) = join(second, first).await;
    Ok((first?, second?))
}

#[test]
fn waiting_for_an_event_is_no_action_and_the_event_ends_it() {
    let mut host = Host::new(orchestrator(one), None);
    assert!(host.turn().actions.is_empty());
    assert!(host.raised("other", Some("1")).turn().actions.is_empty());
    let end = host.raised("aPPROVAL", Some("7")).turn();
    assert_eq!(actions(&end), ["#0 Completed(7)"]);
}

#[test]
fn an_event_that_arrives_before_it_is_awaited_is_kept() {
    let mut host = Host::new(orchestrator(one), None);
    host.raised("approval", Some("3"));
    assert_eq!(actions(&host.turn()), ["#0 Completed(3)"]);
}

#[test]
fn the_first_to_wait_gets_the_first_event() {
    let mut host = Host::new(orchestrator(two), None);
    host.turn();
    host.raised("Approval", Some("1")).turn();
    let end = host.raised("Approval", Some("2")).turn();
    assert_eq!(actions(&end), ["#0 Completed([1,2])"]);
}

#[test]
fn an_event_without_payload_is_null() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            ctx.wait_for(Event::<()>::new("go")).await?;
            Ok(ctx.wait_for(Event::<Option<u8>>::new("go")).await?)
        }),
        None,
    );
    host.raised("go", None).raised("go", None);
    assert_eq!(actions(&host.turn()), ["#0 Completed(null)"]);
}

#[test]
fn a_payload_of_another_type_names_the_event() {
    let mut host = Host::new(orchestrator(one), None);
    let failure = failure(&host.raised("approval", Some("\"x\"")).turn());
    assert_eq!(failure.error_type, "UnexpectedResult");
    assert!(failure.error_message.contains("event 'Approval'"));
}

#[test]
fn an_event_whose_future_was_dropped_goes_to_the_next() {
    // The event and the result arrive in one turn; the select prefers the result, and the event
    // that had already arrived for the dropped future must not be lost.
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let winner = select(
                Box::pin(ctx.call(SQUARE, 1)),
                Box::pin(async {
                    let _ = ctx.wait_for(APPROVAL).await;
                    std::future::pending::<()>().await;
                }),
            )
            .await;
            assert!(matches!(winner, Either::Left(_)));
            drop(winner);
            let unpolled = ctx.wait_for(APPROVAL);
            drop(unpolled);
            Ok(ctx.wait_for(APPROVAL).await?)
        }),
        None,
    );
    host.turn();
    host.completed(0, "1").raised("approval", Some("5"));
    assert_eq!(actions(&host.turn()), ["#1 Completed(5)"]);
}

#[test]
fn a_race_between_event_and_timer_is_decided_by_the_history() {
    let race = || {
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let limit = Duration::from_secs(3);
            match ctx.timeout(limit, ctx.wait_for(APPROVAL)).await {
                Ok(approved) => Ok(Some(approved?)),
                Err(_elapsed) => Ok(None),
            }
        })
    };
    let mut host = Host::new(race(), None);
    assert_eq!(actions(&host.turn()), ["#0 timer +3"]);
    host.raised("approval", Some("1")).fired(0);
    assert_eq!(actions(&host.turn()), ["#1 Completed(1)"]);
    let mut host = Host::new(race(), None);
    host.turn();
    host.fired(0).raised("approval", Some("1"));
    assert_eq!(actions(&host.turn()), ["#1 Completed(null)"]);
}

#[test]
fn events_and_results_wait_while_the_instance_is_suspended() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let (event, result) = join(ctx.wait_for(APPROVAL), ctx.call(SQUARE, 2)).await;
            Ok((event?, result?))
        }),
        None,
    );
    host.turn();
    host.suspended().turn();
    assert!(host.raised("approval", Some("1")).turn().actions.is_empty());
    assert!(host.completed(0, "4").turn().actions.is_empty());
    assert_eq!(actions(&host.resumed().turn()), ["#1 Completed([1,4])"]);
}

#[test]
fn a_suspended_instance_can_be_terminated() {
    let mut host = Host::new(orchestrator(one), None);
    host.turn();
    host.suspended().raised("approval", Some("1")).turn();
    assert_eq!(
        actions(&host.terminated("\"stop\"").turn()),
        [r#"#0 Terminated("stop")"#]
    );
}

async fn collect(ctx: OrchestrationContext, sum: u64) -> Result<u64> {
    let item = ctx.wait_for(Event::<u64>::new("item")).await?;
    if item == 0 {
        return Ok(sum);
    }
    ctx.continue_as_new(this(), sum + item).await
}

#[test]
fn continue_as_new_passes_on_the_events_that_were_not_taken() {
    let mut host = Host::new(orchestrator(collect), Some("10"));
    host.turn();
    host.raised("Item", Some("1"))
        .raised("ITEM", Some("2"))
        .raised("other", None);
    assert_eq!(
        actions(&host.turn()),
        ["#0 ContinuedAsNew(11) +ITEM=2 +other="]
    );
}

/// The event comes after the decision, and while the execution is suspended, which will not be resumed.
#[test]
fn an_event_after_continue_as_new_and_a_suspension_reaches_the_next_execution() {
    let mut host = Host::new(orchestrator(collect), Some("10"));
    host.turn();
    host.raised("item", Some("1"))
        .suspended()
        .raised("item", Some("2"));
    assert_eq!(actions(&host.turn()), ["#0 ContinuedAsNew(11) +item=2"]);
}

/// The host takes the termination for consumed; otherwise the next execution would run on.
#[test]
fn a_termination_after_continue_as_new_ends_the_instance() {
    let mut host = Host::new(orchestrator(collect), Some("10"));
    host.turn();
    host.raised("item", Some("1")).terminated(r#""stop""#);
    assert_eq!(actions(&host.turn()), [r#"#0 Terminated("stop")"#]);
}

#[test]
fn an_event_that_is_awaited_after_continue_as_new_reaches_the_next_execution() {
    let function = orchestrator(async |ctx: OrchestrationContext, n: u64| -> Result<()> {
        ctx.wait_for(Event::<()>::new("begin")).await?;
        let ends = ctx.continue_as_new(this::<_, ()>(), n + 1);
        let takes = async { drop(ctx.wait_for(APPROVAL).await) };
        let (_, ()) = join(ends, takes).await;
        Ok(())
    });
    let mut host = Host::new(function, Some("0"));
    host.turn();
    host.raised("approval", Some("5")).raised("begin", None);
    assert_eq!(actions(&host.turn()), ["#0 ContinuedAsNew(1) +approval=5"]);
}

#[test]
fn an_instance_cannot_continue_as_another_orchestrator() {
    let function = orchestrator(async |ctx: OrchestrationContext, _: u64| -> Result<()> {
        ctx.continue_as_new(Orchestrator::new("other"), 1).await
    });
    let failed = failure(&Host::new(function, Some("0")).turn());
    assert_eq!(failed.error_type, "InvalidName");
    assert!(
        failed
            .error_message
            .starts_with("orchestrator 'orchestrator' cannot continue as 'other'"),
        "{failed:?}"
    );
}

#[test]
fn the_first_continue_as_new_counts() {
    let function = orchestrator(async |ctx: OrchestrationContext, _: u64| -> Result<()> {
        let first = ctx.continue_as_new(this(), 1);
        drop(ctx.continue_as_new(this::<_, ()>(), 2).dropping_events());
        first.await
    });
    let mut host = Host::new(function, Some("0"));
    host.raised("approval", Some("5"));
    assert_eq!(actions(&host.turn()), ["#0 ContinuedAsNew(1) +approval=5"]);
}

#[test]
fn continue_as_new_can_drop_events_and_change_the_version() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, n: u64| -> Result<()> {
            ctx.wait_for(APPROVAL).await?;
            ctx.continue_as_new(this(), n + 1)
                .dropping_events()
                .with_version("2")
                .await
        }),
        Some("1"),
    );
    host.turn();
    host.raised("approval", Some("1")).raised("x", None);
    let answer = host.turn();
    assert_eq!(actions(&answer), ["#0 ContinuedAsNew(2)"]);
}

#[test]
fn what_was_asked_for_before_continue_as_new_is_still_done() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, n: u64| -> Result<()> {
            let _unawaited = ctx.call(SQUARE, n);
            ctx.continue_as_new(this(), n + 1).await
        }),
        Some("1"),
    );
    assert_eq!(
        actions(&host.turn()),
        ["#0 square(1)", "#1 ContinuedAsNew(2)"]
    );
}

#[test]
fn an_event_is_sent_to_another_instance_and_recognised_in_the_history() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            ctx.send_event("other", APPROVAL, 5)?;
            Ok(ctx.wait_for(APPROVAL).await?)
        }),
        None,
    );
    assert_eq!(actions(&host.turn()), ["#0 Approval to other: 5"]);
    let end = host.raised("approval", Some("6")).turn();
    assert_eq!(actions(&end), ["#1 Completed(6)"]);
}

#[test]
fn an_event_to_an_impossible_instance_is_a_failure_and_not_an_action() {
    for target in ["", " ", "@counter@a", "a/b"] {
        let mut host = Host::new(
            orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
                ctx.send_event(target, APPROVAL, 5)?;
                Ok(())
            }),
            None,
        );
        let answer = host.turn();
        assert_eq!(
            failure(&answer).error_type,
            "InvalidInstanceId",
            "{target:?}"
        );
        assert_eq!(answer.actions.len(), 1);
    }
}
