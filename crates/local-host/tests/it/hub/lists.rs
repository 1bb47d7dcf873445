//! Lists, purges, restarts and histories, with the codes and texts that were recorded from a real host.

use durable_protocol::messages::{
    CreateInstanceRequest, HistoryChunk, InstanceQuery, OrchestrationStatus, PurgeInstanceFilter,
    PurgeInstancesRequest, PurgeInstancesResponse, PurgeTarget, QueryInstancesRequest,
    QueryInstancesResponse, RestartInstanceRequest, RestartInstanceResponse, SignalEntityRequest,
    SignalEntityResponse, StreamInstanceHistoryRequest,
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
    let odd = InstanceQuery {
        continuation_token: Some("nonsense".into()),
        ..InstanceQuery::default()
    };
    assert!(ids(&query(&client, odd).await).is_empty());
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
async fn a_purge_ends_when_its_time_is_up_and_says_so() {
    let (hub, client) = start().await;
    let purge = async |seconds: i64, nanos: i32| {
        let filter = PurgeInstanceFilter {
            runtime_status: vec![OrchestrationStatus::Completed.into()],
            timeout: Some(prost_types::Duration { seconds, nanos }),
            ..PurgeInstanceFilter::default()
        };
        let request = PurgeInstancesRequest {
            request: Some(PurgeTarget::PurgeInstanceFilter(filter)),
            ..PurgeInstancesRequest::default()
        };
        client
            .call::<_, PurgeInstancesResponse>("PurgeInstances", request)
            .await
    };
    let refused = purge(-1, 0).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let none = purge(0, 0).await.unwrap();
    assert_eq!(
        (none.deleted_instance_count, none.is_complete),
        (0, Some(false))
    );
    let all = purge(600, 0).await.unwrap();
    assert_eq!(
        (all.deleted_instance_count, all.is_complete),
        (3, Some(true))
    );
    hub.stop().await;
}

#[tokio::test]
async fn an_entity_is_purged_like_an_instance_unless_the_client_says_that_it_is_an_orchestration() {
    let (hub, client) = start().await;
    let signal = SignalEntityRequest {
        instance_id: "@e@k".into(),
        name: "op".into(),
        request_id: uuid::Uuid::new_v4().to_string(),
        ..SignalEntityRequest::default()
    };
    let _: SignalEntityResponse = client.call("SignalEntity", signal).await.unwrap();
    let purge = async |is_orchestration| {
        let request = PurgeInstancesRequest {
            is_orchestration,
            request: Some(PurgeTarget::InstanceId("@e@k".into())),
            ..PurgeInstancesRequest::default()
        };
        client
            .call::<_, PurgeInstancesResponse>("PurgeInstances", request)
            .await
    };
    // The signal fails, because there is no such entity function, and the entity stays until it is cleaned.
    let refused = purge(true).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().ends_with("@e@k has status Running"),
        "{refused}"
    );
    assert_eq!(purge(false).await.unwrap().deleted_instance_count, 1);
    assert_eq!(purge(true).await.unwrap().deleted_instance_count, 0);
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
    let history = async |id: &str, execution: Option<&str>| -> Result<usize, Status> {
        let request = StreamInstanceHistoryRequest {
            instance_id: id.into(),
            execution_id: execution.map(str::to_owned),
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
    assert_eq!(history("a", None).await.unwrap(), 4);
    assert_eq!(history("a", Some("")).await.unwrap(), 4);
    assert_eq!(history("later", None).await.unwrap(), 0);
    says(
        history("a", Some("other")).await,
        Code::NotFound,
        "Orchestration instance with ID a and execution ID other was not found.",
    );
    says(
        history("none", None).await,
        Code::NotFound,
        "Orchestration instance with ID none was not found.",
    );
    hub.stop().await;
}
