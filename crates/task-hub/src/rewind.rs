//! Rewinding: an instance that failed runs again from before its failure.
//!
//! It works as in the extension with the Azure Storage provider. Failed sub-orchestrations are rewound as
//! well. Only the deepest ones get a message; each of the others has its next turn when its sub-orchestration
//! has ended. Invariant: messages that arrived while an instance was Failed are lost.

use durable_protocol::messages::OrchestrationStatus;

use crate::client::{Error, Verb};
use crate::instance::Phase;
use crate::notice::Notice;
use crate::step::Step;
use crate::store::StoreError;
use crate::{events, history};

impl Step<'_> {
    pub(crate) fn rewind(&mut self, id: &str, reason: Option<String>) -> Result<(), Error> {
        let status = self.find(id)?;
        let mut waiting = Vec::new();
        if !self.undo_failure(id, &mut waiting)? {
            return Err(Error::WrongStatus {
                verb: Verb::Rewind,
                id: id.to_owned(),
                status,
            });
        }
        for instance in waiting {
            let message = events::generic(self.now, reason.clone());
            let _ = self.deliver(&instance, None, &message)?;
        }
        Ok(())
    }

    /// Undoes the failure of an instance and of the sub-orchestrations that failed with it, and collects those
    /// that a message must wake. `false` for an instance that is not Failed.
    fn undo_failure(&mut self, id: &str, waiting: &mut Vec<String>) -> Result<bool, StoreError> {
        let is_failed = self.instance(id)?.is_some_and(|instance| {
            instance.has_ended() && instance.status == OrchestrationStatus::Failed
        });
        if !is_failed {
            return Ok(false);
        }
        let undone = history::undo(&self.store.history(id)?);
        let now = self.now;
        let mut is_shadowed = false;
        if let Some(change) = self.edit(id)? {
            change.record.phase = Phase::Begun;
            change.record.status = OrchestrationStatus::Pending;
            change.record.updated = now;
            change.history.replaced = undone.replaced;
            is_shadowed = change.record.earlier > change.record.history;
        }
        if is_shadowed {
            self.notice(Notice::RewindShadowed {
                instance: id.to_owned(),
            });
        }
        if undone.children.is_empty() {
            waiting.push(id.to_owned());
        }
        for child in undone.children {
            let status = self.instance(&child)?.map(|instance| instance.status);
            if !self.undo_failure(&child, waiting)? {
                self.notice(Notice::RewindStuck {
                    instance: id.to_owned(),
                    child,
                    status,
                });
            }
        }
        Ok(true)
    }
}
