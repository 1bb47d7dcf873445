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

/// A sub-orchestration that failed.
struct Child {
    parent: String,
    id: String,
}

impl Step<'_> {
    pub(crate) fn rewind(&mut self, id: &str, reason: Option<String>) -> Result<(), Error> {
        let status = self.find(id)?;
        let mut waiting = Vec::new();
        // A list, because sub-orchestrations can be nested deeply.
        let Some(mut children) = self.undo_failure(id, &mut waiting)? else {
            return Err(Error::WrongStatus {
                verb: Verb::Rewind,
                id: id.to_owned(),
                status,
            });
        };
        while let Some(Child { parent, id }) = children.pop() {
            let status = self.instance(&id)?.map(|instance| instance.status);
            match self.undo_failure(&id, &mut waiting)? {
                Some(grandchildren) => children.extend(grandchildren),
                None => self.notice(Notice::RewindStuck {
                    instance: parent,
                    child: id,
                    status,
                }),
            }
        }
        for instance in waiting {
            let message = events::generic(self.now, reason.clone());
            let _ = self.deliver(&instance, None, &message)?;
        }
        Ok(())
    }

    /// Undoes the failure of an instance. Adds it to those that a message must wake, or returns the
    /// sub-orchestrations that failed with it, the last one first. `None` for an instance that is not Failed.
    fn undo_failure(
        &mut self,
        id: &str,
        waiting: &mut Vec<String>,
    ) -> Result<Option<Vec<Child>>, StoreError> {
        let is_failed = self.instance(id)?.is_some_and(|instance| {
            instance.has_ended() && instance.status == OrchestrationStatus::Failed
        });
        if !is_failed {
            return Ok(None);
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
        let children = undone.children.into_iter().rev().map(|child| Child {
            parent: id.to_owned(),
            id: child,
        });
        Ok(Some(children.collect()))
    }
}
