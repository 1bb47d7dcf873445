//! Activities and children.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use durable_functions::{
    Activity, ActivityContext, Failure, OrchestrationContext, Orchestrator, Result, RetryPolicy,
    RuntimeStatus, TaskError,
};
use durable_protocol::messages::{CreateInstanceRequest, CreateInstanceResponse};

use super::super::serving::serve;
use super::super::sidecar::{Sidecar, ended, output};

const ADD_ONE: Activity<u32, u32> = Activity::new("add-one");

async fn add_one(_: ActivityContext, number: u32) -> Result<u32> {
    Ok(number + 1)
}

pub(super) async fn an_empty_orchestration_completes_without_a_custom_status(
    sidecar: &mut Sidecar,
) {
    const EMPTY: Orchestrator<(), ()> = Orchestrator::new("empty");
    let serving = serve(
        sidecar
            .worker()
            .orchestrator(EMPTY, |_, ()| async { Ok(()) }),
    );
    let request = CreateInstanceRequest {
        instance_id: "empty".to_owned(),
        name: "empty".to_owned(),
        ..Default::default()
    };
    let _: CreateInstanceResponse = sidecar.call("StartInstance", request).await.unwrap();
    let status = ended(&sidecar.client().instance(EMPTY, "empty")).await;
    assert_eq!(status.runtime_status, RuntimeStatus::Completed);
    assert_eq!(status.output.as_deref(), Some("null"));
    assert_eq!((status.input, status.custom_status), (None, None));
    serving.stop().await;
}

pub(super) async fn ten_activities_run_one_after_the_other(sidecar: &mut Sidecar) {
    const SEQUENCE: Orchestrator<u32, Vec<u32>> = Orchestrator::new("sequence");
    let worker = sidecar.worker().activity(ADD_ONE, add_one).orchestrator(
        SEQUENCE,
        |ctx, mut number| async move {
            let mut numbers = vec![number];
            for _ in 0..10 {
                number = ctx.call(ADD_ONE, number).await?;
                numbers.push(number);
            }
            Ok(numbers)
        },
    );
    let serving = serve(worker);
    let numbers: Vec<u32> = output(&sidecar.run(SEQUENCE, &1).await);
    assert_eq!(numbers, (1..=11).collect::<Vec<_>>());
    serving.stop().await;
}

pub(super) async fn a_failed_activity_is_caught_and_two_others_compensate_for_it(
    sidecar: &mut Sidecar,
) {
    const FAIL: Activity<(), ()> = Activity::new("fail");
    const UNDO: Activity<String, ()> = Activity::new("undo");
    const TRY: Orchestrator<(), String> = Orchestrator::new("try");
    let undone = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&undone);
    let worker = sidecar
        .worker()
        .activity(FAIL, |_, ()| async {
            Err(Failure::new("Kaboom", "no").into())
        })
        .activity(UNDO, move |_, error: String| {
            assert_eq!(error, "Kaboom");
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        })
        .orchestrator(TRY, |ctx, ()| async move {
            let Err(error) = ctx.call(FAIL, ()).await.map_err(TaskError::into_failure) else {
                return Ok("no failure".to_owned());
            };
            for _ in 0..2 {
                ctx.call(UNDO, error.error_type().to_owned()).await?;
            }
            Ok("undone".to_owned())
        });
    let serving = serve(worker);
    assert_eq!(output::<String>(&sidecar.run(TRY, &()).await), "undone");
    assert_eq!(undone.load(Ordering::SeqCst), 2);
    serving.stop().await;
}

pub(super) async fn ten_children_with_three_activities_each_run_side_by_side(
    sidecar: &mut Sidecar,
) {
    const PARENT: Orchestrator<u32, u32> = Orchestrator::new("parent");
    const CHILD: Orchestrator<u32, u32> = Orchestrator::new("child");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let worker = sidecar
        .worker()
        .activity(ADD_ONE, move |_, number| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { Ok(number + 1) }
        })
        .orchestrator(CHILD, |ctx: OrchestrationContext, count: u32| async move {
            let calls: Vec<_> = (0..count).map(|n| ctx.call(ADD_ONE, n)).collect();
            Ok(ctx.join_all(calls).await?.into_iter().sum())
        })
        .orchestrator(PARENT, |ctx: OrchestrationContext, count: u32| async move {
            let children: Vec<_> = (0..count)
                .map(|_| ctx.call_orchestrator(CHILD, 3))
                .collect();
            Ok(ctx.join_all(children).await?.into_iter().sum())
        });
    let serving = serve(worker);
    assert_eq!(output::<u32>(&sidecar.run(PARENT, &10).await), 10 * 6);
    assert_eq!(calls.load(Ordering::SeqCst), 30);
    serving.stop().await;
}

