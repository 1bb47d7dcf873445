//! Rewinds of failed instances.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use durable_functions::worker::Worker;
use durable_functions::{
    Activity, Failure, OrchestrationContext, Orchestrator, Result, RetryPolicy, RuntimeStatus,
};

use super::super::serving::{LIMIT, serve};
use super::super::sidecar::{Sidecar, ended, output};

const STEP: Activity<u32, u32> = Activity::new("step");
const FLAKY: Activity<u32, u32> = Activity::new("flaky");
const RUN: Orchestrator<u32, u32> = Orchestrator::new("run");
const PARENT: Orchestrator<u32, u32> = Orchestrator::new("parent");

/// What the activities have done, and whether the flaky one fails.
#[derive(Clone, Default)]
struct Log {
    steps: Arc<AtomicUsize>,
    attempts: Arc<AtomicUsize>,
    works: Arc<AtomicBool>,
}

impl Log {
    fn worker(&self, sidecar: &Sidecar) -> Worker {
        let (counted, log) = (self.clone(), self.clone());
        sidecar
            .worker()
            .activity(STEP, move |_, number| {
                counted.steps.fetch_add(1, Ordering::SeqCst);
                async move { Ok(number + 1) }
            })
            .activity(FLAKY, move |_, number| {
                log.attempts.fetch_add(1, Ordering::SeqCst);
                let works = log.works.load(Ordering::SeqCst);
                async move {
                    match works {
                        true => Ok(number * 2),
                        false => Err(Failure::new("Down", "not now").into()),
                    }
                }
            })
            .orchestrator(RUN, |ctx: OrchestrationContext, number| async move {
                let number = ctx.call(STEP, number).await?;
                Ok(ctx.call(FLAKY, number).await?)
            })
            .orchestrator(PARENT, |ctx: OrchestrationContext, number| async move {
                let number = ctx.call(STEP, number).await?;
                Ok(ctx.call_orchestrator(RUN, number).with_id("child").await?)
            })
    }

    /// How often each activity ran.
    fn counts(&self) -> (usize, usize) {
        let count = |it: &AtomicUsize| it.load(Ordering::SeqCst);
        (count(&self.steps), count(&self.attempts))
    }
}

/// Runs an instance that fails.
async fn failed(sidecar: &Sidecar, orchestrator: Orchestrator<u32, u32>) {
    let client = sidecar.client();
    let instance = client.start(orchestrator, &1).with_id("i").await.unwrap();
    let status = ended(&instance).await;
    assert_eq!(status.runtime_status, RuntimeStatus::Failed);
}

/// Rewinds it and waits for its end.
async fn rewound(sidecar: &Sidecar, orchestrator: Orchestrator<u32, u32>) -> Option<u32> {
    sidecar.rewind("i", Some("it works now")).await.unwrap();
    let instance = sidecar.client().instance(orchestrator, "i");
    let status = ended(&instance).await;
    status.output().unwrap()
}

pub(super) async fn a_rewind_runs_the_failed_activity_again_and_keeps_the_other_results(
    sidecar: &mut Sidecar,
) {
    let log = Log::default();
    let serving = serve(log.worker(sidecar));
    failed(sidecar, RUN).await;
    assert_eq!(log.counts(), (1, 1));
    log.works.store(true, Ordering::SeqCst);
    assert_eq!(rewound(sidecar, RUN).await, Some(4));
    assert_eq!(log.counts(), (1, 2));
    serving.stop().await;
}

pub(super) async fn a_rewind_of_a_parent_rewinds_the_failed_child(sidecar: &mut Sidecar) {
    let log = Log::default();
    let serving = serve(log.worker(sidecar));
    failed(sidecar, PARENT).await;
    assert_eq!(log.counts(), (2, 1));
    log.works.store(true, Ordering::SeqCst);
    assert_eq!(rewound(sidecar, PARENT).await, Some(6));
    assert_eq!(log.counts(), (2, 2));
    serving.stop().await;
}

pub(super) async fn an_instance_that_fails_again_is_rewound_again(sidecar: &mut Sidecar) {
    let log = Log::default();
    let serving = serve(log.worker(sidecar));
    failed(sidecar, RUN).await;
    assert_eq!(rewound(sidecar, RUN).await, None);
    log.works.store(true, Ordering::SeqCst);
    sidecar.rewind("i", None).await.unwrap();
    let status = ended(&sidecar.client().instance(RUN, "i")).await;
    assert_eq!(output::<u32>(&status), 4);
    assert_eq!(log.counts(), (1, 3));
    serving.stop().await;
}

pub(super) async fn a_rewind_of_an_activity_with_retries_begins_them_anew(sidecar: &mut Sidecar) {
    const RETRIED: Activity<u32, u32> =
        Activity::new("flaky").with_retry(RetryPolicy::new(3, Duration::from_millis(10)));
    const RETRY: Orchestrator<u32, u32> = Orchestrator::new("retry");
    async fn retry(ctx: OrchestrationContext, number: u32) -> Result<u32> {
        let number = ctx.call(RETRIED, number).await?;
        Ok(ctx.call(STEP, number).await?)
    }
    let log = Log::default();
    let serving = serve(log.worker(sidecar).orchestrator(RETRY, retry));
    failed(sidecar, RETRY).await;
    assert_eq!(log.counts(), (0, 3));
    assert_eq!(rewound(sidecar, RETRY).await, None);
    assert_eq!(log.counts(), (0, 6));
    log.works.store(true, Ordering::SeqCst);
    assert_eq!(rewound(sidecar, RETRY).await, Some(3));
    assert_eq!(log.counts(), (1, 7));
    serving.stop().await;
}

pub(in crate::worker) async fn a_rewind_runs_a_child_that_was_purged_anew(sidecar: &mut Sidecar) {
    let log = Log::default();
    let serving = serve(log.worker(sidecar));
    failed(sidecar, PARENT).await;
    assert_eq!(sidecar.purge("child").await, 1);
    log.works.store(true, Ordering::SeqCst);
    assert_eq!(rewound(sidecar, PARENT).await, Some(6));
    // The child's first step as well.
    assert_eq!(log.counts(), (3, 2));
    serving.stop().await;
}

pub(super) async fn only_a_failed_instance_is_rewound(sidecar: &mut Sidecar) {
    let log = Log::default();
    log.works.store(true, Ordering::SeqCst);
    let serving = serve(log.worker(sidecar));
    let instance = sidecar.client().start(RUN, &1).await.unwrap();
    instance.wait(LIMIT).await.unwrap();
    let error = sidecar.rewind(instance.id(), None).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::FailedPrecondition);
    let error = sidecar.rewind("nobody", None).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::NotFound);
    serving.stop().await;
}
