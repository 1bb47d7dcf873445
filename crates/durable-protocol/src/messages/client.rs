//! Requests and responses of the `TaskHubSidecarService` about instances.

use std::collections::BTreeMap;

use super::OrchestrationStatus;
use super::history::HistoryEvent;
use super::instance::{OrchestrationState, TraceContext};

/// `StartInstance`: start an orchestration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateInstanceRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, optional, tag = "3")]
    pub version: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub scheduled_start_timestamp: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub orchestration_id_reuse_policy: Option<OrchestrationIdReusePolicy>,
    #[prost(message, optional, tag = "7")]
    pub execution_id: Option<String>,
    #[prost(btree_map = "string, string", tag = "8")]
    pub tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "9")]
    pub parent_trace_context: Option<TraceContext>,
    #[prost(message, optional, tag = "10")]
    pub request_time: Option<prost_types::Timestamp>,
}

/// Which existing instances a start may replace.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationIdReusePolicy {
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "1")]
    pub replaceable_status: Vec<i32>,
}

/// The id of the started instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateInstanceResponse {
    #[prost(string, tag = "1")]
    pub instance_id: String,
}

/// `GetInstance`, `WaitForInstanceStart`, `WaitForInstanceCompletion`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetInstanceRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(bool, tag = "2")]
    pub get_inputs_and_outputs: bool,
}

/// The state of an instance, if it exists.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetInstanceResponse {
    #[prost(bool, tag = "1")]
    pub exists: bool,
    #[prost(message, optional, tag = "2")]
    pub orchestration_state: Option<OrchestrationState>,
}

/// `RewindInstance`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RewindInstanceRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
}

/// Empty.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RewindInstanceResponse {}

/// `RaiseEvent`; `input` is JSON text.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RaiseEventRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
}

/// Empty.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RaiseEventResponse {}

/// `TerminateInstance`; `output` is the reason.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TerminateRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub output: Option<String>,
    #[prost(bool, tag = "3")]
    pub recursive: bool,
}

/// Empty.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TerminateResponse {}

/// `SuspendInstance`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SuspendRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
}

/// Empty.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SuspendResponse {}

/// `ResumeInstance`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResumeRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
}

/// Empty.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResumeResponse {}

/// `QueryInstances`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryInstancesRequest {
    #[prost(message, optional, tag = "1")]
    pub query: Option<InstanceQuery>,
}

/// Filters and paging of a query.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InstanceQuery {
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "1")]
    pub runtime_status: Vec<i32>,
    #[prost(message, optional, tag = "2")]
    pub created_time_from: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub created_time_to: Option<prost_types::Timestamp>,
    #[prost(message, repeated, tag = "4")]
    pub task_hub_names: Vec<String>,
    #[prost(int32, tag = "5")]
    pub max_instance_count: i32,
    #[prost(message, optional, tag = "6")]
    pub continuation_token: Option<String>,
    #[prost(message, optional, tag = "7")]
    pub instance_id_prefix: Option<String>,
    #[prost(bool, tag = "8")]
    pub fetch_inputs_and_outputs: bool,
}

/// One page of instances.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryInstancesResponse {
    #[prost(message, repeated, tag = "1")]
    pub orchestration_state: Vec<OrchestrationState>,
    #[prost(message, optional, tag = "2")]
    pub continuation_token: Option<String>,
}

/// `ListInstanceIds`: instances that have ended. A host with the extension does not have it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListInstanceIdsRequest {
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "1")]
    pub runtime_status: Vec<i32>,
    #[prost(message, optional, tag = "2")]
    pub completed_time_from: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub completed_time_to: Option<prost_types::Timestamp>,
    #[prost(int32, tag = "4")]
    pub page_size: i32,
    #[prost(message, optional, tag = "5")]
    pub last_instance_key: Option<String>,
}

/// One page of ids.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListInstanceIdsResponse {
    #[prost(string, repeated, tag = "1")]
    pub instance_ids: Vec<String>,
    #[prost(message, optional, tag = "2")]
    pub last_instance_key: Option<String>,
}

/// `PurgeInstances`: one instance, a filter, or a list of ids.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PurgeInstancesRequest {
    #[prost(bool, tag = "3")]
    pub recursive: bool,
    #[prost(bool, tag = "5")]
    pub is_orchestration: bool,
    #[prost(oneof = "PurgeTarget", tags = "1, 2, 4")]
    pub request: Option<PurgeTarget>,
}

/// The kinds of [`PurgeInstancesRequest`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum PurgeTarget {
    #[prost(string, tag = "1")]
    InstanceId(String),
    #[prost(message, tag = "2")]
    PurgeInstanceFilter(PurgeInstanceFilter),
    #[prost(message, tag = "4")]
    InstanceBatch(InstanceBatch),
}

/// Instances to purge, by their ids.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InstanceBatch {
    #[prost(string, repeated, tag = "1")]
    pub instance_ids: Vec<String>,
}

/// Which instances to purge.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PurgeInstanceFilter {
    #[prost(message, optional, tag = "1")]
    pub created_time_from: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub created_time_to: Option<prost_types::Timestamp>,
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "3")]
    pub runtime_status: Vec<i32>,
    #[prost(message, optional, tag = "4")]
    pub timeout: Option<prost_types::Duration>,
}

/// How many instances were deleted.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PurgeInstancesResponse {
    #[prost(int32, tag = "1")]
    pub deleted_instance_count: i32,
    #[prost(message, optional, tag = "2")]
    pub is_complete: Option<bool>,
}

/// `RestartInstance`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RestartInstanceRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(bool, tag = "2")]
    pub restart_with_new_instance_id: bool,
}

/// The id of the restarted instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RestartInstanceResponse {
    #[prost(string, tag = "1")]
    pub instance_id: String,
}

/// `StreamInstanceHistory`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamInstanceHistoryRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub execution_id: Option<String>,
    #[prost(bool, tag = "3")]
    pub for_work_item_processing: bool,
}

/// A part of a history; may be empty.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoryChunk {
    #[prost(message, repeated, tag = "1")]
    pub events: Vec<HistoryEvent>,
}
