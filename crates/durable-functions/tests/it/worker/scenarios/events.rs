//! Events, and what else may end a wait.

use std::pin::pin;
use std::time::Duration;

use durable_functions::{Activity, Event, OrchestrationContext, Orchestrator};
use futures::future::{Either, select};

use super::super::serving::serve;
use super::super::sidecar::{Sidecar, ended, output};

const A: Event<u32> = Event::new("A");
const B: Event<u32> = Event::new("B");
const C: Event<u32> = Event::new("C");
const STEP: Activity<(), ()> = Activity::new("step");

pub(super) async fn three_events_that_were_raised_at_once_are_awaited_in_order(
    sidecar: &mut Sidecar,
) {
    const COLLECT: Orchestrator<(), Vec<u32>> = Orchestrator::new("collect");
    let worker = sidecar
        .worker()
        .orchestrator(COLLECT, |ctx, ()| async move {
            Ok(vec![
                ctx.wait_for(A).await?,
                ctx.wait_for(B).await?,
                ctx.wait_for(C).await?,
            ])
        });
    let serving = serve(worker);
    let instance = sidecar.client().start(COLLECT, &()).await.unwrap();
    let id = instance.id();
    tokio::join!(
        sidecar.raise(id, "C", "3"),
        sidecar.raise(id, "B", "2"),
        sidecar.raise(id, "A", "1"),
    );
    let collected: Vec<u32> = output(&ended(&instance).await);
    assert_eq!(collected, [1, 2, 3]);
    serving.stop().await;
}

pub(super) async fn an_event_or_a_timer_ends_the_wait(sidecar: &mut Sidecar) {
    const APPROVE: Orchestrator<u64, String> = Orchestrator::new("approve");
    let worker = sidecar
        .worker()
        .orchestrator(APPROVE, |ctx, seconds| async move {
            let limit = Duration::from_secs(seconds);
            Ok(match ctx.timeout(limit, ctx.wait_for(A)).await {
                Ok(event) => format!("approved by {}", event?),
                Err(_) => "timed out".to_owned(),
            })
        });
    let serving = serve(worker);
    let instance = sidecar.client().start(APPROVE, &600).await.unwrap();
    sidecar.raise(instance.id(), "A", "7").await;
    assert_eq!(output::<String>(&ended(&instance).await), "approved by 7");
    assert_eq!(
        output::<String>(&sidecar.run(APPROVE, &1).await),
        "timed out"
    );
    serving.stop().await;
}

/// A timer cannot be taken back. It fires later, and changes nothing.
pub(super) async fn an_event_that_wins_leaves_the_timer_without_effect(sidecar: &mut Sidecar) {
    const RACE: Orchestrator<u64, Vec<String>> = Orchestrator::new("race");
    let worker =
        sidecar
            .worker()
            .orchestrator(RACE, |ctx: OrchestrationContext, millis| async move {
                let timer = pin!(ctx.sleep(Duration::from_millis(millis)));
                let first = match select(pin!(ctx.wait_for(A)), timer).await {
                    Either::Left((event, _)) => format!("event {}", event?),
                    Either::Right(((), _)) => "timer".to_owned(),
                };
                // The timer of the race fires while this one runs.
                ctx.sleep(Duration::from_millis(400)).await;
                Ok(vec![first, "end".to_owned()])
            });
    let serving = serve(worker);
    let instance = sidecar.client().start(RACE, &300).await.unwrap();
    sidecar.raise(instance.id(), "A", "1").await;
    let won: Vec<String> = output(&ended(&instance).await);
    assert_eq!(won, ["event 1", "end"]);
    let lost: Vec<String> = output(&sidecar.run(RACE, &1).await);
    assert_eq!(lost, ["timer", "end"]);
    serving.stop().await;
}

pub(super) async fn an_event_from_another_orchestration_arrives_once(sidecar: &mut Sidecar) {
    const RECEIVE: Orchestrator<(), (u32, bool)> = Orchestrator::new("receive");
    const SEND: Orchestrator<String, ()> = Orchestrator::new("send");
    let worker = sidecar
        .worker()
        .activity(STEP, |_, ()| async { Ok(()) })
        .orchestrator(RECEIVE, |ctx, ()| async move {
            let number = ctx.wait_for(A).await?;
            let another = ctx.timeout(Duration::from_millis(500), ctx.wait_for(A));
            Ok((number, another.await.is_ok()))
        })
        .orchestrator(SEND, |ctx, target: String| async move {
            ctx.call(STEP, ()).await?;
            ctx.send_event(&target, A, 42)?;
            // Each turn replays the sending.
            ctx.call(STEP, ()).await?;
            ctx.call(STEP, ()).await?;
            Ok(())
        });
    let serving = serve(worker);
    let receiver = sidecar.client().start(RECEIVE, &()).await.unwrap();
    output::<()>(&sidecar.run(SEND, &receiver.id().to_owned()).await);
    let received: (u32, bool) = output(&ended(&receiver).await);
    assert_eq!(received, (42, false));
    serving.stop().await;
}

pub(super) async fn an_event_to_a_missing_instance_does_not_fail_the_sender(sidecar: &mut Sidecar) {
    const SEND: Orchestrator<String, u32> = Orchestrator::new("send");
    let worker = sidecar
        .worker()
        .orchestrator(SEND, |ctx, target: String| async move {
            ctx.send_event(&target, A, 1)?;
            ctx.sleep(Duration::from_millis(10)).await;
            Ok(5)
        });
    let serving = serve(worker);
    let sent = sidecar.run(SEND, &"nobody".to_owned()).await;
    assert_eq!(output::<u32>(&sent), 5);
    serving.stop().await;
}

pub(super) async fn of_two_events_the_one_that_loses_is_not_taken(sidecar: &mut Sidecar) {
    const CHOOSE: Orchestrator<(), (String, u32)> = Orchestrator::new("choose");
    let worker =
        sidecar
            .worker()
            .orchestrator(CHOOSE, |ctx: OrchestrationContext, ()| async move {
                let winner = match select(pin!(ctx.wait_for(A)), pin!(ctx.wait_for(B))).await {
                    Either::Left((event, _)) => format!("A{}", event?),
                    Either::Right((event, _)) => format!("B{}", event?),
                };
                ctx.set_custom_status("waiting");
                // The wait that lost does not take the event of this one.
                let late = if winner.starts_with('A') { B } else { A };
                Ok((winner, ctx.wait_for(late).await?))
            });
    let serving = serve(worker);
    for (first, second, winner) in [("A", "B", "A1"), ("B", "A", "B1")] {
        let instance = sidecar.client().start(CHOOSE, &()).await.unwrap();
        sidecar.raise(instance.id(), first, "1").await;
        sidecar.until_waiting(instance.id()).await;
        sidecar.raise(instance.id(), second, "2").await;
        let chosen: (String, u32) = output(&ended(&instance).await);
        assert_eq!(chosen, (winner.to_owned(), 2));
    }
    serving.stop().await;
}
