//! Rewinding: an instance that failed runs again from before its failure.
//!
//! It works as in the extension with the Azure Storage provider. The history stays, but these of its events
//! become generic events: the failure of each activity and its scheduling, the failure of each
//! sub-orchestration, and the end of the execution. Failed sub-orchestrations are rewound as well. Only the
//! deepest ones get a message; each of the others has its next turn when its sub-orchestration has ended.
//! Messages that arrived while an instance was Failed are lost.

use std::sync::Arc;

use durable_protocol::messages::{EventType, GenericEvent, HistoryEvent, OrchestrationStatus};

use super::client::ManageError;
use super::instance::{Instance, Message};
use super::{Inner, clock, events};
use crate::log::LogLevel;

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

impl Inner {
    /// Rewinds a failed instance.
    pub(super) fn rewind(
        self: &Arc<Self>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), ManageError> {
        let instance = self.find(id)?;
        let mut waiting = Vec::new();
        self.undo_failure(&instance, &mut waiting)
            .map_err(|status| ManageError::WrongStatus {
                verb: "rewind",
                id: id.to_owned(),
                status: status.as_str(),
            })?;
        for instance in waiting {
            let message = EventType::GenericEvent(GenericEvent {
                data: reason.clone(),
            });
            self.deliver(
                &instance.id,
                Message {
                    execution: None,
                    event: events::host_event(clock::now(), message),
                },
            );
        }
        Ok(())
    }

    /// Undoes the failure of an instance and of the sub-orchestrations that failed with it, and
    /// collects those that a message must wake. The error is the status of an instance that is not Failed.
    fn undo_failure(
        &self,
        instance: &Arc<Instance>,
        waiting: &mut Vec<Arc<Instance>>,
    ) -> Result<(), OrchestrationStatus> {
        let rewound = instance.rewind(clock::now())?;
        self.not_finished(&instance.id);
        if rewound.is_shadowed {
            self.log(
                LogLevel::Warning,
                format!(
                    "Orchestration '{}' is rewound, although an earlier execution under its id had a \
                     longer history. A real host loses such a rewind: it rewinds the earlier \
                     execution, and the instance stays Failed. Use every instance id once.",
                    instance.id
                ),
            );
        }
        if rewound.children.is_empty() {
            waiting.push(Arc::clone(instance));
            return Ok(());
        }
        for child in rewound.children {
            let found = self.instance(&child);
            let undone = found.map(|found| self.undo_failure(&found, waiting));
            let why = match undone {
                Some(Ok(())) => continue,
                Some(Err(status)) => format!("is {}", status.as_str()),
                None => "does not exist any more".to_owned(),
            };
            self.log(
                LogLevel::Error,
                format!(
                    "Orchestration '{}' was rewound and waits for its sub-orchestration '{child}', \
                     which {why} and cannot be rewound: like on a real host, it waits for ever. \
                     Terminate it and start a new one.",
                    instance.id
                ),
            );
        }
        Ok(())
    }
}

/// The result of rewinding one instance.
pub(super) struct Rewound {
    /// The instance ids of the sub-orchestrations that failed.
    pub(super) children: Vec<String>,
    /// An earlier execution under the same id had a longer history.
    pub(super) is_shadowed: bool,
}
