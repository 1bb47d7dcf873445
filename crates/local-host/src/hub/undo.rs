//! Undoing the failures in a history, for a rewind.
//!
//! The history stays, but these of its events become generic events: the failure of each activity and its
//! scheduling, the failure of each sub-orchestration, and the end of the execution.

use durable_protocol::messages::{EventType, GenericEvent, HistoryEvent, OrchestrationStatus};

/// Undoes the failures in the history of a failed execution. Returns the instance ids of the
/// sub-orchestrations that failed.
pub(super) fn undo(history: &mut [HistoryEvent]) -> Vec<String> {
    let mut activities = Vec::new();
    let mut children = Vec::new();
    for event in history.iter() {
        match &event.event_type {
            Some(EventType::TaskFailed(failed)) => activities.push(failed.task_scheduled_id),
            Some(EventType::SubOrchestrationInstanceFailed(failed)) => {
                children.push(failed.task_scheduled_id);
            }
            _ => {}
        }
    }
    let mut failed = Vec::new();
    for event in history {
        let undone = match &event.event_type {
            Some(EventType::TaskScheduled(_)) => activities.contains(&event.event_id),
            Some(EventType::SubOrchestrationInstanceCreated(created)) => {
                // Attempts with an id that the user chose are one instance.
                let id = &created.instance_id;
                if children.contains(&event.event_id) && !failed.contains(id) {
                    failed.push(id.clone());
                }
                false
            }
            Some(EventType::ExecutionCompleted(end)) => {
                end.orchestration_status() == OrchestrationStatus::Failed
            }
            Some(EventType::TaskFailed(_) | EventType::SubOrchestrationInstanceFailed(_)) => true,
            _ => false,
        };
        if undone {
            event.event_type = Some(EventType::GenericEvent(GenericEvent::default()));
        }
    }
    failed
}
