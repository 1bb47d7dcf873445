//! Messages between a sidecar and its workers: the stream of work items, and how each one ends.
//!
//! A worker opens the stream with `GetWorkItems`. Each [`WorkItem`] ends with the `Complete…` call of its
//! kind, or with the `Abandon…` call, after which the sidecar delivers it again. Both name the item by its
//! completion token.

use std::collections::BTreeMap;

use super::entity::EntityBatchRequest;
use super::failure::TaskFailureDetails;
use super::history::HistoryEvent;
use super::instance::{OrchestrationInstance, TraceContext};
use super::turn::OrchestratorRequest;

/// `GetWorkItems`: what a worker can do at the same time. The numbers are advice: some sidecars send more.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetWorkItemsRequest {
    #[prost(int32, tag = "1")]
    pub max_concurrent_orchestration_work_items: i32,
    #[prost(int32, tag = "2")]
    pub max_concurrent_activity_work_items: i32,
    #[prost(int32, tag = "3")]
    pub max_concurrent_entity_work_items: i32,
    #[prost(enumeration = "WorkerCapability", repeated, tag = "10")]
    pub capabilities: Vec<i32>,
    #[prost(message, optional, tag = "11")]
    pub work_item_filters: Option<WorkItemFilters>,
    #[prost(string, tag = "12")]
    pub worker_instance_id: String,
}

/// What a worker can do beyond the first version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum WorkerCapability {
    /// None.
    Unspecified = 0,
    /// It fetches a long history by `StreamInstanceHistory`.
    HistoryStreaming = 1,
    /// It runs scheduled tasks.
    ScheduledTasks = 2,
    /// It stores large payloads elsewhere.
    LargePayloads = 3,
}

/// Which functions a worker has; a sidecar that knows filters sends it nothing else.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WorkItemFilters {
    #[prost(message, repeated, tag = "1")]
    pub orchestrations: Vec<OrchestrationFilter>,
    #[prost(message, repeated, tag = "2")]
    pub activities: Vec<ActivityFilter>,
    #[prost(message, repeated, tag = "3")]
    pub entities: Vec<EntityFilter>,
}

/// An orchestrator; without versions, all of them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationFilter {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, repeated, tag = "2")]
    pub versions: Vec<String>,
}

/// An activity; without versions, all of them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActivityFilter {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, repeated, tag = "2")]
    pub versions: Vec<String>,
}

/// An entity function.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityFilter {
    #[prost(string, tag = "1")]
    pub name: String,
}

/// One message of the stream.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WorkItem {
    #[prost(oneof = "WorkItemRequest", tags = "1, 2, 3, 4, 5")]
    pub request: Option<WorkItemRequest>,
    #[prost(string, tag = "10")]
    pub completion_token: String,
}

/// The kinds of [`WorkItem`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum WorkItemRequest {
    #[prost(message, boxed, tag = "1")]
    OrchestratorRequest(Box<OrchestratorRequest>),
    #[prost(message, boxed, tag = "2")]
    ActivityRequest(Box<ActivityRequest>),
    #[prost(message, boxed, tag = "3")]
    EntityRequest(Box<EntityBatchRequest>),
    #[prost(message, tag = "4")]
    HealthPing(HealthPing),
    #[prost(message, boxed, tag = "5")]
    EntityRequestV2(Box<EntityRequest>),
}

/// Says that the stream is alive.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct HealthPing {}

/// Run an activity; `input` is JSON text.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActivityRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub version: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub orchestration_instance: Option<OrchestrationInstance>,
    #[prost(int32, tag = "5")]
    pub task_id: i32,
    #[prost(message, optional, tag = "6")]
    pub parent_trace_context: Option<TraceContext>,
    #[prost(btree_map = "string, string", tag = "7")]
    pub tags: BTreeMap<String, String>,
}

/// `CompleteActivityTask`: a result as JSON text, or a failure.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActivityResponse {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(int32, tag = "2")]
    pub task_id: i32,
    #[prost(message, optional, tag = "3")]
    pub result: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub failure_details: Option<TaskFailureDetails>,
    #[prost(string, tag = "5")]
    pub completion_token: String,
}

/// A batch of operations as the history events that asked for them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(string, tag = "2")]
    pub execution_id: String,
    #[prost(message, optional, tag = "3")]
    pub entity_state: Option<String>,
    #[prost(message, repeated, tag = "4")]
    pub operation_requests: Vec<HistoryEvent>,
}

/// Empty: the answer to each `Complete…` call.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct CompleteTaskResponse {}

/// `AbandonTaskOrchestratorWorkItem`, `AbandonTaskActivityWorkItem` and `AbandonTaskEntityWorkItem`, whose
/// requests have the same shape.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AbandonTaskRequest {
    #[prost(string, tag = "1")]
    pub completion_token: String,
}

/// Empty: the answer to each `Abandon…` call.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct AbandonTaskResponse {}
