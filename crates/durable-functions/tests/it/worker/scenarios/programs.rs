//! The programs that orchestrations are made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use durable_functions::worker::Worker;
use durable_functions::{
    Activity, ActivityContext, Entity, EntityFunction, Event, Failure, Operation,
    OrchestrationContext, Orchestrator, Result, RetryPolicy, RuntimeStatus, TaskError,
};
use tokio::sync::Notify;

use super::super::serving::serve;
use super::super::sidecar::{Sidecar, ended, output};

const ADD_ONE: Activity<u32, u32> = Activity::new("add-one");
const CHAIN: Orchestrator<u32, u32> = Orchestrator::new("chain");
const FAN_OUT: Orchestrator<u32, u32> = Orchestrator::new("fan-out");
const APPROVAL: Event<u32> = Event::new("approval");
const WAIT: Orchestrator<(), u32> = Orchestrator::new("wait");

async fn add_one(_: ActivityContext, number: u32) -> Result<u32> {
    Ok(number + 1)
}

async fn chain(ctx: OrchestrationContext, mut number: u32) -> Result<u32> {
    for _ in 0..3 {
        number = ctx.call(ADD_ONE, number).await?;
    }
    Ok(number)
}

async fn fan_out(ctx: OrchestrationContext, count: u32) -> Result<u32> {
    let calls: Vec<_> = (0..count).map(|number| ctx.call(ADD_ONE, number)).collect();
    Ok(ctx.join_all(calls).await?.into_iter().sum())
}

async fn wait(ctx: OrchestrationContext, (): ()) -> Result<u32> {
    ctx.set_custom_status("waiting");
    Ok(ctx.wait_for(APPROVAL).await?)
}

fn worker(sidecar: &Sidecar) -> Worker {
    sidecar
        .worker()
        .activity(ADD_ONE, add_one)
        .orchestrator(CHAIN, chain)
        .orchestrator(FAN_OUT, fan_out)
        .orchestrator(WAIT, wait)
}

pub(super) async fn activities_run_in_a_chain_and_in_a_fan_out_of_50(sidecar: &mut Sidecar) {
    let serving = serve(worker(sidecar));
    assert_eq!(output::<u32>(&sidecar.run(CHAIN, &4).await), 7);
    let sum = sidecar.run(FAN_OUT, &50).await;
    assert_eq!(output::<u32>(&sum), (1..=50).sum::<u32>());
    serving.stop().await;
}

pub(super) async fn a_failed_activity_is_retried_and_its_failure_arrives_with_type_and_cause(
    sidecar: &mut Sidecar,
) {
    const FLAKY: Activity<u32, usize> =
        Activity::new("flaky").with_retry(RetryPolicy::new(3, Duration::from_millis(10)));
    const RETRY: Orchestrator<u32, usize> = Orchestrator::new("retry");
    const BROKEN: Activity<(), ()> = Activity::new("broken");
    const FAIL: Orchestrator<(), ()> = Orchestrator::new("fail");
    const CATCH: Orchestrator<(), Vec<String>> = Orchestrator::new("catch");
    let calls = Arc::new(AtomicUsize::new(0));
    let worker = worker(sidecar)
        .activity(FLAKY, move |_, failures: u32| {
            let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                if call <= failures as usize {
                    return Err(Failure::new("Busy", "").into());
                }
                Ok(call)
            }
        })
        .activity(BROKEN, |_, ()| async {
            let cause = Failure::new("Cause", "the disk");
            Err(Failure::new("Broken", "it broke")
                .non_retriable()
                .with_cause(cause)
                .into())
        })
        .orchestrator(RETRY, |ctx, failures| async move {
            Ok(ctx.call(FLAKY, failures).await?)
        })
        .orchestrator(
            FAIL,
            |ctx, ()| async move { Ok(ctx.call(BROKEN, ()).await?) },
        )
        .orchestrator(CATCH, |ctx, ()| async move {
            let error = ctx.call(BROKEN, ()).await.map_err(TaskError::into_failure);
            let failure = error.err().unwrap_or_else(|| Failure::new("None", ""));
            let cause = failure.cause().map(ToString::to_string);
            Ok(vec![failure.to_string(), cause.unwrap_or_default()])
        });
    let serving = serve(worker);
    assert_eq!(output::<usize>(&sidecar.run(RETRY, &2).await), 3);
    let caught: Vec<String> = output(&sidecar.run(CATCH, &()).await);
    assert_eq!(caught, ["Broken: it broke", "Cause: the disk"]);
    let failed = sidecar.run(FAIL, &()).await;
    assert_eq!(failed.runtime_status, RuntimeStatus::Failed);
    assert_eq!(failed.failure.unwrap().error_type(), "Broken");
    serving.stop().await;
}

