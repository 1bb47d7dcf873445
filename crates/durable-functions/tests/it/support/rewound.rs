//! How a host changes the history of a failed execution that is rewound. As in the extension with the
//! Azure Storage provider, failures, the events that scheduled what failed, and the end become generic
//! events without data. The event that created a failed child stays, because the child is rewound.

use durable_protocol::messages::{EventType, GenericEvent, HistoryEvent};

/// Rewinds `past`; the message that the next turn brings.
pub(crate) fn rewind(past: &mut [HistoryEvent], reason: Option<&str>) -> EventType {
    let failed: Vec<_> = past
        .iter()
        .filter_map(|event| match &event.event_type {
            Some(EventType::TaskFailed(failed)) => Some(failed.task_scheduled_id),
            _ => None,
        })
        .collect();
    for event in past.iter_mut() {
        let undone = match &event.event_type {
            Some(EventType::TaskScheduled(_)) => failed.contains(&event.event_id),
            Some(
                EventType::TaskFailed(_)
                | EventType::SubOrchestrationInstanceFailed(_)
                | EventType::ExecutionCompleted(_),
            ) => true,
            _ => false,
        };
        if undone {
            event.event_type = Some(EventType::GenericEvent(GenericEvent::default()));
        }
    }
    EventType::GenericEvent(GenericEvent {
        data: reason.map(str::to_owned),
    })
}
