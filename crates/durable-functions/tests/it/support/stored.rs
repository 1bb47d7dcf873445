//! How a host records what happened and what an answer asked for.

use durable_protocol::messages::{
    EventSentEvent, EventType, HistoryEvent, OrchestratorAction, OrchestratorActionType,
    SubOrchestrationInstanceCreatedEvent, TaskScheduledEvent, TimerCreatedEvent,
};

/// When the histories of tests begin, in seconds since 1970: 2024-01-02T03:04:05Z.
pub(crate) const START: i64 = 1_704_164_645;

/// An event at [`START`] plus `clock` seconds.
pub(crate) fn event(id: i32, kind: EventType, clock: i64) -> HistoryEvent {
    HistoryEvent {
        event_id: id,
        timestamp: Some(prost_types::Timestamp {
            seconds: START + clock,
            nanos: 0,
        }),
        event_type: Some(kind),
    }
}

/// The event that the host records for an action, without the inputs of calls; none for a completion.
pub(crate) fn confirmation(action: &OrchestratorAction) -> Option<EventType> {
    match action.orchestrator_action_type.as_ref().unwrap() {
        OrchestratorActionType::ScheduleTask(task) => {
            Some(EventType::TaskScheduled(Box::new(TaskScheduledEvent {
                name: task.name.clone(),
                ..Default::default()
            })))
        }
        OrchestratorActionType::CreateTimer(timer) => {
            Some(EventType::TimerCreated(TimerCreatedEvent {
                fire_at: timer.fire_at,
            }))
        }
        OrchestratorActionType::CreateSubOrchestration(child) => {
            Some(EventType::SubOrchestrationInstanceCreated(Box::new(
                SubOrchestrationInstanceCreatedEvent {
                    instance_id: child.instance_id.clone(),
                    name: child.name.clone(),
                    version: child.version.clone(),
                    ..Default::default()
                },
            )))
        }
        OrchestratorActionType::SendEvent(sent) => {
            Some(EventType::EventSent(Box::new(EventSentEvent {
                instance_id: sent.instance.as_ref().unwrap().instance_id.clone(),
                name: sent.name.clone(),
                input: sent.data.clone(),
            })))
        }
        OrchestratorActionType::CompleteOrchestration(_) => None,
        other => panic!("not an action of ours: {other:?}"),
    }
}
