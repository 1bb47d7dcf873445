//! From the start of an instance to its end, and what a client may do meanwhile.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use durable_functions::{
    Activity, ActivityContext, Event, OrchestrationContext, Orchestrator, Result, RuntimeStatus,
};
use durable_protocol::messages::EventType;
use uuid::Uuid;

use super::super::serving::serve;
use super::super::sidecar::{Sidecar, ended, output};

const GO: Event<u32> = Event::new("go");
const STEP: Activity<u32, u32> = Activity::new("step");
const WAIT: Orchestrator<(), u32> = Orchestrator::new("wait");

async fn step(_: ActivityContext, number: u32) -> Result<u32> {
    Ok(number)
}

async fn wait(ctx: OrchestrationContext, (): ()) -> Result<u32> {
    ctx.set_custom_status("waiting");
    Ok(ctx.wait_for(GO).await?)
}

pub(super) async fn the_history_shows_the_start_the_call_and_its_result(sidecar: &mut Sidecar) {
    const ONE: Orchestrator<u32, u32> = Orchestrator::new("one");
    let worker = sidecar
        .worker()
        .activity(STEP, step)
        .orchestrator(ONE, |ctx, number| async move {
            Ok(ctx.call(STEP, number).await?)
        });
    let serving = serve(worker);
    let instance = sidecar.client().start(ONE, &1).await.unwrap();
    ended(&instance).await;
    let history = sidecar.history(instance.id()).await;
    let shows = |wanted: fn(&EventType) -> bool| {
        let mut events = history.iter().filter_map(|event| event.event_type.as_ref());
        events.any(wanted)
    };
    assert!(shows(
        |event| matches!(event, EventType::ExecutionStarted(it) if it.name == "one")
    ));
    assert!(shows(
        |event| matches!(event, EventType::TaskScheduled(it) if it.name == "step")
    ));
    assert!(shows(
        |event| matches!(event, EventType::TaskCompleted(it) if it.result.as_deref() == Some("1"))
    ));
    serving.stop().await;
}

pub(super) async fn a_suspended_instance_takes_an_event_after_the_resume(sidecar: &mut Sidecar) {
    let serving = serve(sidecar.worker().orchestrator(WAIT, wait));
    let instance = sidecar.client().start(WAIT, &()).await.unwrap();
    sidecar.until_waiting(instance.id()).await;
    sidecar.suspend(instance.id()).await;
    sidecar.raise(instance.id(), "go", "42").await;
    let limit = Duration::from_millis(500);
    assert!(instance.wait(limit).await.is_err());
    sidecar.resume(instance.id()).await;
    assert_eq!(output::<u32>(&ended(&instance).await), 42);
    serving.stop().await;
}

pub(super) async fn a_terminated_instance_has_the_output_that_the_client_gave(
    sidecar: &mut Sidecar,
) {
    let serving = serve(sidecar.worker().orchestrator(WAIT, wait));
    let instance = sidecar.client().start(WAIT, &()).await.unwrap();
    sidecar.until_waiting(instance.id()).await;
    sidecar.terminate(instance.id(), "\"bye\"", false).await;
    let status = ended(&instance).await;
    assert_eq!(status.runtime_status, RuntimeStatus::Terminated);
    assert_eq!(status.output.as_deref(), Some("\"bye\""));
    serving.stop().await;
}

pub(super) async fn a_parent_with_a_waiting_child_is_terminated_and_purged(sidecar: &mut Sidecar) {
    const PARENT: Orchestrator<(), u32> = Orchestrator::new("parent");
    let worker = sidecar.worker().orchestrator(WAIT, wait).orchestrator(
        PARENT,
        |ctx: OrchestrationContext, ()| async move {
            let child = ctx.call_orchestrator(WAIT, ()).with_id("child");
            ctx.set_custom_status("waiting");
            Ok(child.await?)
        },
    );
    let serving = serve(worker);
    let instance = sidecar.client().start(PARENT, &()).await.unwrap();
    sidecar.until_waiting(instance.id()).await;
    sidecar.until_waiting("child").await;
    sidecar.terminate(instance.id(), "null", true).await;
    let status = ended(&instance).await;
    assert_eq!(status.runtime_status, RuntimeStatus::Terminated);
    assert_eq!(sidecar.purge(instance.id()).await, 1);
    assert_eq!(instance.status().await.unwrap(), None);
    serving.stop().await;
}

/// Restarts an instance that has ended. The ids of both, and how often the activity ran.
async fn restarted(sidecar: &Sidecar, with_new_id: bool) -> (String, String, usize) {
    const ONE: Orchestrator<u32, u32> = Orchestrator::new("one");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let worker = sidecar
        .worker()
        .activity(STEP, move |_, number| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { Ok(number) }
        })
        .orchestrator(ONE, |ctx, number| async move {
            Ok(ctx.call(STEP, number).await?)
        });
    let serving = serve(worker);
    let client = sidecar.client();
    let instance = client.start(ONE, &6).await.unwrap();
    assert_eq!(output::<u32>(&ended(&instance).await), 6);
    let id = sidecar.restart(instance.id(), with_new_id).await;
    let again = ended(&client.instance(ONE, id.clone())).await;
    assert_eq!(output::<u32>(&again), 6);
    serving.stop().await;
    (instance.id().to_owned(), id, calls.load(Ordering::SeqCst))
}

