//! Giving out work and taking its end.
//!
//! Invariant: a lease ends with the step of its answer, not before. When that step fails, the work is still
//! under way.

use std::sync::Arc;

use durable_protocol::Timestamp;

use super::Hub;
use crate::ids::Moment;
use crate::lease::{Key, Kind, Lease, Token};
use crate::store::{Store, StoreError};
use crate::work::{
    self, ActivityOutcome, BatchOutcome, EntityBatch, Needed, Taken, Turn, TurnOutcome, WorkItem,
};
use crate::{entity, turn};

/// What became of ready work.
enum Leased {
    Item(WorkItem),
    /// Nobody accepts it now.
    Refused(Needed),
    /// There was none after all.
    Nothing,
}

impl<S: Store> Hub<S> {
    /// Takes work of this kind. `None` when there is none, or when steps wait for a commit.
    ///
    /// # Errors
    /// The store failed.
    pub fn take(&mut self, now: Timestamp, kind: Kind) -> Result<Option<WorkItem>, StoreError> {
        self.take_next(now, kind, None)
    }

    /// Takes work of this kind whose function is accepted; other work waits, in its order. `accept` is asked more than
    /// once. Its last answer is the one for the work that is returned.
    ///
    /// # Errors
    /// The store failed.
    pub fn take_if(
        &mut self,
        now: Timestamp,
        kind: Kind,
        accept: &mut dyn FnMut(&Needed) -> bool,
    ) -> Result<Option<WorkItem>, StoreError> {
        self.take_next(now, kind, Some(accept))
    }

    fn take_next(
        &mut self,
        now: Timestamp,
        kind: Kind,
        mut accept: Option<&mut dyn FnMut(&Needed) -> bool>,
    ) -> Result<Option<WorkItem>, StoreError> {
        if self.is_dirty {
            return Ok(None);
        }
        let now = now.in_ticks();
        self.work.wake(now);
        loop {
            let refused = match &mut accept {
                Some(accept) => self.work.next_refused(kind, accept),
                None => self.work.next_refused(kind, &mut |_| true),
            };
            let Some(key) = refused.or_else(|| self.work.next(kind)) else {
                return Ok(None);
            };
            let leased = match &mut accept {
                Some(accept) => self.lease(now, &key, Some(&mut **accept)),
                None => self.lease(now, &key, None),
            };
            match leased {
                Ok(Leased::Item(item)) => return Ok(Some(item)),
                Ok(Leased::Refused(needed)) => self.work.refuse(key, needed),
                Ok(Leased::Nothing) => self.work.none(&key),
                Err(error) => {
                    self.work.touch(key);
                    return Err(error);
                }
            }
        }
    }

    fn lease(
        &mut self,
        now: Timestamp,
        key: &Key,
        accept: Option<&mut dyn FnMut(&Needed) -> bool>,
    ) -> Result<Leased, StoreError> {
        let until = self.lease_end(now);
        let refused = |needed: &dyn Fn() -> Needed| {
            accept.and_then(|accept| {
                let needed = needed();
                (!accept(&needed)).then_some(needed)
            })
        };
        Ok(match key {
            Key::Turn(id) => {
                let Some(lease) = turn::take(&self.store, id, now)? else {
                    return Ok(Leased::Nothing);
                };
                if let Some(needed) = refused(&|| lease.needed()) {
                    return Ok(Leased::Refused(needed));
                }
                let past = self.store.history(id)?;
                let lease = Arc::new(lease);
                let kept = Lease::Turn(Arc::clone(&lease));
                let (token, abandoned) = self.work.lease(key.clone(), kept, until);
                Leased::Item(WorkItem::Turn(lease.item(past, token, abandoned)))
            }
            Key::Activity(number) => {
                let Some(task) = self.store.activity(*number)? else {
                    return Ok(Leased::Nothing);
                };
                let needed = || Needed {
                    kind: Kind::Activity,
                    name: task.name.clone(),
                    version: task.version.clone(),
                };
                if let Some(needed) = refused(&needed) {
                    return Ok(Leased::Refused(needed));
                }
                let kept = Lease::Activity { number: *number };
                let (token, abandoned) = self.work.lease(key.clone(), kept, until);
                Leased::Item(WorkItem::Activity(work::Activity {
                    token,
                    task,
                    abandoned,
                }))
            }
            Key::Batch(id) => {
                let largest = self.options.limits.largest_batch;
                let Some(lease) = entity::take(&self.store, id, largest)? else {
                    return Ok(Leased::Nothing);
                };
                if let Some(needed) = refused(&|| entity::needed(id)) {
                    return Ok(Leased::Refused(needed));
                }
                let lease = Arc::new(lease);
                let kept = Lease::Batch(Arc::clone(&lease));
                let (token, abandoned) = self.work.lease(key.clone(), kept, until);
                Leased::Item(WorkItem::EntityBatch(lease.item(token, abandoned)))
            }
        })
    }