/// Letter case does not count.
pub(super) async fn a_child_is_called_by_its_name(sidecar: &mut Sidecar) {
    const PARENT: Orchestrator<u32, u32> = Orchestrator::new("parent");
    const CHILD: Orchestrator<u32, u32> = Orchestrator::new("child");
    let worker = sidecar
        .worker()
        .orchestrator(CHILD, |_, number| async move { Ok(number * 2) })
        .orchestrator(PARENT, |ctx, number| async move {
            let named = Orchestrator::<u32, u32>::new("Child");
            Ok(ctx.call_orchestrator(named, number).await?)
        });
    let serving = serve(worker);
    assert_eq!(output::<u32>(&sidecar.run(PARENT, &21).await), 42);
    serving.stop().await;
}

pub(super) async fn retries_of_a_child_and_of_its_activity_are_nested(sidecar: &mut Sidecar) {
    const POLICY: RetryPolicy = RetryPolicy::new(3, Duration::from_millis(10));
    const THROW: Activity<(), ()> = Activity::new("throw").with_retry(POLICY);
    const CHILD: Orchestrator<(), ()> = Orchestrator::new("child").with_retry(POLICY);
    const PARENT: Orchestrator<(), ()> = Orchestrator::new("parent");
    let (calls, children) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (called, begun) = (Arc::clone(&calls), Arc::clone(&children));
    let worker = sidecar
        .worker()
        .activity(THROW, move |_, ()| {
            called.fetch_add(1, Ordering::SeqCst);
            async { Err(Failure::new("Kaboom", "it always fails").into()) }
        })
        .orchestrator(CHILD, move |ctx: OrchestrationContext, ()| {
            if !ctx.is_replaying() {
                begun.fetch_add(1, Ordering::SeqCst);
            }
            async move { Ok(ctx.call(THROW, ()).await?) }
        })
        .orchestrator(PARENT, |ctx, ()| async move {
            Ok(ctx.call_orchestrator(CHILD, ()).await?)
        });
    let serving = serve(worker);
    let status = sidecar.run(PARENT, &()).await;
    assert_eq!(status.runtime_status, RuntimeStatus::Failed);
    let failure = status.failure.map(|failure| failure.to_string());
    let said = failure.or(status.output).unwrap();
    assert!(said.contains("it always fails"), "{said}");
    assert_eq!(calls.load(Ordering::SeqCst), 9);
    assert_eq!(children.load(Ordering::SeqCst), 3);
    serving.stop().await;
}

/// 1 + 2 + 4 units of waiting are less than 14; 8 more are not.
pub(super) async fn no_retry_begins_after_the_time_limit_of_the_retries(sidecar: &mut Sidecar) {
    const UNIT: u64 = 100;
    const POLICY: RetryPolicy = RetryPolicy::new(10, Duration::from_millis(UNIT))
        .backoff(2.0)
        .max_interval(Duration::from_millis(10 * UNIT))
        .timeout(Duration::from_millis(7 * UNIT));
    const THROW: Activity<(), ()> = Activity::new("throw").with_retry(POLICY);
    const RETRY: Orchestrator<(), ()> = Orchestrator::new("retry");
    let calls = Arc::new(AtomicUsize::new(0));
    let called = Arc::clone(&calls);
    let worker = sidecar
        .worker()
        .activity(THROW, move |_, ()| {
            called.fetch_add(1, Ordering::SeqCst);
            async { Err(Failure::new("Kaboom", "").into()) }
        })
        .orchestrator(
            RETRY,
            |ctx, ()| async move { Ok(ctx.call(THROW, ()).await?) },
        );
    let serving = serve(worker);
    let status = sidecar.run(RETRY, &()).await;
    assert_eq!(status.runtime_status, RuntimeStatus::Failed);
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    serving.stop().await;
}
