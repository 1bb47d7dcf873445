//! The hub: takes inputs, gives out work.
//!
//! Invariants: an input is one step, and a step is applied to the store as a whole. Nothing leaves the hub
//! before it is durable: work is given out only when all steps are committed, and [`Hub::commit`] returns the
//! notices and the ids that changed. So a crash at any moment loses only what nobody was told of.

use std::collections::BTreeSet;

use durable_protocol::Timestamp;
use durable_protocol::messages::{CreateInstanceRequest, EntityMetadata};

use crate::client::{Error, Signal};
use crate::ids::{self, Ids, Moment};
use crate::instance::InstanceRecord;
use crate::lease::{Key, Kind, Lease, Token, Work};
use crate::notice::Notice;
use crate::options::Options;
use crate::query::{InstanceFilter, PageRequest};
use crate::step::{Finished, Step};
use crate::store::{Store, StoreError};
use crate::work::{
    self, ActivityOutcome, BatchOutcome, EntityBatch, Taken, Turn, TurnOutcome, WorkItem,
};
use crate::{entity, turn};

/// How many timers one step fires at most, so that a step stays small.
const TIMERS_PER_STEP: usize = 256;

/// A task hub over a store.
#[derive(Debug)]
pub struct Hub<S> {
    pub(crate) store: S,
    options: Options,
    work: Work,
    next_number: u64,
    pending: Committed,
    is_dirty: bool,
}

/// What is durable now.
#[derive(Debug, Default, PartialEq)]
pub struct Committed {
    /// Instances that clients may see changed, each once.
    pub instances: BTreeSet<String>,
    /// Entities that clients may see changed, each once.
    pub entities: BTreeSet<String>,
    /// What a developer should know, in the order of the steps.
    pub notices: Vec<Notice>,
}

impl<S: Store> Hub<S> {
    /// Opens a store. All work in it is given out again.
    ///
    /// # Errors
    /// The store failed.
    pub fn open(store: S, options: Options, ids: &mut dyn Ids) -> Result<Self, StoreError> {
        let mut hub = Self {
            work: Work::new(String::new()),
            store,
            options,
            next_number: 1,
            pending: Committed::default(),
            is_dirty: false,
        };
        hub.recover(ids)?;
        Ok(hub)
    }

    /// Forgets everything but the store's data, as after a crash. A driver calls it after a failed commit.
    ///
    /// # Errors
    /// The store failed.
    pub fn recover(&mut self, ids: &mut dyn Ids) -> Result<(), StoreError> {
        let waiting = self.store.waiting()?;
        self.work = Work::new(ids::plain(ids));
        self.next_number = waiting.last_number + 1;
        self.pending = Committed::default();
        self.is_dirty = false;
        for target in waiting.targets {
            self.work.touch(Key::of_target(&target));
        }
        for number in waiting.activities {
            self.work.touch(Key::Activity(number));
        }
        Ok(())
    }

    /// The store, for reads. They show steps that are not committed: commit before you answer a client.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Closes the hub.
    pub fn into_store(self) -> S {
        self.store
    }

    /// Makes all steps durable and lets them take effect.
    ///
    /// # Errors
    /// The store failed. None of the steps happened: the driver fails the calls behind them and calls
    /// [`Hub::recover`].
    pub fn commit(&mut self) -> Result<Committed, StoreError> {
        if self.is_dirty {
            self.store.commit()?;
            self.is_dirty = false;
        }
        Ok(std::mem::take(&mut self.pending))
    }

    /// Runs one step.
    fn step<T, E: From<StoreError>>(
        &mut self,
        at: &mut Moment<'_>,
        run: impl FnOnce(&mut Step<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut step = Step::new(
            &self.store,
            &self.options,
            &self.work,
            self.next_number,
            &mut *at.ids,
            at.now,
        );
        let result = run(&mut step)?;
        let Finished {
            changes,
            notices,
            touched,
            next_number,
        } = step.finish();
        self.next_number = next_number;
        self.pending.notices.extend(notices);
        for change in &changes.instances {
            self.pending.instances.insert(change.record.id.clone());
        }
        for entity in &changes.entities {
            self.pending.entities.insert(entity.id.clone());
        }
        self.pending.instances.extend(changes.purged.iter().cloned());
        if !changes.is_empty() {
            self.is_dirty = true;
            self.store.apply(changes)?;
        }
        for key in touched {
            self.work.touch(key);
        }
        Ok(result)
    }

    /// Starts an instance and returns its id.
    ///
    /// # Errors
    /// Why it was refused; so for all operations of clients.
    pub fn start(
        &mut self,
        at: &mut Moment<'_>,
        request: CreateInstanceRequest,
    ) -> Result<String, Error> {
        self.step(at, |step| step.start_instance(request))
    }

    /// Starts an instance again with its name and input: under its id, or under a new one. Returns the id.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn restart(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        new_id: bool,
    ) -> Result<String, Error> {
        self.step(at, |step| step.restart_instance(id, new_id))
    }

