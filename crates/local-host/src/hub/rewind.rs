//! Rewinding: an instance that failed runs again from before its failure.
//!
//! It works as in the extension with the Azure Storage provider: `undo` changes the history. Failed
//! sub-orchestrations are rewound as well. Only the deepest ones get a message; each of the others has its next
//! turn when its sub-orchestration has ended. Messages that arrived while an instance was Failed are lost.

use std::sync::Arc;

use durable_protocol::messages::{EventType, GenericEvent, OrchestrationStatus};

use super::client::ManageError;
use super::instance::{Instance, Message};
use super::{Inner, clock, events};
use crate::log::LogLevel;

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