pub(super) async fn timers_events_and_time_limits_end_as_they_should(sidecar: &mut Sidecar) {
    const SLEEP: Orchestrator<u64, String> = Orchestrator::new("sleep");
    const LIMITED: Orchestrator<u64, Option<u32>> = Orchestrator::new("limited");
    let worker = worker(sidecar)
        .orchestrator(SLEEP, |ctx, millis| async move {
            ctx.sleep(Duration::from_millis(millis)).await;
            Ok("woken".to_owned())
        })
        .orchestrator(LIMITED, |ctx, millis| async move {
            ctx.set_custom_status("waiting");
            let limit = Duration::from_millis(millis);
            match ctx.timeout(limit, ctx.wait_for(APPROVAL)).await {
                Ok(event) => Ok(Some(event?)),
                Err(_) => Ok(None),
            }
        });
    let serving = serve(worker);
    assert_eq!(output::<String>(&sidecar.run(SLEEP, &50).await), "woken");
    assert_eq!(
        output::<Option<u32>>(&sidecar.run(LIMITED, &50).await),
        None
    );
    let client = sidecar.client();
    let instance = client.start(LIMITED, &600_000).await.unwrap();
    sidecar.until_waiting(instance.id()).await;
    sidecar.raise(instance.id(), "Approval", "9").await;
    assert_eq!(output::<Option<u32>>(&ended(&instance).await), Some(9));
    serving.stop().await;
}

pub(super) async fn children_and_new_executions_run(sidecar: &mut Sidecar) {
    const PARENT: Orchestrator<u32, u32> = Orchestrator::new("parent");
    const COUNTDOWN: Orchestrator<u32, u32> = Orchestrator::new("countdown");
    let worker = worker(sidecar)
        .orchestrator(PARENT, |ctx, number| async move {
            Ok(ctx.call_orchestrator(CHAIN, number).await?)
        })
        .orchestrator(
            COUNTDOWN,
            |ctx: OrchestrationContext, number: u32| async move {
                if number == 0 {
                    return Ok(ctx.wait_for(APPROVAL).await?);
                }
                ctx.call(ADD_ONE, number).await?;
                ctx.continue_as_new(COUNTDOWN, number - 1).await
            },
        );
    let serving = serve(worker);
    assert_eq!(output::<u32>(&sidecar.run(PARENT, &10).await), 13);
    let client = sidecar.client();
    let instance = client.start(COUNTDOWN, &3).await.unwrap();
    // Carried over from one execution to the next.
    sidecar.raise(instance.id(), "approval", "5").await;
    assert_eq!(output::<u32>(&ended(&instance).await), 5);
    serving.stop().await;
}

pub(super) async fn an_instance_can_be_suspended_resumed_and_terminated(sidecar: &mut Sidecar) {
    let serving = serve(worker(sidecar));
    let client = sidecar.client();
    let instance = client.start(WAIT, &()).await.unwrap();
    let id = instance.id();
    sidecar.until_waiting(id).await;
    sidecar.suspend(id).await;
    sidecar.raise(id, "approval", "3").await;
    sidecar.resume(id).await;
    assert_eq!(output::<u32>(&ended(&instance).await), 3);

    let instance = client.start(WAIT, &()).await.unwrap();
    sidecar.until_waiting(instance.id()).await;
    sidecar.terminate(instance.id(), "\"enough\"", false).await;
    let status = ended(&instance).await;
    assert_eq!(status.runtime_status, RuntimeStatus::Terminated);
    assert_eq!(status.output.as_deref(), Some("\"enough\""));
    serving.stop().await;
}

