//! The end of an activity.
//!
//! Invariant: the row of the activity goes and its outcome arrives in one step. So an activity may run more
//! than once, but its orchestration sees one outcome.

use crate::events;
use crate::notice::Notice;
use crate::step::Step;
use crate::store::StoreError;
use crate::work::{ActivityOutcome, Taken};

impl Step<'_> {
    pub(crate) fn activity_ended(
        &mut self,
        number: u64,
        outcome: ActivityOutcome,
    ) -> Result<Taken, StoreError> {
        let Some(task) = self.store.activity(number)? else {
            return Ok(Taken::Stale);
        };
        self.changes.finished.push(number);
        let event = match outcome {
            ActivityOutcome::Completed(result) => events::task_completed(self.now, task.id, result),
            ActivityOutcome::Failed(details) => events::task_failed(self.now, task.id, details),
            ActivityOutcome::Abandoned => return Ok(Taken::Stale),
        };
        let delivery = self.deliver(&task.instance, Some(task.execution), &event)?;
        Ok(match delivery {
            Ok(()) => Taken::Yes,
            Err(why) => {
                self.notice(Notice::ActivityOutcomeDropped {
                    instance: task.instance,
                    activity: task.name,
                    why,
                });
                Taken::Void
            }
        })
    }
}
