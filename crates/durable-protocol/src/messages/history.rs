//! The events of a history.

use std::collections::BTreeMap;

use super::OrchestrationStatus;
use super::entity::{
    EntityLockGrantedEvent, EntityLockRequestedEvent, EntityOperationCalledEvent,
    EntityOperationCompletedEvent, EntityOperationFailedEvent, EntityOperationSignaledEvent,
    EntityUnlockSentEvent,
};
use super::failure::TaskFailureDetails;
use super::instance::{
    OrchestrationInstance, OrchestrationState, ParentInstanceInfo, TraceContext,
};

/// One entry of the history.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoryEvent {
    #[prost(int32, tag = "1")]
    pub event_id: i32,
    #[prost(message, optional, tag = "2")]
    pub timestamp: Option<prost_types::Timestamp>,
    #[prost(
        oneof = "EventType",
        tags = "3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30"
    )]
    pub event_type: Option<EventType>,
}

/// The kinds of [`HistoryEvent`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum EventType {
    #[prost(message, boxed, tag = "3")]
    ExecutionStarted(Box<ExecutionStartedEvent>),
    #[prost(message, boxed, tag = "4")]
    ExecutionCompleted(Box<ExecutionCompletedEvent>),
    #[prost(message, tag = "5")]
    ExecutionTerminated(ExecutionTerminatedEvent),
    #[prost(message, boxed, tag = "6")]
    TaskScheduled(Box<TaskScheduledEvent>),
    #[prost(message, tag = "7")]
    TaskCompleted(TaskCompletedEvent),
    #[prost(message, boxed, tag = "8")]
    TaskFailed(Box<TaskFailedEvent>),
    #[prost(message, boxed, tag = "9")]
    SubOrchestrationInstanceCreated(Box<SubOrchestrationInstanceCreatedEvent>),
    #[prost(message, tag = "10")]
    SubOrchestrationInstanceCompleted(SubOrchestrationInstanceCompletedEvent),
    #[prost(message, boxed, tag = "11")]
    SubOrchestrationInstanceFailed(Box<SubOrchestrationInstanceFailedEvent>),
    #[prost(message, tag = "12")]
    TimerCreated(TimerCreatedEvent),
    #[prost(message, tag = "13")]
    TimerFired(TimerFiredEvent),
    #[prost(message, tag = "14")]
    OrchestratorStarted(OrchestratorStartedEvent),
    #[prost(message, tag = "15")]
    OrchestratorCompleted(OrchestratorCompletedEvent),
    #[prost(message, boxed, tag = "16")]
    EventSent(Box<EventSentEvent>),
    #[prost(message, tag = "17")]
    EventRaised(EventRaisedEvent),
    #[prost(message, tag = "18")]
    GenericEvent(GenericEvent),
    #[prost(message, boxed, tag = "19")]
    HistoryState(Box<HistoryStateEvent>),
    #[prost(message, tag = "20")]
    ContinueAsNew(ContinueAsNewEvent),
    #[prost(message, tag = "21")]
    ExecutionSuspended(ExecutionSuspendedEvent),
    #[prost(message, tag = "22")]
    ExecutionResumed(ExecutionResumedEvent),
    #[prost(message, boxed, tag = "23")]
    EntityOperationSignaled(Box<EntityOperationSignaledEvent>),
    #[prost(message, boxed, tag = "24")]
    EntityOperationCalled(Box<EntityOperationCalledEvent>),
    #[prost(message, boxed, tag = "25")]
    EntityOperationCompleted(Box<EntityOperationCompletedEvent>),
    #[prost(message, boxed, tag = "26")]
    EntityOperationFailed(Box<EntityOperationFailedEvent>),
    #[prost(message, boxed, tag = "27")]
    EntityLockRequested(Box<EntityLockRequestedEvent>),
    #[prost(message, tag = "28")]
    EntityLockGranted(EntityLockGrantedEvent),
    #[prost(message, boxed, tag = "29")]
    EntityUnlockSent(Box<EntityUnlockSentEvent>),
    #[prost(message, boxed, tag = "30")]
    ExecutionRewound(Box<ExecutionRewoundEvent>),
}

