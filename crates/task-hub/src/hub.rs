//! The hub: takes inputs, gives out work.
//!
//! Invariants: an input is one step, and a step is applied to the store as a whole. Nothing leaves the hub
//! before it is durable: work is given out only when all steps are committed, and [`Hub::commit`] returns the
//! notices and the ids that changed. So a crash at any moment loses only what nobody was told of.

mod inputs;
mod workers;

use std::collections::BTreeSet;

use durable_protocol::Timestamp;
use durable_protocol::messages::{EntityMetadata, OrchestrationState};

use crate::entity;
use crate::ids::{self, Ids, Moment};
use crate::instance::InstanceRecord;
use crate::lease::{Key, Work};
use crate::notice::Notice;
use crate::options::Options;
use crate::step::{Finished, Step};
use crate::store::{Store, StoreError};

/// A task hub over a store. After a [`StoreError`] of an input or a commit, call [`Hub::recover`].
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

    /// Forgets everything that is not committed, as after a crash. A driver calls it after a failed commit.
    ///
    /// # Errors
    /// The store failed.
    pub fn recover(&mut self, ids: &mut dyn Ids) -> Result<(), StoreError> {
        self.store.rollback()?;
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
        for id in &changes.purged {
            if entity::is_entity(id) {
                // Its batch must not bring the state back.
                self.work.forget(&Key::of_target(id));
                self.pending.entities.insert(id.clone());
            } else {
                self.pending.instances.insert(id.clone());
            }
        }
        if !changes.is_empty() {
            self.is_dirty = true;
            self.store.apply(changes)?;
        }
        for key in touched {
            self.work.touch(key);
        }
        Ok(result)
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

    /// What clients see of an instance, with its payloads.
    ///
    /// # Errors
    /// The store failed.
    pub fn state(&self, id: &str) -> Result<Option<OrchestrationState>, StoreError> {
        let record = self.store.instance(id)?;
        record
            .map(|record| Ok(record.state(self.store.payloads(id)?)))
            .transpose()
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