pub(super) async fn a_restart_under_the_same_id_runs_the_instance_again(sidecar: &mut Sidecar) {
    let (first, second, calls) = restarted(sidecar, false).await;
    assert_eq!((first, calls), (second, 2));
}

pub(super) async fn a_restart_under_a_new_id_runs_another_instance(sidecar: &mut Sidecar) {
    let (first, second, calls) = restarted(sidecar, true).await;
    assert_ne!(first, second);
    assert_eq!(calls, 2);
}

pub(super) async fn events_are_carried_over_five_new_executions(sidecar: &mut Sidecar) {
    const COUNT: Orchestrator<u32, Vec<u32>> = Orchestrator::new("count");
    let worker =
        sidecar
            .worker()
            .orchestrator(COUNT, |ctx: OrchestrationContext, number: u32| async move {
                let event = ctx.wait_for(GO).await?;
                if number < 4 {
                    return ctx.continue_as_new(COUNT, number + 1).await;
                }
                Ok(vec![number, event])
            });
    let serving = serve(worker);
    let instance = sidecar.client().start(COUNT, &0).await.unwrap();
    for event in 1..=5 {
        sidecar.raise(instance.id(), "go", &event.to_string()).await;
    }
    let status = ended(&instance).await;
    assert_eq!(output::<Vec<u32>>(&status), [4, 5]);
    assert_eq!(status.input.as_deref(), Some("4"));
    serving.stop().await;
}

pub(super) async fn a_custom_status_is_json_text(sidecar: &mut Sidecar) {
    const STATUS: Orchestrator<(), ()> = Orchestrator::new("status");
    let worker =
        sidecar
            .worker()
            .orchestrator(STATUS, |ctx: OrchestrationContext, ()| async move {
                ctx.set_custom_status("foobaz");
                Ok(())
            });
    let serving = serve(worker);
    let status = sidecar.run(STATUS, &()).await;
    assert_eq!(status.custom_status.as_deref(), Some("\"foobaz\""));
    serving.stop().await;
}

pub(super) async fn new_uuids_differ_and_stay_the_same_in_every_replay(sidecar: &mut Sidecar) {
    const NEW_IDS: Orchestrator<(), Vec<String>> = Orchestrator::new("new-ids");
    let drawn = Arc::new(Mutex::new(Vec::new()));
    let build = |sidecar: &Sidecar| {
        let drawn = Arc::clone(&drawn);
        sidecar.worker().activity(STEP, step).orchestrator(
            NEW_IDS,
            move |ctx: OrchestrationContext, ()| {
                let drawn = Arc::clone(&drawn);
                async move {
                    let draw = || {
                        let id = ctx.new_uuid().to_string();
                        drawn.lock().unwrap().push(id.clone());
                        id
                    };
                    let first = draw();
                    ctx.call(STEP, 0).await?;
                    let second = draw();
                    ctx.set_custom_status("waiting");
                    ctx.wait_for(GO).await?;
                    Ok(vec![first, second, draw()])
                }
            },
        )
    };
    let serving = serve(build(sidecar));
    let instance = sidecar.client().start(NEW_IDS, &()).await.unwrap();
    sidecar.until_waiting(instance.id()).await;
    serving.stop().await;
    sidecar.stream_ended();
    // Another worker has to replay.
    let serving = serve(build(sidecar));
    sidecar.raise(instance.id(), "go", "1").await;
    let ids: Vec<String> = output(&ended(&instance).await);
    let unique: HashSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), 3);
    assert!(ids.iter().all(|id| Uuid::parse_str(id).is_ok()));
    let drawn = drawn.lock().unwrap().clone();
    assert!(drawn.len() > 3 && drawn.iter().all(|id| unique.contains(id)));
    serving.stop().await;
}

/// Azure Storage cannot hold a timer of ten days; the engine makes four of it.
pub(in crate::worker) async fn a_long_timer_is_split(sidecar: &mut Sidecar) {
    const SLEEP: Orchestrator<(), bool> = Orchestrator::new("sleep");
    const DAYS: Duration = Duration::from_secs(10 * 24 * 60 * 60);
    let worker = sidecar
        .worker()
        .orchestrator(SLEEP, |ctx: OrchestrationContext, ()| async move {
            let begun = ctx.now();
            ctx.sleep(DAYS).await;
            let slept = ctx.now().duration_since(begun)?;
            Ok(slept >= DAYS - Duration::from_secs(1))
        });
    let serving = serve(worker);
    let instance = sidecar.client().start(SLEEP, &()).await.unwrap();
    assert!(output::<bool>(&ended(&instance).await));
    let history = sidecar.history(instance.id()).await;
    let timers = history
        .iter()
        .filter(|event| matches!(event.event_type, Some(EventType::TimerFired(_))));
    assert_eq!(timers.count(), 4);
    serving.stop().await;
}
