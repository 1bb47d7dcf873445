//! A worker of a version runs what it may, and gives versions on.

use durable_functions::worker::{VersionMatch, VersionMismatch, Worker};
use durable_functions::{Activity, OrchestrationContext, Orchestrator, error_type};
use durable_protocol::messages::{
    OrchestrationStatus, OrchestratorActionType, OrchestratorResponse, WorkerCapability,
};

use super::fake::{End, Fake, serve};
use super::items::{end_of, first_turn, first_turn_of, turn};

const WORK: Activity<(), u32> = Activity::new("work");
const CHILD: Orchestrator<(), ()> = Orchestrator::new("child");
const VERSION: Orchestrator<u32, Option<String>> = Orchestrator::new("version");
const PARENT: Orchestrator<u32, ()> = Orchestrator::new("parent");

fn version(worker: Worker) -> Worker {
    worker.orchestrator(VERSION, |ctx, _| async move {
        Ok(ctx.version().as_str().map(str::to_owned))
    })
}

#[tokio::test]
async fn a_version_that_the_worker_does_not_run_fails_the_instance_or_is_given_back() {
    for (runs, version_of_turn, is_run) in [
        (VersionMatch::Strict, Some("1.2"), true),
        (VersionMatch::Strict, Some("1.1"), false),
        (VersionMatch::CurrentOrOlder, Some("1.1"), true),
        (VersionMatch::CurrentOrOlder, None, true),
        (VersionMatch::CurrentOrOlder, Some("1.10"), false),
    ] {
        let mut sidecar = Fake::listen().await;
        let worker = sidecar.worker().version("1.2", runs, VersionMismatch::Fail);
        let serving = serve(version(worker));
        let stream = sidecar.accept().await;
        stream.send("t", turn(first_turn_of("version", version_of_turn)));
        let (status, result, failure) = end_of(sidecar.end().await);
        if is_run {
            assert_eq!(status, OrchestrationStatus::Completed);
            let version = serde_json::to_string(&version_of_turn).unwrap();
            assert_eq!(result, Some(version));
        } else {
            assert_eq!(failure.as_deref(), Some(error_type::VERSION_MISMATCH));
        }
        serving.stop().await;
    }
    let mut sidecar = Fake::listen().await;
    let worker = sidecar.worker();
    let worker = worker.version("1.2", VersionMatch::Strict, VersionMismatch::Abandon);
    let serving = serve(version(worker));
    let stream = sidecar.accept().await;
    stream.send("t", turn(first_turn_of("version", Some("2"))));
    let End::Abandoned("turn", token) = sidecar.end().await else {
        panic!("not abandoned");
    };
    assert_eq!(token, "t");
    serving.stop().await;
}

async fn parent(ctx: OrchestrationContext, _: u32) -> durable_functions::Result<()> {
    let work = ctx.call(WORK, ());
    ctx.call_orchestrator(CHILD, ()).await?;
    work.await?;
    Ok(())
}

#[tokio::test]
async fn activities_have_the_version_of_their_orchestration_and_children_the_default() {
    let mut sidecar = Fake::listen().await;
    let worker = sidecar.worker().orchestrator(PARENT, parent);
    let serving = serve(worker.default_version("3"));
    let stream = sidecar.accept().await;
    for (history, expected) in [
        (first_turn_of("parent", Some("2")), Some("2")),
        (first_turn("parent"), None),
    ] {
        stream.send("t", turn(history));
        let End::Turn(OrchestratorResponse { actions, .. }) = sidecar.end().await else {
            panic!("no turn");
        };
        for action in actions {
            match action.orchestrator_action_type.unwrap() {
                OrchestratorActionType::ScheduleTask(task) => {
                    assert_eq!(task.version.as_deref(), expected);
                }
                OrchestratorActionType::CreateSubOrchestration(child) => {
                    assert_eq!(child.version.as_deref(), Some("3"));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    serving.stop().await;
}

#[tokio::test]
async fn a_sidecar_is_asked_for_the_one_version_that_a_worker_runs() {
    for (runs, versions) in [
        (VersionMatch::Strict, vec!["1.2".to_owned()]),
        (VersionMatch::CurrentOrOlder, Vec::new()),
    ] {
        let mut sidecar = Fake::listen().await;
        let worker = version(sidecar.worker())
            .activity(WORK, |_, ()| async { Ok(1) })
            .version("1.2", runs, VersionMismatch::Abandon)
            .filtered();
        let serving = serve(worker);
        let asked = sidecar.accept().await.asked;
        let filters = asked.work_item_filters.unwrap();
        assert_eq!(filters.orchestrations[0].versions, versions);
        assert_eq!(filters.activities[0].versions, versions);
        assert_eq!(
            asked.capabilities,
            [WorkerCapability::HistoryStreaming as i32]
        );
        serving.stop().await;
    }
}