/// The instance was started: name, input, version, parent.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionStartedEvent {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub version: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub orchestration_instance: Option<OrchestrationInstance>,
    #[prost(message, optional, tag = "5")]
    pub parent_instance: Option<ParentInstanceInfo>,
    #[prost(message, optional, tag = "6")]
    pub scheduled_start_timestamp: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub parent_trace_context: Option<TraceContext>,
    #[prost(message, optional, tag = "8")]
    pub orchestration_span_id: Option<String>,
    #[prost(btree_map = "string, string", tag = "9")]
    pub tags: BTreeMap<String, String>,
}

/// The instance ended; in histories only.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionCompletedEvent {
    #[prost(enumeration = "OrchestrationStatus", tag = "1")]
    pub orchestration_status: i32,
    #[prost(message, optional, tag = "2")]
    pub result: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub failure_details: Option<TaskFailureDetails>,
}

/// A client terminated the instance; `input` is the reason.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionTerminatedEvent {
    #[prost(message, optional, tag = "1")]
    pub input: Option<String>,
    #[prost(bool, tag = "2")]
    pub recurse: bool,
}

/// Confirms a `ScheduleTaskAction`. `input` is absent unless the host stores inputs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskScheduledEvent {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub version: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub parent_trace_context: Option<TraceContext>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub tags: BTreeMap<String, String>,
}

/// The result of an activity as JSON text.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskCompletedEvent {
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    #[prost(message, optional, tag = "2")]
    pub result: Option<String>,
}

/// An activity failed; the details can be absent.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskFailedEvent {
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    #[prost(message, optional, tag = "2")]
    pub failure_details: Option<TaskFailureDetails>,
}

/// Confirms a `CreateSubOrchestrationAction`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SubOrchestrationInstanceCreatedEvent {
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

/// The output of a sub-orchestration as JSON text.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SubOrchestrationInstanceCompletedEvent {
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    #[prost(message, optional, tag = "2")]
    pub result: Option<String>,
}

/// A sub-orchestration failed; the details can be absent.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SubOrchestrationInstanceFailedEvent {
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    #[prost(message, optional, tag = "2")]
    pub failure_details: Option<TaskFailureDetails>,
}

/// Confirms a `CreateTimerAction`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TimerCreatedEvent {
    #[prost(message, optional, tag = "1")]
    pub fire_at: Option<prost_types::Timestamp>,
}

/// A timer fired, up to a second early on Azure Storage.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TimerFiredEvent {
    #[prost(message, optional, tag = "1")]
    pub fire_at: Option<prost_types::Timestamp>,
    #[prost(int32, tag = "2")]
    pub timer_id: i32,
}

/// A turn began; its timestamp is the current time of the turn.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorStartedEvent {}

/// A turn ended.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorCompletedEvent {}

/// Confirms a `SendEventAction`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EventSentEvent {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
}

/// An external event; `input` is JSON text.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EventRaisedEvent {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub input: Option<String>,
}

/// A placeholder, for example for a row that rewind replaced.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GenericEvent {
    #[prost(message, optional, tag = "1")]
    pub data: Option<String>,
}

/// A whole state as a history event.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoryStateEvent {
    #[prost(message, optional, boxed, tag = "1")]
    pub orchestration_state: Option<Box<OrchestrationState>>,
}

/// The execution continued as new.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ContinueAsNewEvent {
    #[prost(message, optional, tag = "1")]
    pub input: Option<String>,
}

/// A client suspended the instance; `input` is the reason.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionSuspendedEvent {
    #[prost(message, optional, tag = "1")]
    pub input: Option<String>,
}

/// A client resumed the instance; `input` is the reason.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionResumedEvent {
    #[prost(message, optional, tag = "1")]
    pub input: Option<String>,
}

/// The execution was rewound.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionRewoundEvent {
    #[prost(message, optional, tag = "1")]
    pub reason: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub parent_execution_id: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub instance_id: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub parent_trace_context: Option<TraceContext>,
    #[prost(message, optional, tag = "5")]
    pub name: Option<String>,
    #[prost(message, optional, tag = "6")]
    pub version: Option<String>,
    #[prost(message, optional, tag = "7")]
    pub input: Option<String>,
    #[prost(message, optional, tag = "8")]
    pub parent_instance: Option<ParentInstanceInfo>,
    #[prost(btree_map = "string, string", tag = "9")]
    pub tags: BTreeMap<String, String>,
}
