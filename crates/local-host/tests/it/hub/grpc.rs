//! The gRPC service: codes, texts and fields as a real host gives them.

use std::sync::Arc;

use durable_protocol::messages::{
    CreateInstanceRequest, CreateInstanceResponse, EventType, GetInstanceRequest,
    GetInstanceResponse, OrchestrationStatus, OrchestratorRequest, OrchestratorResponse,
    RaiseEventRequest, RaiseEventResponse, ResumeRequest, ResumeResponse, SuspendRequest,
    SuspendResponse, TerminateRequest, TerminateResponse,
};
use local_host::hub::{Extension, Hub, HubOptions};
use local_host::log::LogLevel;
use tonic::{Code, Request, Status};

use super::support::{
    Answer, Client, Handler, Log, complete, count, get, hub_with, options, orchestrator, response,
};

/// Waits for one event and returns its input.
fn wait_for_event(_: &str, request: OrchestratorRequest) -> Answer {
    let raised = super::support::history(&request).find_map(|event| match &event.event_type {
        Some(EventType::EventRaised(raised)) => raised.input.clone(),
        _ => None,
    });
    let terminated = count(&request, |it| {
        matches!(it, EventType::ExecutionTerminated(_))
    });
    let actions = match raised {
        Some(input) => vec![complete(0, OrchestrationStatus::Completed, &input)],
        None if terminated > 0 => {
            vec![complete(0, OrchestrationStatus::Terminated, "stop")]
        }
        None => Vec::new(),
    };
    Ok(response(&OrchestratorResponse {
        actions,
        custom_status: Some("\"waiting\"".into()),
        ..OrchestratorResponse::default()
    }))
}

async fn waiting() -> (Hub, Client, Log) {
    let log = Log::default();
    let (hub, client) = hub_with(vec![orchestrator("event")], &log, wait_for_event).await;
    (hub, client, log)
}

async fn running(hub: &Hub, client: &Client, id: &str) {
    client.start(id, "event", "{\"a\":1}").await.unwrap();
    hub.wait_for(id, |state| {
        state.orchestration_status() == OrchestrationStatus::Running
    })
    .await;
}

fn says<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, text: &str) {
    let status = outcome.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, text));
}

async fn terminate(client: &Client, id: &str) -> Result<TerminateResponse, Status> {
    let request = TerminateRequest {
        instance_id: id.into(),
        output: Some("stop".into()),
        recursive: false,
    };
    client.call("TerminateInstance", request).await
}

async fn suspend(client: &Client, id: &str) -> Result<SuspendResponse, Status> {
    let request = SuspendRequest {
        instance_id: id.into(),
        reason: Some("hold".into()),
    };
    client.call("SuspendInstance", request).await
}

async fn resume(client: &Client, id: &str) -> Result<ResumeResponse, Status> {
    let request = ResumeRequest {
        instance_id: id.into(),
        reason: None,
    };
    client.call("ResumeInstance", request).await
}

#[tokio::test]
async fn hello_answers() {
    let (hub, client, _) = waiting().await;
    client.call::<(), ()>("Hello", ()).await.unwrap();
    hub.stop().await;
}

#[tokio::test]
async fn a_method_that_is_not_served_is_named_to_the_caller_and_in_the_log() {
    let (hub, client, log) = waiting().await;
    let outcome = client.call::<_, ()>("ListInstanceIds", ()).await;
    let reason = "local-host does not have the method /TaskHubSidecarService/ListInstanceIds. \
                  A real host may have it.";
    says(outcome, Code::Unimplemented, reason);
    assert!(log.contains(LogLevel::Error, reason));
    hub.stop().await;
}

#[tokio::test]
async fn unknown_instances_are_not_found() {
    let (hub, client, _) = waiting().await;
    assert!(client.get("none").await.is_none());
    says(
        client.raise("none", "x", "1").await,
        Code::NotFound,
        "No instance with ID 'none' was found. (Parameter 'instanceId')",
    );
    says(
        terminate(&client, "none").await,
        Code::NotFound,
        "ArgumentException: No instance with ID 'none' was found. (Parameter 'instanceId')",
    );
    let text = "ArgumentException: No instance with ID 'none' was found. (Parameter 'instanceId')";
    says(suspend(&client, "none").await, Code::NotFound, text);
    says(resume(&client, "none").await, Code::NotFound, text);
    hub.stop().await;
}