    /// Sends an external event; `input` is JSON text. Suspended instances take it too.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn raise(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        name: String,
        input: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.raise(id, name, input))
    }

    /// Marks an instance as suspended. It still has turns: the worker holds events back.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn suspend(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.suspend(id, reason))
    }

    /// Ends a suspension.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn resume(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.resume(id, reason))
    }

    /// Sends the reason to the orchestrator, which then ends. Sub-orchestrations keep running.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn terminate(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.terminate(id, reason))
    }

    /// Lets a failed instance run again from before its failure.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn rewind(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.rewind(id, reason))
    }

    /// Removes an instance that has ended.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn purge(&mut self, at: &mut Moment<'_>, id: &str) -> Result<(), Error> {
        self.step(at, |step| step.purge(id))
    }

    /// Removes at most `limit` instances of a list, also running ones, as a real host does. Returns how many;
    /// fewer than `limit` when none is left.
    ///
    /// # Errors
    /// The store failed.
    pub fn purge_all(
        &mut self,
        at: &mut Moment<'_>,
        filter: &InstanceFilter,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let page = PageRequest { after: None, limit };
        let rows = self.store.instances(filter, &page)?.rows;
        let count = rows.len();
        self.step(at, |step| {
            step.changes.purged = rows.into_iter().map(|row| row.id).collect();
            Ok(count)
        })
    }

    /// Sends an operation to an entity, which need not exist.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn signal(&mut self, at: &mut Moment<'_>, signal: Signal) -> Result<(), Error> {
        self.step(at, |step| step.signal(signal))
    }

    /// Fires the timers that are due. Returns how many; when it is not 0 there may be more.
    ///
    /// # Errors
    /// The store failed.
    pub fn fire_timers(&mut self, at: &mut Moment<'_>) -> Result<usize, StoreError> {
        let due = self.store.due(at.now, TIMERS_PER_STEP)?;
        self.step(at, |step| {
            let count = due.len();
            for timer in due {
                step.fire(timer)?;
            }
            Ok(count)
        })
    }

    /// When [`Hub::fire_timers`] or [`Hub::take`] has something to do next, without a further input.
    ///
    /// # Errors
    /// The store failed.
    pub fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let timer = self.store.next_due()?;
        let delayed = self.work.next_due();
        Ok(timer.into_iter().chain(delayed).min())
    }

    /// Takes work of this kind. `None` when there is none, or when steps wait for a commit.
    ///
    /// # Errors
    /// The store failed.
    pub fn take(&mut self, now: Timestamp, kind: Kind) -> Result<Option<WorkItem>, StoreError> {
        if self.is_dirty {
            return Ok(None);
        }
        let now = now.in_ticks();
        self.work.wake(now);
        while let Some(key) = self.work.next(kind) {
            match self.lease(now, &key) {
                Ok(None) => {}
                Ok(Some(item)) => return Ok(Some(item)),
                Err(error) => {
                    self.work.touch(key);
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    fn lease(&mut self, now: Timestamp, key: &Key) -> Result<Option<WorkItem>, StoreError> {
        Ok(match key {
            Key::Turn(id) => match turn::take(&self.store, id, now)? {
                None => None,
                Some(lease) => {
                    let past = self.store.history(id)?;
                    let (token, abandoned) =
                        self.work.lease(key.clone(), Lease::Turn(lease.clone()));
                    Some(WorkItem::Turn(lease.item(past, token, abandoned)))
                }
            },
            Key::Activity(number) => self.store.activity(*number)?.map(|task| {
                let lease = Lease::Activity { number: *number };
                let (token, abandoned) = self.work.lease(key.clone(), lease);
                WorkItem::Activity(work::Activity {
                    token,
                    task,
                    abandoned,
                })
            }),
            Key::Batch(id) => {
                let batch = entity::take(&self.store, id, self.options.limits.largest_batch)?;
                batch.map(|lease| {
                    let (token, abandoned) =
                        self.work.lease(key.clone(), Lease::Batch(lease.clone()));
                    WorkItem::EntityBatch(lease.item(token, abandoned))
                })
            }
        })
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
        let lease = lease.clone();
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
        let lease = lease.clone();
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

    /// The record of an instance.
    ///
    /// # Errors
    /// The store failed.
    pub fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, StoreError> {
        self.store.instance(id)
    }

    /// What clients see of an entity; `None` when it has no state.
    ///
    /// # Errors
    /// The store failed.
    pub fn entity(&self, id: &str) -> Result<Option<EntityMetadata>, StoreError> {
        let record = self.store.entity(id)?.filter(|it| it.state.is_some());
        record
            .map(|record| Ok(entity::metadata(record, self.store.inbox(id)?.len())))
            .transpose()
    }
}
