//! A turn: request and response.

use std::collections::BTreeMap;

use super::action::OrchestratorAction;
use super::entity::OrchestratorEntityParameters;
use super::history::HistoryEvent;
use super::instance::OrchestrationTraceContext;

/// One turn: the whole history, old and new.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub execution_id: Option<String>,
    #[prost(message, repeated, tag = "3")]
    pub past_events: Vec<HistoryEvent>,
    #[prost(message, repeated, tag = "4")]
    pub new_events: Vec<HistoryEvent>,
    #[prost(message, optional, tag = "5")]
    pub entity_parameters: Option<OrchestratorEntityParameters>,
    #[prost(bool, tag = "6")]
    pub requires_history_streaming: bool,
    #[prost(btree_map = "string, message", tag = "7")]
    pub properties: BTreeMap<String, prost_types::Value>,
    #[prost(message, optional, tag = "8")]
    pub orchestration_trace_context: Option<OrchestrationTraceContext>,
}

/// The answer to a turn.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorResponse {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, repeated, tag = "2")]
    pub actions: Vec<OrchestratorAction>,
    #[prost(message, optional, tag = "3")]
    pub custom_status: Option<String>,
    #[prost(string, tag = "4")]
    pub completion_token: String,
    #[prost(message, optional, tag = "5")]
    pub num_events_processed: Option<i32>,
    #[prost(message, optional, tag = "6")]
    pub orchestration_trace_context: Option<OrchestrationTraceContext>,
    #[prost(bool, tag = "7")]
    pub requires_history: bool,
    #[prost(bool, tag = "8")]
    pub is_partial: bool,
    #[prost(message, optional, tag = "9")]
    pub chunk_index: Option<i32>,
}
