//! Rewinding instances: what the hub answers the client, and what it logs.

use durable_protocol::messages::{
    EventType, OrchestrationState, OrchestrationStatus, OrchestratorRequest, RewindInstanceRequest,
    RewindInstanceResponse,
};
use local_host::log::LogLevel;
use tonic::{Code, Status};

use super::support::{
    Answer, Client, Log, complete, count, decide, history, hub_with, orchestrator,
};

/// Ends with the status that its input names; with another input, it runs until an event comes.
fn end(_: &str, request: OrchestratorRequest) -> Answer {
    let input = history(&request).find_map(|event| match &event.event_type {
        Some(EventType::ExecutionStarted(started)) => started.input.clone(),
        _ => None,
    });
    decide(match input.as_deref() {
        Some("Completed") => vec![complete(0, OrchestrationStatus::Completed, "null")],
        Some("Failed") => vec![complete(0, OrchestrationStatus::Failed, "null")],
        _ if count(&request, |it| matches!(it, EventType::EventRaised(_))) > 0 => {
            vec![complete(0, OrchestrationStatus::Completed, "null")]
        }
        _ => vec![],
    })
}

async fn rewind(client: &Client, id: &str, reason: Option<&str>) -> Result<(), Status> {
    let request = RewindInstanceRequest {
        instance_id: id.into(),
        reason: reason.map(str::to_owned),
    };
    client
        .call::<_, RewindInstanceResponse>("RewindInstance", request)
        .await
        .map(|_| ())
}

fn is(status: OrchestrationStatus) -> impl FnMut(&OrchestrationState) -> bool {
    move |state| state.orchestration_status() == status
}

/// The text and the codes are the recorded ones.
#[tokio::test]
async fn only_failed_instances_can_be_rewound() {
    let (hub, client) = hub_with(vec![orchestrator("end")], &Log::default(), end).await;
    let refused = rewind(&client, "none", Some("r")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(
        refused.message(),
        "No instance with ID 'none' was found. (Parameter 'instanceId')"
    );
    let refused = rewind(&client, "", Some("r")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(
        refused.message(),
        "Value cannot be null. (Parameter 'instanceId')"
    );
    client.start("done", "end", "Completed").await.unwrap();
    client.start("run", "end", "Running").await.unwrap();
    client.completion("done").await;
    hub.wait_for("run", is(OrchestrationStatus::Running)).await;
    for id in ["done", "run"] {
        let refused = rewind(&client, id, None).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(
            refused.message(),
            "The rewind operation is only supported on failed orchestration instances."
        );
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_rewind_that_a_real_host_would_lose_is_logged() {
    let log = Log::default();
    let (hub, client) = hub_with(vec![orchestrator("end")], &log, end).await;
    // The earlier execution has the longer history.
    client.start("f", "end", "Running").await.unwrap();
    hub.wait_for("f", is(OrchestrationStatus::Running)).await;
    client.raise("f", "e", "1").await.unwrap();
    client.completion("f").await;
    client.start("f", "end", "Failed").await.unwrap();
    hub.wait_for("f", is(OrchestrationStatus::Failed)).await;
    rewind(&client, "f", Some("again")).await.unwrap();
    assert!(log.contains(LogLevel::Warning, "A real host loses such a rewind"));
    hub.stop().await;
}
