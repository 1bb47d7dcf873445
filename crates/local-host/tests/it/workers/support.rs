//! A hub for workers, and a worker written by hand.

use std::net::SocketAddr;
use std::time::Duration;

use durable_protocol::messages::{
    AbandonTaskRequest, AbandonTaskResponse, ActivityRequest, ActivityResponse,
    CompleteTaskResponse, EntityBatchRequest, EntityBatchResult, GetWorkItemsRequest,
    OrchestratorAction, OrchestratorActionType, OrchestratorRequest, OrchestratorResponse,
    ScheduleTaskAction, WorkItem, WorkItemRequest,
};
use local_host::hub::{Hub, Storage};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::hub::support::{Client, Log, action};

const LIMIT: Duration = Duration::from_secs(30);

pub(super) async fn hub_in(storage: Storage, log: &Log) -> (Hub, Client) {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let hub = Hub::serve_workers("MyHub".into(), storage, address, log.sink());
    let hub = hub.await.unwrap();
    let client = Client::to(format!("http://{}", hub.address())).await;
    (hub, client)
}

pub(super) async fn hub() -> (Hub, Client, Log) {
    let log = Log::default();
    let (hub, client) = hub_in(Storage::default(), &log).await;
    (hub, client, log)
}

/// A worker that takes so many of each kind.
pub(super) fn takes(count: i32) -> GetWorkItemsRequest {
    GetWorkItemsRequest {
        max_concurrent_orchestration_work_items: count,
        max_concurrent_activity_work_items: count,
        max_concurrent_entity_work_items: count,
        ..GetWorkItemsRequest::default()
    }
}

/// A stream with a connection of its own. Dropping it ends the stream.
pub(super) struct Worker {
    client: Client,
    items: Streaming<WorkItem>,
}

/// A turn with its completion token.
pub(super) struct Turn {
    pub(super) token: String,
    pub(super) request: OrchestratorRequest,
}

pub(super) struct Activity {
    pub(super) token: String,
    pub(super) request: ActivityRequest,
}

pub(super) struct Batch {
    pub(super) token: String,
    pub(super) request: EntityBatchRequest,
}

impl Worker {
    pub(super) async fn connect(hub: &Hub, request: GetWorkItemsRequest) -> Self {
        let client = Client::to(format!("http://{}", hub.address())).await;
        let items = client.streaming("GetWorkItems", request).await.unwrap();
        Self { client, items }
    }

    pub(super) async fn next(&mut self) -> WorkItem {
        let next = timeout(LIMIT, self.items.message()).await;
        next.expect("work comes").unwrap().unwrap()
    }

    pub(super) async fn turn(&mut self) -> Turn {
        let item = self.next().await;
        match item.request.unwrap() {
            WorkItemRequest::OrchestratorRequest(request) => Turn {
                token: item.completion_token,
                request: *request,
            },
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn activity(&mut self) -> Activity {
        let item = self.next().await;
        match item.request.unwrap() {
            WorkItemRequest::ActivityRequest(request) => Activity {
                token: item.completion_token,
                request: *request,
            },
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn batch(&mut self) -> Batch {
        let item = self.next().await;
        match item.request.unwrap() {
            WorkItemRequest::EntityRequest(request) => Batch {
                token: item.completion_token,
                request: *request,
            },
            other => panic!("{other:?}"),
        }
    }

    /// Answers turns in the background with what `decide` says.
    pub(super) fn serve(
        mut self,
        decide: impl Fn(&OrchestratorRequest) -> Vec<OrchestratorAction> + Send + 'static,
    ) -> JoinHandle<()> {
        tokio::spawn(async move {
            while let Ok(Some(item)) = self.items.message().await {
                let Some(WorkItemRequest::OrchestratorRequest(request)) = item.request else {
                    continue;
                };
                let token = item.completion_token;
                answer(&self.client, &token, decide(&request))
                    .await
                    .unwrap();
            }
        })
    }
}

/// Answers a turn.
pub(super) async fn answer(
    client: &Client,
    token: &str,
    actions: Vec<OrchestratorAction>,
) -> Result<(), Status> {
    let response = OrchestratorResponse {
        actions,
        completion_token: token.into(),
        ..OrchestratorResponse::default()
    };
    send(client, response).await
}

pub(super) async fn send(client: &Client, response: OrchestratorResponse) -> Result<(), Status> {
    let sent = client.call::<_, CompleteTaskResponse>("CompleteOrchestratorTask", response);
    sent.await.map(|_| ())
}

pub(super) async fn finish(client: &Client, token: &str, result: &str) {
    let response = ActivityResponse {
        result: Some(result.into()),
        completion_token: token.into(),
        ..ActivityResponse::default()
    };
    let sent = client.call::<_, CompleteTaskResponse>("CompleteActivityTask", response);
    sent.await.unwrap();
}

pub(super) async fn finish_batch(client: &Client, mut result: EntityBatchResult, token: &str) {
    result.completion_token = token.into();
    let sent = client.call::<_, CompleteTaskResponse>("CompleteEntityTask", result);
    sent.await.unwrap();
}

/// `kind` is `Orchestrator`, `Activity` or `Entity`.
pub(super) async fn abandon(client: &Client, kind: &str, token: &str) {
    let request = AbandonTaskRequest {
        completion_token: token.into(),
    };
    let method = format!("AbandonTask{kind}WorkItem");
    let sent = client.call::<_, AbandonTaskResponse>(&method, request);
    sent.await.unwrap();
}

pub(super) fn schedule(id: i32, name: &str) -> OrchestratorAction {
    let task = ScheduleTaskAction {
        name: name.into(),
        input: Some(id.to_string()),
        ..ScheduleTaskAction::default()
    };
    action(id, OrchestratorActionType::ScheduleTask(Box::new(task)))
}
