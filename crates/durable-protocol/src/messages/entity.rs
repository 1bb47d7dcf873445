//! Entity batches and the entity events of a history.

use std::collections::BTreeMap;

use super::failure::TaskFailureDetails;
use super::instance::{OrchestrationInstance, TraceContext};

/// An entity was signalled.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityOperationSignaledEvent {
    #[prost(string, tag = "1")]
    pub request_id: String,
    #[prost(string, tag = "2")]
    pub operation: String,
    #[prost(message, optional, tag = "3")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub target_instance_id: Option<String>,
}

/// An entity was called.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityOperationCalledEvent {
    #[prost(string, tag = "1")]
    pub request_id: String,
    #[prost(string, tag = "2")]
    pub operation: String,
    #[prost(message, optional, tag = "3")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub parent_instance_id: Option<String>,
    #[prost(message, optional, tag = "6")]
    pub parent_execution_id: Option<String>,
    #[prost(message, optional, tag = "7")]
    pub target_instance_id: Option<String>,
}

/// A lock of entities was requested.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityLockRequestedEvent {
    #[prost(string, tag = "1")]
    pub critical_section_id: String,
    #[prost(string, repeated, tag = "2")]
    pub lock_set: Vec<String>,
    #[prost(int32, tag = "3")]
    pub position: i32,
    #[prost(message, optional, tag = "4")]
    pub parent_instance_id: Option<String>,
}

/// An entity operation returned.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityOperationCompletedEvent {
    #[prost(string, tag = "1")]
    pub request_id: String,
    #[prost(message, optional, tag = "2")]
    pub output: Option<String>,
}

/// An entity operation failed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityOperationFailedEvent {
    #[prost(string, tag = "1")]
    pub request_id: String,
    #[prost(message, optional, tag = "2")]
    pub failure_details: Option<TaskFailureDetails>,
}

/// A lock was released.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityUnlockSentEvent {
    #[prost(string, tag = "1")]
    pub critical_section_id: String,
    #[prost(message, optional, tag = "2")]
    pub parent_instance_id: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub target_instance_id: Option<String>,
}

/// A lock was granted.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityLockGrantedEvent {
    #[prost(string, tag = "1")]
    pub critical_section_id: String,
}

/// A batch of operations for one entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityBatchRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub entity_state: Option<String>,
    #[prost(message, repeated, tag = "3")]
    pub operations: Vec<OperationRequest>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub properties: BTreeMap<String, prost_types::Value>,
}

/// The answer: one result for each operation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityBatchResult {
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<OperationResult>,
    #[prost(message, repeated, tag = "2")]
    pub actions: Vec<OperationAction>,
    #[prost(message, optional, tag = "3")]
    pub entity_state: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub failure_details: Option<TaskFailureDetails>,
    #[prost(string, tag = "5")]
    pub completion_token: String,
    #[prost(message, repeated, tag = "6")]
    pub operation_infos: Vec<OperationInfo>,
    #[prost(bool, tag = "7")]
    pub requires_state: bool,
}

/// One operation of a batch.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationRequest {
    #[prost(string, tag = "1")]
    pub operation: String,
    #[prost(string, tag = "2")]
    pub request_id: String,
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub trace_context: Option<TraceContext>,
}

/// The result of one operation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationResult {
    #[prost(oneof = "ResultType", tags = "1, 2")]
    pub result_type: Option<ResultType>,
}

/// The kinds of [`OperationResult`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ResultType {
    #[prost(message, tag = "1")]
    Success(OperationResultSuccess),
    #[prost(message, tag = "2")]
    Failure(OperationResultFailure),
}

/// Routing data, used by other backends.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationInfo {
    #[prost(string, tag = "1")]
    pub request_id: String,
    #[prost(message, optional, tag = "2")]
    pub response_destination: Option<OrchestrationInstance>,
}

/// An operation returned.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationResultSuccess {
    #[prost(message, optional, tag = "1")]
    pub result: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub start_time_utc: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub end_time_utc: Option<prost_types::Timestamp>,
}

/// An operation failed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationResultFailure {
    #[prost(message, optional, tag = "1")]
    pub failure_details: Option<TaskFailureDetails>,
    #[prost(message, optional, tag = "2")]
    pub start_time_utc: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub end_time_utc: Option<prost_types::Timestamp>,
}

/// A side effect of an entity operation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationAction {
    #[prost(int32, tag = "1")]
    pub id: i32,
    #[prost(oneof = "OperationActionType", tags = "2, 3")]
    pub operation_action_type: Option<OperationActionType>,
}

/// The kinds of [`OperationAction`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OperationActionType {
    #[prost(message, tag = "2")]
    SendSignal(SendSignalAction),
    #[prost(message, tag = "3")]
    StartNewOrchestration(StartNewOrchestrationAction),
}

/// Signal another entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SendSignalAction {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "5")]
    pub request_time: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub parent_trace_context: Option<TraceContext>,
}

/// Start an orchestration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StartNewOrchestrationAction {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, optional, tag = "3")]
    pub version: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub request_time: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub parent_trace_context: Option<TraceContext>,
}

/// Entity settings of the host.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorEntityParameters {
    #[prost(message, optional, tag = "1")]
    pub entity_message_reorder_window: Option<prost_types::Duration>,
}