pub(super) async fn entities_are_called_signalled_and_locked(sidecar: &mut Sidecar) {
    const COUNTER: Entity<i64> = Entity::new("counter");
    const ADD: Operation<i64, i64> = Operation::new("add");
    const FAIL: Operation<(), ()> = Operation::new("fail");
    const COUNT: Orchestrator<(), (i64, String, i64)> = Orchestrator::new("count");
    let counter = EntityFunction::new(COUNTER)
        .on(ADD, async |_, count: &mut i64, n: i64| {
            *count += n;
            Ok(*count)
        })
        .on(FAIL, async |_, count: &mut i64, ()| {
            *count = -1;
            Err(Failure::new("Refused", "not now").into())
        });
    let worker = worker(sidecar)
        .entity(counter)
        .orchestrator(COUNT, |ctx, ()| async move {
            let (a, b) = (COUNTER.id("a"), COUNTER.id("b"));
            ctx.signal_entity(&a, ADD, 2)?;
            let later = ctx.now() + Duration::from_millis(20);
            ctx.signal_entity_at(&b, ADD, 100, later)?;
            let first = ctx.call_entity(&a, ADD, 3).await?;
            let refused = ctx.call_entity(&a, FAIL, ()).await;
            let refused = refused.map_err(TaskError::into_failure);
            let refused = refused.err().map(|failure| failure.to_string());
            let lock = ctx.lock([&a, &b]).await?;
            let last = ctx.call_entity(&a, ADD, 10).await?;
            lock.release();
            // Locked once more: the release has arrived.
            drop(ctx.lock([&a]).await?);
            Ok((first, refused.unwrap_or_default(), last))
        });
    let serving = serve(worker);
    let (first, refused, last): (i64, String, i64) = output(&sidecar.run(COUNT, &()).await);
    assert_eq!((first, last), (5, 15));
    assert_eq!(refused, "Refused: not now");
    serving.stop().await;
}

pub(super) async fn instances_go_on_with_another_worker_after_a_stop(sidecar: &mut Sidecar) {
    const HOLD: Activity<u32, u32> = Activity::new("hold");
    const TWO_STEPS: Orchestrator<u32, u32> = Orchestrator::new("two-steps");
    let (held, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let build = |sidecar: &Sidecar| {
        let (held, begun) = (Arc::clone(&held), Arc::clone(&begun));
        worker(sidecar)
            .activity(HOLD, move |_, number: u32| {
                let (held, begun) = (Arc::clone(&held), Arc::clone(&begun));
                async move {
                    begun.notify_one();
                    held.notified().await;
                    Ok(number * 2)
                }
            })
            .orchestrator(TWO_STEPS, |ctx, number| async move {
                let number = ctx.call(HOLD, number).await?;
                ctx.set_custom_status("waiting");
                Ok(number + ctx.wait_for(APPROVAL).await?)
            })
    };
    let mut serving = serve(build(sidecar));
    let client = sidecar.client();
    let instance = client.start(TWO_STEPS, &4).await.unwrap();
    let other = client.start(WAIT, &()).await.unwrap();
    begun.notified().await;
    sidecar.until_waiting(other.id()).await;
    // The activity ends within the grace; its turn is for the next worker.
    serving.begin_stop();
    sidecar.stream_ended();
    held.notify_one();
    serving.ended().await;
    let serving = serve(build(sidecar));
    sidecar.until_waiting(instance.id()).await;
    sidecar.raise(instance.id(), "approval", "1").await;
    sidecar.raise(other.id(), "approval", "2").await;
    assert_eq!(output::<u32>(&ended(&instance).await), 9);
    assert_eq!(output::<u32>(&ended(&other).await), 2);
    serving.stop().await;
}
