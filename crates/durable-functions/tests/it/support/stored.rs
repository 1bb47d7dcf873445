//! How a host records what happened and what an answer asked for.

use durable_protocol::messages::{
    EventSentEvent, EventType, ExecutionCompletedEvent, ExecutionStartedEvent, HistoryEvent,
    OrchestrationInstance, OrchestrationStatus, OrchestratorAction, OrchestratorActionType,
    OrchestratorCompletedEvent, OrchestratorRequest, OrchestratorStartedEvent,
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

/// The instance of all hand-made histories.
pub(crate) const INSTANCE: &str = "abc";

/// The first message of an execution.
pub(crate) fn execution_started(name: &str, input: Option<&str>, execution: &str) -> HistoryEvent {
    let started = ExecutionStartedEvent {
        name: name.to_owned(),
        input: input.map(str::to_owned),
        orchestration_instance: Some(OrchestrationInstance {
            instance_id: INSTANCE.to_owned(),
            execution_id: Some(execution.to_owned()),
        }),
        ..Default::default()
    };
    event(-1, EventType::ExecutionStarted(Box::new(started)), 0)
}

/// The request of the turn that takes these messages.
pub(crate) fn request(
    past: &[HistoryEvent],
    messages: impl IntoIterator<Item = HistoryEvent>,
    clock: i64,
) -> OrchestratorRequest {
    let mut new_events = vec![turn_began(clock)];
    new_events.extend(messages);
    OrchestratorRequest {
        instance_id: INSTANCE.to_owned(),
        past_events: past.to_vec(),
        new_events,
        ..Default::default()
    }
}

/// The first event of each turn.
pub(crate) fn turn_began(clock: i64) -> HistoryEvent {
    event(
        -1,
        EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
        clock,
    )
}

/// The last event of each turn.
pub(crate) fn turn_ended(clock: i64) -> HistoryEvent {
    event(
        -1,
        EventType::OrchestratorCompleted(OrchestratorCompletedEvent {}),
        clock,
    )
}

/// The event of a failed execution.
pub(crate) fn execution_failed(id: i32, clock: i64) -> HistoryEvent {
    let end = ExecutionCompletedEvent {
        orchestration_status: OrchestrationStatus::Failed.into(),
        ..Default::default()
    };
    event(id, EventType::ExecutionCompleted(Box::new(end)), clock)
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