    fn lease_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.options.longest_lease.map(|longest| now.after(longest))
    }

    /// Tells that a worker still works on it: the time limit of its lease begins anew. `false` when the token is
    /// not good any more.
    pub fn renew(&mut self, now: Timestamp, token: &Token) -> bool {
        let until = self.lease_end(now.in_ticks());
        self.work.extend(token, until)
    }

    /// Takes the next turn.
    ///
    /// # Errors
    /// The store failed.
    pub fn take_turn(&mut self, now: Timestamp) -> Result<Option<Turn>, StoreError> {
        Ok(match self.take(now, Kind::Turn)? {
            Some(WorkItem::Turn(turn)) => Some(turn),
            _ => None,
        })
    }

    /// Takes the next activity.
    ///
    /// # Errors
    /// The store failed.
    pub fn take_activity(&mut self, now: Timestamp) -> Result<Option<work::Activity>, StoreError> {
        Ok(match self.take(now, Kind::Activity)? {
            Some(WorkItem::Activity(activity)) => Some(activity),
            _ => None,
        })
    }

    /// Takes the next batch.
    ///
    /// # Errors
    /// The store failed.
    pub fn take_batch(&mut self, now: Timestamp) -> Result<Option<EntityBatch>, StoreError> {
        Ok(match self.take(now, Kind::Batch)? {
            Some(WorkItem::EntityBatch(batch)) => Some(batch),
            _ => None,
        })
    }

    /// Takes the end of a turn.
    ///
    /// # Errors
    /// The store failed. The turn is still under way.
    pub fn turn_done(
        &mut self,
        at: &mut Moment<'_>,
        token: &Token,
        outcome: TurnOutcome,
    ) -> Result<Taken, StoreError> {
        let Some(Lease::Turn(lease)) = self.work.leased(token) else {
            return Ok(Taken::Stale);
        };
        let lease = Arc::clone(lease);
        let taken = match outcome {
            TurnOutcome::Abandoned => return Ok(self.abandon(at.now, token)),
            TurnOutcome::Answered(response) => {
                self.step(at, |step| step.turn_answered(&lease, response))?
            }
            TurnOutcome::Failed(output) => {
                self.step(at, |step| step.turn_failed(&lease, output))?
            }
        };
        self.work.release(token);
        Ok(taken)
    }

    /// Takes the end of an activity.
    ///
    /// # Errors
    /// The store failed. The activity is still under way.
    pub fn activity_done(
        &mut self,
        at: &mut Moment<'_>,
        token: &Token,
        outcome: ActivityOutcome,
    ) -> Result<Taken, StoreError> {
        let Some(Lease::Activity { number }) = self.work.leased(token) else {
            return Ok(Taken::Stale);
        };
        let number = *number;
        if outcome == ActivityOutcome::Abandoned {
            return Ok(self.abandon(at.now, token));
        }
        let taken = self.step(at, |step| step.activity_ended(number, outcome))?;
        self.work.release(token);
        Ok(taken)
    }

    /// Takes the end of a batch.
    ///
    /// # Errors
    /// The store failed. The batch is still under way.
    pub fn batch_done(
        &mut self,
        at: &mut Moment<'_>,
        token: &Token,
        outcome: BatchOutcome,
    ) -> Result<Taken, StoreError> {
        let Some(Lease::Batch(lease)) = self.work.leased(token) else {
            return Ok(Taken::Stale);
        };
        let lease = Arc::clone(lease);
        match outcome {
            BatchOutcome::Abandoned => return Ok(self.abandon(at.now, token)),
            BatchOutcome::Answered(result) => {
                self.step(at, |step| step.batch_answered(&lease, result))?;
            }
            BatchOutcome::Failed(details) => {
                self.step(at, |step| step.batch_failed(&lease, details))?;
            }
        }
        self.work.release(token);
        Ok(Taken::Yes)
    }

    fn abandon(&mut self, now: Timestamp, token: &Token) -> Taken {
        let due = self.work.abandon(token, now, self.options.backoff);
        due.map_or(Taken::Stale, Taken::Again)
    }
}
