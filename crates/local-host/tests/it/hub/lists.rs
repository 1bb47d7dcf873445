//! Lists, purges, restarts and histories, with the codes and texts that were recorded from a real host.

use durable_protocol::messages::{
    CreateInstanceRequest, HistoryChunk, InstanceQuery, OrchestrationStatus, PurgeInstanceFilter,
    PurgeInstancesRequest, PurgeInstancesResponse, PurgeTarget, QueryInstancesRequest,
    QueryInstancesResponse, RestartInstanceRequest, RestartInstanceResponse,
    StreamInstanceHistoryRequest,
};
use local_host::hub::Hub;
use tonic::{Code, Status};

use super::support::{Client, Log, complete, decide, hub_with, orchestrator};

/// `done` completes, `run` never ends.
async fn start() -> (Hub, Client) {
    let functions = vec![orchestrator("done"), orchestrator("run")];
    let (hub, client) = hub_with(functions, &Log::default(), |name, _| match name {
        "done" => decide(vec![complete(0, OrchestrationStatus::Completed, "1")]),
        _ => decide(Vec::new()),
    })
    .await;
    for id in ["a", "b", "c"] {
        client.start(id, "done", "\"in\"").await.unwrap();
        client.completion(id).await;
    }
    client.start("r", "run", "\"in\"").await.unwrap();
    hub.wait_for("r", |it| {
        it.orchestration_status() == OrchestrationStatus::Running
    })
    .await;
    (hub, client)
}

fn says<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, text: &str) {
    let status = outcome.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, text));
}

async fn purge(client: &Client, target: Option<PurgeTarget>) -> Result<i32, Status> {
    let request = PurgeInstancesRequest {
        request: target,
        ..PurgeInstancesRequest::default()
    };
    let response: PurgeInstancesResponse = client.call("PurgeInstances", request).await?;
    Ok(response.deleted_instance_count)
}

async fn query(client: &Client, query: InstanceQuery) -> QueryInstancesResponse {
    let request = QueryInstancesRequest { query: Some(query) };
    client.call("QueryInstances", request).await.unwrap()
}

fn ids(page: &QueryInstancesResponse) -> Vec<&str> {
    let states = page.orchestration_state.iter();
    states.map(|state| state.instance_id.as_str()).collect()
}

#[tokio::test]
async fn pages_are_in_the_order_of_ids_and_go_on_with_the_token() {
    let (hub, client) = start().await;
    let mut wanted = InstanceQuery {
        max_instance_count: 3,
        fetch_inputs_and_outputs: true,
        ..InstanceQuery::default()
    };
    let first = query(&client, wanted.clone()).await;
    assert_eq!(ids(&first), ["a", "b", "c"]);
    assert_eq!(
        first.orchestration_state[0].input.as_deref(),
        Some("\"in\"")
    );
    wanted.continuation_token = first.continuation_token;
    wanted.fetch_inputs_and_outputs = false;
    let last = query(&client, wanted).await;
    assert_eq!(ids(&last), ["r"]);
    assert_eq!(last.continuation_token, None);
    let state = &last.orchestration_state[0];
    assert_eq!(state.input, None);
    assert_eq!(state.custom_status.as_deref(), Some("null"));
    let completed = InstanceQuery {
        runtime_status: vec![OrchestrationStatus::Completed.into()],
        instance_id_prefix: Some("b".into()),
        ..InstanceQuery::default()
    };
    assert_eq!(ids(&query(&client, completed).await), ["b"]);
    let none = client
        .call::<_, QueryInstancesResponse>("QueryInstances", QueryInstancesRequest::default())
        .await;
    says(none, Code::Unknown, "Exception was thrown by handler.");
    hub.stop().await;
}

#[tokio::test]
async fn purges_count_what_they_remove() {
    let (hub, client) = start().await;
    let one = |id: &str| Some(PurgeTarget::InstanceId(id.into()));
    assert_eq!(purge(&client, one("a")).await.unwrap(), 1);
    assert_eq!(purge(&client, one("a")).await.unwrap(), 0);
    assert!(client.get("a").await.is_none());
    says(
        purge(&client, one("r")).await,
        Code::FailedPrecondition,
        "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID r has status \
         Running",
    );
    says(
        purge(&client, None).await,
        Code::InvalidArgument,
        "Unknown purge request type 'None'.",
    );
    let filter = |statuses: Vec<i32>| {
        Some(PurgeTarget::PurgeInstanceFilter(PurgeInstanceFilter {
            runtime_status: statuses,
            ..PurgeInstanceFilter::default()
        }))
    };
    let completed = filter(vec![OrchestrationStatus::Completed.into()]);
    assert_eq!(purge(&client, completed).await.unwrap(), 2);
    // As on a real host, without statuses also what is running.
    assert_eq!(purge(&client, filter(Vec::new())).await.unwrap(), 1);
    assert!(client.get("r").await.is_none());
    hub.stop().await;
}

#[tokio::test]
async fn a_restart_has_the_name_and_input_of_the_instance() {
    let (hub, client) = start().await;
    let restart = async |id: &str, new_id: bool| -> Result<String, Status> {
        let request = RestartInstanceRequest {
            instance_id: id.into(),
            restart_with_new_instance_id: new_id,
        };
        let response: RestartInstanceResponse = client.call("RestartInstance", request).await?;
        Ok(response.instance_id)
    };
    assert_eq!(restart("a", false).await.unwrap(), "a");
    let copy = restart("b", true).await.unwrap();
    assert_eq!(copy.len(), 32);
    let state = client.completion(&copy).await;
    assert_eq!(state.name, "done");
    assert_eq!(state.input.as_deref(), Some("\"in\""));
    says(
        restart("r", false).await,
        Code::FailedPrecondition,
        "Non-terminal instance with this instance ID already exists: An Orchestration instance with the status \
         Running already exists.",
    );
    says(
        restart("none", false).await,
        Code::NotFound,
        "ArgumentException: No instance with ID 'none' was found. (Parameter 'instanceId')",
    );
    says(
        restart("", false).await,
        Code::NotFound,
        "ArgumentException: Value cannot be null. (Parameter 'instanceId')",
    );
    hub.stop().await;
}

#[tokio::test]
async fn a_history_is_streamed_and_one_that_has_not_begun_is_empty() {
    let (hub, client) = start().await;
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3_600);
    let scheduled = CreateInstanceRequest {
        instance_id: "later".into(),
        name: "done".into(),
        scheduled_start_timestamp: Some(later.into()),
        ..CreateInstanceRequest::default()
    };
    client.start_with(scheduled).await.unwrap();
    let history = async |id: &str| -> Result<usize, Status> {
        let request = StreamInstanceHistoryRequest {
            instance_id: id.into(),
            ..StreamInstanceHistoryRequest::default()
        };
        let mut chunks = client
            .streaming::<_, HistoryChunk>("StreamInstanceHistory", request)
            .await?;
        let mut events = 0;
        while let Some(chunk) = chunks.message().await? {
            events += chunk.events.len();
        }
        Ok(events)
    };
    // Both starts, the completion, the end of the turn.
    assert_eq!(history("a").await.unwrap(), 4);
    assert_eq!(history("later").await.unwrap(), 0);
    says(
        history("none").await,
        Code::NotFound,
        "Orchestration instance with ID none was not found.",
    );
    hub.stop().await;
}