#[tokio::test]
async fn extension_3_14_gives_no_reason_for_a_refused_suspend_or_resume() {
    let log = Log::default();
    let options = HubOptions {
        extension: Extension::V3_14,
        ..options()
    };
    let handler = Arc::new(Handler(wait_for_event));
    let hub = Hub::start(options, vec![orchestrator("event")], handler, log.sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    let unknown = "Exception was thrown by handler.";
    says(suspend(&client, "none").await, Code::Unknown, unknown);
    says(resume(&client, "").await, Code::Unknown, unknown);
    assert!(log.contains(LogLevel::Error, "SuspendInstance failed: No instance"));
    hub.stop().await;
}

#[tokio::test]
async fn missing_arguments_are_named() {
    let (hub, client, _) = waiting().await;
    running(&hub, &client, "run").await;
    let id = "Value cannot be null. (Parameter 'instanceId')";
    says(client.raise("", "x", "1").await, Code::InvalidArgument, id);
    says(terminate(&client, "").await, Code::InvalidArgument, id);
    says(
        client.raise("run", "", "1").await,
        Code::InvalidArgument,
        "Value cannot be null. (Parameter 'eventName')",
    );
    hub.stop().await;
}

#[tokio::test]
async fn finished_instances_accept_no_messages() {
    let (hub, client, _) = waiting().await;
    running(&hub, &client, "done").await;
    client.raise("done", "Go", "7").await.unwrap();
    assert_eq!(client.completion("done").await.output.as_deref(), Some("7"));
    says(
        client.raise("done", "x", "1").await,
        Code::FailedPrecondition,
        "The orchestration instance with the provided instance id is not running.",
    );
    says(
        terminate(&client, "done").await,
        Code::FailedPrecondition,
        "InvalidOperationException: Cannot terminate the orchestration instance done because \
         instance is in the Completed state.",
    );
    says(
        suspend(&client, "done").await,
        Code::FailedPrecondition,
        "InvalidOperationException: Cannot suspend the orchestration instance done because \
         instance is in the Completed state.",
    );
    hub.stop().await;
}

#[tokio::test]
async fn suspend_shows_its_reason_until_resume() {
    let (hub, client, _) = waiting().await;
    running(&hub, &client, "s").await;
    assert_eq!(
        resume(&client, "s").await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    suspend(&client, "s").await.unwrap();
    let state = hub
        .wait_for("s", |state| {
            state.orchestration_status() == OrchestrationStatus::Suspended
        })
        .await;
    assert_eq!(state.output.as_deref(), Some("hold"));
    assert_eq!(
        suspend(&client, "s").await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    resume(&client, "s").await.unwrap();
    let state = hub
        .wait_for("s", |state| {
            state.orchestration_status() == OrchestrationStatus::Running
        })
        .await;
    assert_eq!(state.output, None);
    hub.stop().await;
}

#[tokio::test]
async fn payloads_are_sent_only_on_request() {
    let (hub, client, _) = waiting().await;
    running(&hub, &client, "p").await;
    let state = client.get("p").await.unwrap();
    assert_eq!(state.name, "event");
    assert_eq!(state.input.as_deref(), Some("{\"a\":1}"));
    assert_eq!(state.custom_status.as_deref(), Some("\"waiting\""));
    assert!(state.created_timestamp.is_some() && state.last_updated_timestamp.is_some());
    assert_eq!((state.version, state.execution_id), (None, None));
    let request = GetInstanceRequest {
        instance_id: "p".into(),
        get_inputs_and_outputs: false,
    };
    let bare: GetInstanceResponse = client.call("GetInstance", request).await.unwrap();
    let bare = bare.orchestration_state.unwrap();
    assert_eq!(
        (bare.input, bare.output, bare.custom_status),
        (None, None, None)
    );
    hub.stop().await;
}

#[tokio::test]
async fn a_start_without_an_id_gets_32_hex_digits() {
    let (hub, client, _) = waiting().await;
    let id = client.start("", "event", "1").await.unwrap();
    assert_eq!(id.len(), 32);
    assert!(id.bytes().all(|b| b.is_ascii_hexdigit()));
    hub.stop().await;
}

#[tokio::test]
async fn a_running_id_already_exists() {
    let (hub, client, _) = waiting().await;
    running(&hub, &client, "twice").await;
    says(
        client.start("twice", "event", "1").await,
        Code::AlreadyExists,
        "An Orchestration instance with the ID twice already exists.",
    );
    hub.stop().await;
}

#[tokio::test]
async fn waiting_begins_before_the_instance_exists_and_ends_with_it() {
    let (hub, client, _) = waiting().await;
    let waiter = {
        let client = client.clone();
        tokio::spawn(async move { client.completion("later").await })
    };
    let started: GetInstanceResponse = {
        let waiting = client.call("WaitForInstanceStart", get("later"));
        let starting = client.start("later", "event", "1");
        let (answer, id) = tokio::join!(waiting, starting);
        id.unwrap();
        answer.unwrap()
    };
    assert_eq!(
        started.orchestration_state.unwrap().orchestration_status(),
        OrchestrationStatus::Running
    );
    client.raise("later", "Go", "8").await.unwrap();
    assert_eq!(waiter.await.unwrap().output.as_deref(), Some("8"));
    hub.stop().await;
}

#[tokio::test]
async fn another_task_hub_has_no_instances() {
    let (hub, client, log) = waiting().await;
    running(&hub, &client, "here").await;
    let named = |name: &str| {
        let mut request = Request::new(get("here"));
        let metadata = request.metadata_mut();
        metadata.insert("durable-taskhub", name.parse().unwrap());
        client.call::<GetInstanceRequest, GetInstanceResponse>("GetInstance", request)
    };
    assert!(named("myhub").await.unwrap().exists);
    assert!(!named("OtherHub").await.unwrap().exists);
    let mut start = Request::new(CreateInstanceRequest {
        name: "event".into(),
        ..CreateInstanceRequest::default()
    });
    let metadata = start.metadata_mut();
    metadata.insert("durable-taskhub", "OtherHub".parse().unwrap());
    let outcome = client
        .call::<CreateInstanceRequest, CreateInstanceResponse>("StartInstance", start)
        .await;
    assert_eq!(outcome.unwrap_err().code(), Code::FailedPrecondition);
    assert!(log.contains(LogLevel::Error, "'OtherHub'"));
    let mut raise = Request::new(RaiseEventRequest {
        instance_id: "here".into(),
        name: "Go".into(),
        input: Some("1".into()),
    });
    let metadata = raise.metadata_mut();
    metadata.insert("durable-taskhub", "OtherHub".parse().unwrap());
    let outcome = client
        .call::<RaiseEventRequest, RaiseEventResponse>("RaiseEvent", raise)
        .await;
    assert_eq!(outcome.unwrap_err().code(), Code::NotFound);
    // A client that names no hub means this one.
    assert!(named("").await.unwrap().exists);
    hub.stop().await;
}

#[tokio::test]
async fn an_event_without_input_and_a_large_input_arrive() {
    let (hub, client, _) = waiting().await;
    let large = format!("\"{}\"", "x".repeat(8_000_000));
    running(&hub, &client, "large").await;
    let request = RaiseEventRequest {
        instance_id: "large".into(),
        name: "Nothing".into(),
        input: None,
    };
    let _: RaiseEventResponse = client.call("RaiseEvent", request).await.unwrap();
    client.raise("large", "Go", &large).await.unwrap();
    assert_eq!(client.completion("large").await.output, Some(large));
    hub.stop().await;
}

#[tokio::test]
async fn the_binding_names_another_hub_and_connection_when_asked() {
    let (hub, _, _) = waiting().await;
    let text = hub.client_binding(Some("OtherHub"), Some("AzureWebJobsStorage"));
    assert!(text.starts_with(
        r#"{"taskHubName":"OtherHub","connectionName":"AzureWebJobsStorage","creationUrls":null,"#
    ));
    let (other, _, _) = waiting().await;
    // The key is random: two hubs never share it.
    assert_ne!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["requiredQueryStringParameters"],
        serde_json::from_str::<serde_json::Value>(&other.client_binding(None, None)).unwrap()["requiredQueryStringParameters"]
    );
    hub.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_stopping_hub_ends_the_calls_that_wait() {
    let (hub, client, _) = waiting().await;
    running(&hub, &client, "run").await;
    let waiting = client.call::<_, GetInstanceResponse>("WaitForInstanceCompletion", get("run"));
    let (answer, ()) = tokio::join!(waiting, hub.stop());
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_message_that_is_too_long_for_extension_3_14_is_explained_in_the_log() {
    let input = format!("\"{}\"", "x".repeat(30_000_000));
    for (extension, code) in [
        (Extension::V3_14, Some(Code::OutOfRange)),
        (Extension::V3_19, None),
    ] {
        let log = Log::default();
        let options = HubOptions {
            extension,
            ..options()
        };
        let handler = Arc::new(Handler(wait_for_event));
        let hub = Hub::start(options, vec![orchestrator("event")], handler, log.sink())
            .await
            .unwrap();
        let client = Client::connect(&hub).await;
        let started = client.start("long", "event", &input).await;
        assert_eq!(started.err().map(|status| status.code()), code);
        let reason = "StartInstance was refused: its message is longer than 30000000 bytes.";
        assert_eq!(log.contains(LogLevel::Error, reason), code.is_some());
        hub.stop().await;
    }
}
