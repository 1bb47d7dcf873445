//! Versions of orchestrations, and which worker gets which work.

use durable_functions::worker::{VersionMatch, VersionMismatch, Worker};
use durable_functions::{Activity, Orchestrator, RuntimeStatus, error_type};

use super::super::serving::serve;
use super::super::sidecar::{Sidecar, output};

const VERSION: Orchestrator<(), Option<String>> = Orchestrator::new("version");

fn worker(sidecar: &Sidecar) -> Worker {
    sidecar
        .worker()
        .orchestrator(VERSION, |ctx, ()| async move {
            Ok(ctx.version().as_str().map(str::to_owned))
        })
}

pub(super) async fn the_version_of_the_start_reaches_the_orchestrator(sidecar: &mut Sidecar) {
    let serving = serve(worker(sidecar));
    let status = sidecar.run(VERSION.with_version("1.0"), &()).await;
    assert_eq!(output::<Option<String>>(&status).as_deref(), Some("1.0"));
    serving.stop().await;
}

/// Runs an instance of `version` on a worker of version 1.1; whether it completes.
async fn runs(sidecar: &Sidecar, rule: VersionMatch, version: &'static str) -> bool {
    let worker = worker(sidecar).version("1.1", rule, VersionMismatch::Fail);
    let serving = serve(worker);
    let status = sidecar.run(VERSION.with_version(version), &()).await;
    serving.stop().await;
    if let Some(failure) = status.failure {
        assert_eq!(failure.error_type(), error_type::VERSION_MISMATCH);
    }
    status.runtime_status == RuntimeStatus::Completed
}

pub(super) async fn another_version_fails_on_a_worker_of_one_version(sidecar: &mut Sidecar) {
    assert!(runs(sidecar, VersionMatch::Strict, "1.1").await);
    assert!(!runs(sidecar, VersionMatch::Strict, "1.0").await);
}

pub(super) async fn a_newer_version_fails_on_a_worker_for_older_ones(sidecar: &mut Sidecar) {
    assert!(runs(sidecar, VersionMatch::CurrentOrOlder, "1.0").await);
    assert!(!runs(sidecar, VersionMatch::CurrentOrOlder, "1.2").await);
}

/// Each asks for the work that it has functions for.
pub(super) async fn workers_of_different_functions_share_a_task_hub(sidecar: &mut Sidecar) {
    const STEP: Activity<u32, u32> = Activity::new("step");
    const RUN: Orchestrator<u32, u32> = Orchestrator::new("run");
    let orchestrators = sidecar
        .worker()
        .filtered()
        .orchestrator(RUN, |ctx, number| async move {
            let mut number = number;
            for _ in 0..3 {
                number = ctx.call(STEP, number).await?;
            }
            Ok(number)
        });
    let activities = sidecar
        .worker()
        .filtered()
        .activity(STEP, |_, number| async move { Ok(number + 1) });
    let (orchestrators, activities) = (serve(orchestrators), serve(activities));
    for number in 0..5 {
        assert_eq!(output::<u32>(&sidecar.run(RUN, &number).await), number + 3);
    }
    orchestrators.stop().await;
    activities.stop().await;
}
