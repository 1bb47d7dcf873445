//! Actions: what an orchestrator asks of the host.

use std::collections::BTreeMap;

use super::OrchestrationStatus;
use super::entity::{
    EntityLockRequestedEvent, EntityOperationCalledEvent, EntityOperationSignaledEvent,
    EntityUnlockSentEvent,
};
use super::failure::TaskFailureDetails;
use super::history::HistoryEvent;
use super::instance::{OrchestrationInstance, TraceContext};

/// One action of a turn.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorAction {
    #[prost(int32, tag = "1")]
    pub id: i32,
    #[prost(oneof = "OrchestratorActionType", tags = "2, 3, 4, 5, 6, 7, 8, 9")]
    pub orchestrator_action_type: Option<OrchestratorActionType>,
}

/// The kinds of [`OrchestratorAction`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OrchestratorActionType {
    #[prost(message, boxed, tag = "2")]
    ScheduleTask(Box<ScheduleTaskAction>),
    #[prost(message, boxed, tag = "3")]
    CreateSubOrchestration(Box<CreateSubOrchestrationAction>),
    #[prost(message, tag = "4")]
    CreateTimer(CreateTimerAction),
    #[prost(message, boxed, tag = "5")]
    SendEvent(Box<SendEventAction>),
    #[prost(message, boxed, tag = "6")]
    CompleteOrchestration(Box<CompleteOrchestrationAction>),
    #[prost(message, boxed, tag = "7")]
    TerminateOrchestration(Box<TerminateOrchestrationAction>),
    #[prost(message, boxed, tag = "8")]
    SendEntityMessage(Box<SendEntityMessageAction>),
    #[prost(message, tag = "9")]
    RewindOrchestration(RewindOrchestrationAction),
}

/// Run an activity; `input` is JSON text.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ScheduleTaskAction {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub version: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "5")]
    pub parent_trace_context: Option<TraceContext>,
}

/// Start a sub-orchestration. `instance_id` must not be empty (it poisons the task hub).
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateSubOrchestrationAction {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, optional, tag = "3")]
    pub version: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub parent_trace_context: Option<TraceContext>,
    #[prost(btree_map = "string, string", tag = "6")]
    pub tags: BTreeMap<String, String>,
}

/// Fire at a time, at most seven days ahead.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateTimerAction {
    #[prost(message, optional, tag = "1")]
    pub fire_at: Option<prost_types::Timestamp>,
}

/// Send an event to another instance or to an entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SendEventAction {
    #[prost(message, optional, tag = "1")]
    pub instance: Option<OrchestrationInstance>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, optional, tag = "3")]
    pub data: Option<String>,
}

/// End this execution: completed, failed, terminated or continued as new.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CompleteOrchestrationAction {
    #[prost(enumeration = "OrchestrationStatus", tag = "1")]
    pub orchestration_status: i32,
    #[prost(message, optional, tag = "2")]
    pub result: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub details: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub new_version: Option<String>,
    #[prost(message, repeated, tag = "5")]
    pub carryover_events: Vec<HistoryEvent>,
    #[prost(message, optional, tag = "6")]
    pub failure_details: Option<TaskFailureDetails>,
    #[prost(btree_map = "string, string", tag = "7")]
    pub tags: BTreeMap<String, String>,
}

/// Not supported by the extension.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TerminateOrchestrationAction {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
    #[prost(bool, tag = "3")]
    pub recurse: bool,
}

/// A message to an entity; calls sent this way are dropped under default settings.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SendEntityMessageAction {
    #[prost(oneof = "EntityMessageType", tags = "1, 2, 3, 4")]
    pub entity_message_type: Option<EntityMessageType>,
}

/// The kinds of [`SendEntityMessageAction`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum EntityMessageType {
    #[prost(message, boxed, tag = "1")]
    EntityOperationSignaled(Box<EntityOperationSignaledEvent>),
    #[prost(message, boxed, tag = "2")]
    EntityOperationCalled(Box<EntityOperationCalledEvent>),
    #[prost(message, boxed, tag = "3")]
    EntityLockRequested(Box<EntityLockRequestedEvent>),
    #[prost(message, boxed, tag = "4")]
    EntityUnlockSent(Box<EntityUnlockSentEvent>),
}

/// Not supported by the extension.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RewindOrchestrationAction {
    #[prost(message, repeated, tag = "1")]
    pub new_history: Vec<HistoryEvent>,
}
