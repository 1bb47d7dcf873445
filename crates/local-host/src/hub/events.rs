//! Makes history events. Events of the host have the id -1, events of actions the id of the action.

use durable_protocol::messages::{
    EventRaisedEvent, EventType, ExecutionResumedEvent, ExecutionSuspendedEvent,
    ExecutionTerminatedEvent, HistoryEvent, OrchestratorCompletedEvent, OrchestratorStartedEvent,
    SubOrchestrationInstanceCompletedEvent, SubOrchestrationInstanceFailedEvent,
    TaskCompletedEvent, TaskFailedEvent, TaskFailureDetails, TimerFiredEvent,
};
use prost_types::Timestamp;

/// The id of events that no action caused.
pub(super) const HOST_EVENT: i32 = -1;

/// An event with the id `id`.
pub(super) fn event(id: i32, timestamp: Timestamp, kind: EventType) -> HistoryEvent {
    HistoryEvent {
        event_id: id,
        timestamp: Some(timestamp),
        event_type: Some(kind),
    }
}

/// An event that no action caused.
pub(super) fn host_event(timestamp: Timestamp, kind: EventType) -> HistoryEvent {
    event(HOST_EVENT, timestamp, kind)
}

pub(super) fn orchestrator_started(timestamp: Timestamp) -> HistoryEvent {
    host_event(
        timestamp,
        EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
    )
}

pub(super) fn orchestrator_completed(timestamp: Timestamp) -> HistoryEvent {
    host_event(
        timestamp,
        EventType::OrchestratorCompleted(OrchestratorCompletedEvent {}),
    )
}

pub(super) fn event_raised(
    timestamp: Timestamp,
    name: String,
    input: Option<String>,
) -> HistoryEvent {
    host_event(
        timestamp,
        EventType::EventRaised(EventRaisedEvent { name, input }),
    )
}

pub(super) fn terminated(timestamp: Timestamp, reason: Option<String>) -> HistoryEvent {
    // A real host never sets `recurse`: the children of a terminated instance keep running.
    host_event(
        timestamp,
        EventType::ExecutionTerminated(ExecutionTerminatedEvent {
            input: reason,
            recurse: false,
        }),
    )
}

pub(super) fn suspended(timestamp: Timestamp, reason: Option<String>) -> HistoryEvent {
    host_event(
        timestamp,
        EventType::ExecutionSuspended(ExecutionSuspendedEvent { input: reason }),
    )
}

pub(super) fn resumed(timestamp: Timestamp, reason: Option<String>) -> HistoryEvent {
    host_event(
        timestamp,
        EventType::ExecutionResumed(ExecutionResumedEvent { input: reason }),
    )
}

/// As in a real host, the timestamp is the time when the timer was created.
pub(super) fn timer_fired(created: Timestamp, id: i32, fire_at: Timestamp) -> HistoryEvent {
    host_event(
        created,
        EventType::TimerFired(TimerFiredEvent {
            fire_at: Some(fire_at),
            timer_id: id,
        }),
    )
}

pub(super) fn task_completed(
    timestamp: Timestamp,
    task: i32,
    result: Option<String>,
) -> HistoryEvent {
    host_event(
        timestamp,
        EventType::TaskCompleted(TaskCompletedEvent {
            task_scheduled_id: task,
            result,
        }),
    )
}

pub(super) fn task_failed(
    timestamp: Timestamp,
    task: i32,
    failure: Option<TaskFailureDetails>,
) -> HistoryEvent {
    host_event(
        timestamp,
        EventType::TaskFailed(Box::new(TaskFailedEvent {
            task_scheduled_id: task,
            failure_details: failure,
        })),
    )
}

pub(super) fn child_completed(
    timestamp: Timestamp,
    task: i32,
    result: Option<String>,
) -> HistoryEvent {
    host_event(
        timestamp,
        EventType::SubOrchestrationInstanceCompleted(SubOrchestrationInstanceCompletedEvent {
            task_scheduled_id: task,
            result,
        }),
    )
}

pub(super) fn child_failed(
    timestamp: Timestamp,
    task: i32,
    failure: Option<TaskFailureDetails>,
) -> HistoryEvent {
    host_event(
        timestamp,
        EventType::SubOrchestrationInstanceFailed(Box::new(SubOrchestrationInstanceFailedEvent {
            task_scheduled_id: task,
            failure_details: failure,
        })),
    )
}
