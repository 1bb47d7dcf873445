//! Instances, their parents and their state.

use std::collections::BTreeMap;

use super::OrchestrationStatus;
use super::failure::TaskFailureDetails;

/// Names one execution of an instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationInstance {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub execution_id: Option<String>,
}

/// The orchestration that started a sub-orchestration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ParentInstanceInfo {
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    #[prost(message, optional, tag = "2")]
    pub name: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub version: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub orchestration_instance: Option<OrchestrationInstance>,
}

/// W3C trace context.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TraceContext {
    #[prost(string, tag = "1")]
    pub trace_parent: String,
    #[prost(string, tag = "2")]
    pub span_id: String,
    #[prost(message, optional, tag = "3")]
    pub trace_state: Option<String>,
}

/// Trace context of an orchestration; ignored by the extension.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationTraceContext {
    #[prost(message, optional, tag = "1")]
    pub span_id: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub span_start_time: Option<prost_types::Timestamp>,
}

/// What the task hub knows of an instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationState {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, optional, tag = "3")]
    pub version: Option<String>,
    #[prost(enumeration = "OrchestrationStatus", tag = "4")]
    pub orchestration_status: i32,
    #[prost(message, optional, tag = "5")]
    pub scheduled_start_timestamp: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub created_timestamp: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub last_updated_timestamp: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "8")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "9")]
    pub output: Option<String>,
    #[prost(message, optional, tag = "10")]
    pub custom_status: Option<String>,
    #[prost(message, optional, tag = "11")]
    pub failure_details: Option<TaskFailureDetails>,
    #[prost(message, optional, tag = "12")]
    pub execution_id: Option<String>,
    #[prost(message, optional, tag = "13")]
    pub completed_timestamp: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "14")]
    pub parent_instance_id: Option<String>,
    #[prost(btree_map = "string, string", tag = "15")]
    pub tags: BTreeMap<String, String>,
}
