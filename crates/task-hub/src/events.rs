//! Makes history events. Events of the host have the id -1, events of actions the id of the action.

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    EventRaisedEvent, EventType, ExecutionResumedEvent, ExecutionSuspendedEvent,
    ExecutionTerminatedEvent, GenericEvent, HistoryEvent, OrchestratorCompletedEvent,
    OrchestratorStartedEvent, SubOrchestrationInstanceCompletedEvent,
    SubOrchestrationInstanceFailedEvent, TaskCompletedEvent, TaskFailedEvent, TaskFailureDetails,
    TimerFiredEvent,
};

/// The id of events that no action caused.
const HOST_EVENT: i32 = -1;

/// An event with the id `id`.
pub(crate) fn event(id: i32, at: Timestamp, kind: EventType) -> HistoryEvent {
    HistoryEvent {
        event_id: id,
        timestamp: Some(at.into()),
        event_type: Some(kind),
    }
}

/// An event that no action caused.
pub(crate) fn host_event(at: Timestamp, kind: EventType) -> HistoryEvent {
    event(HOST_EVENT, at, kind)
}

pub(crate) fn orchestrator_started(at: Timestamp) -> HistoryEvent {
    host_event(
        at,
        EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
    )
}

pub(crate) fn orchestrator_completed(at: Timestamp) -> HistoryEvent {
    host_event(
        at,
        EventType::OrchestratorCompleted(OrchestratorCompletedEvent {}),
    )
}

pub(crate) fn event_raised(at: Timestamp, name: String, input: Option<String>) -> HistoryEvent {
    host_event(at, EventType::EventRaised(EventRaisedEvent { name, input }))
}

pub(crate) fn terminated(at: Timestamp, reason: Option<String>) -> HistoryEvent {
    // A real host never sets `recurse`: the children of a terminated instance keep running.
    host_event(
        at,
        EventType::ExecutionTerminated(ExecutionTerminatedEvent {
            input: reason,
            recurse: false,
        }),
    )
}

pub(crate) fn suspended(at: Timestamp, reason: Option<String>) -> HistoryEvent {
    host_event(
        at,
        EventType::ExecutionSuspended(ExecutionSuspendedEvent { input: reason }),
    )
}

pub(crate) fn resumed(at: Timestamp, reason: Option<String>) -> HistoryEvent {
    host_event(
        at,
        EventType::ExecutionResumed(ExecutionResumedEvent { input: reason }),
    )
}

pub(crate) fn generic(at: Timestamp, data: Option<String>) -> HistoryEvent {
    host_event(at, EventType::GenericEvent(GenericEvent { data }))
}

/// As in a real host, the timestamp is the time when the timer was created.
pub(crate) fn timer_fired(created: Timestamp, id: i32, fire_at: Timestamp) -> HistoryEvent {
    host_event(
        created,
        EventType::TimerFired(TimerFiredEvent {
            fire_at: Some(fire_at.into()),
            timer_id: id,
        }),
    )
}

pub(crate) fn task_completed(at: Timestamp, task: i32, result: Option<String>) -> HistoryEvent {
    host_event(
        at,
        EventType::TaskCompleted(TaskCompletedEvent {
            task_scheduled_id: task,
            result,
        }),
    )
}

pub(crate) fn task_failed(
    at: Timestamp,
    task: i32,
    failure: Option<TaskFailureDetails>,
) -> HistoryEvent {
    host_event(
        at,
        EventType::TaskFailed(Box::new(TaskFailedEvent {
            task_scheduled_id: task,
            failure_details: failure,
        })),
    )
}

pub(crate) fn child_completed(at: Timestamp, task: i32, result: Option<String>) -> HistoryEvent {
    host_event(
        at,
        EventType::SubOrchestrationInstanceCompleted(SubOrchestrationInstanceCompletedEvent {
            task_scheduled_id: task,
            result,
        }),
    )
}

pub(crate) fn child_failed(
    at: Timestamp,
    task: i32,
    failure: Option<TaskFailureDetails>,
) -> HistoryEvent {
    host_event(
        at,
        EventType::SubOrchestrationInstanceFailed(Box::new(SubOrchestrationInstanceFailedEvent {
            task_scheduled_id: task,
            failure_details: failure,
        })),
    )
}
