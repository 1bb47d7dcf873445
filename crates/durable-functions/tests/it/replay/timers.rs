//! Timers, also those that are longer than a host allows.

use std::time::{Duration, SystemTime};

use durable_functions::OrchestrationContext;
use durable_functions::worker::{KeptInstances, KeptLimits};
use durable_protocol::messages::OrchestratorActionType;

use super::SQUARE;
use crate::support::{Host, actions, orchestrator};

#[test]
fn a_long_timer_is_split_and_never_more_than_three_days_ahead() {
    const DAY: i64 = 24 * 60 * 60;
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            ctx.sleep(Duration::from_secs(10 * 24 * 60 * 60)).await;
            Ok("done")
        }),
        None,
    );
    let mut seen = vec![actions(&host.turn())];
    for id in 0..4 {
        seen.push(actions(&host.fired(id).turn()));
    }
    let timer = |id: i64, days: i64| vec![format!("#{id} timer +{}", days * DAY)];
    assert_eq!(
        seen[..4],
        [timer(0, 3), timer(1, 6), timer(2, 9), timer(3, 10)]
    );
    assert_eq!(seen[4], [r#"#4 Completed("done")"#]);
}

/// The host keeps it and fires it, because the protocol has no message that takes a timer back.
#[test]
fn a_dropped_timer_is_cancelled_and_its_end_changes_nothing() {
    for limits in [KeptLimits::none(), KeptLimits::default()] {
        let mut kept = KeptInstances::new(limits);
        let mut host = Host::new(
            orchestrator(async |ctx: OrchestrationContext, (): ()| {
                drop(ctx.sleep(Duration::from_secs(5)));
                Ok(ctx.call(SQUARE, 2).await?)
            }),
            None,
        );
        let first = host.kept_turn(&mut kept);
        assert_eq!(actions(&first), ["#0 timer +5", "#1 square(2)"]);
        assert!(host.fired(0).kept_turn(&mut kept).actions.is_empty());
        let end = host.completed(1, "4").kept_turn(&mut kept);
        assert_eq!(actions(&end), ["#2 Completed(4)"]);
    }
}

#[test]
fn an_orchestrator_ends_before_a_timer_that_it_dropped() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let timer = ctx.sleep(Duration::from_secs(5));
            let squared = ctx.call(SQUARE, 2).await?;
            drop(timer);
            Ok(squared)
        }),
        None,
    );
    host.turn();
    assert_eq!(actions(&host.completed(1, "4").turn()), ["#2 Completed(4)"]);
}

#[test]
fn a_time_before_year_1_is_sent_as_one_that_hosts_can_read() {
    let long_ago = SystemTime::UNIX_EPOCH - Duration::from_secs(70_000_000_000);
    let mut host = Host::new(
        orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
            ctx.sleep_until(long_ago).await;
            Ok(())
        }),
        None,
    );
    let answer = host.turn();
    let Some(OrchestratorActionType::CreateTimer(timer)) =
        &answer.actions[0].orchestrator_action_type
    else {
        panic!("{answer:?}");
    };
    assert_eq!(timer.fire_at.unwrap().seconds, 0);
    assert_eq!(actions(&host.fired(0).turn()), ["#1 Completed(null)"]);
}

#[test]
fn a_timeout_creates_its_timer_only_when_it_has_to_wait() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let limit = Duration::from_secs(30);
        let ready = ctx.timeout(limit, std::future::ready(1)).await.is_ok();
        let slow = ctx.timeout(limit, ctx.call(SQUARE, 2)).await;
        Ok((ready, slow.is_err()))
    });
    let mut host = Host::new(function, None);
    assert_eq!(actions(&host.turn()), ["#0 square(2)", "#1 timer +30"]);
    assert_eq!(
        actions(&host.fired(1).turn()),
        ["#2 Completed([true,true])"]
    );
}
