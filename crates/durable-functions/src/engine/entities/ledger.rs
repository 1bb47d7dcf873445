//! What an execution keeps about entities: open requests, labels and the critical section.
//!
//! Invariant: however an orchestrator ends, every lock that it holds is released: by its guard, when
//! the grant of a lock arrives that is no longer awaited, or with the completion. A lock that an entity
//! has not granted by then cannot be released, because an entity ignores a release by an instance that
//! does not hold it.

use std::collections::{BTreeMap, HashMap};

use durable_protocol::{EntityId, Timestamp};
use uuid::Uuid;

use super::label::{Label, Labels};
use super::reply;
use crate::engine::state::Outcome;
use crate::{Failure, codec, error_type};

/// See the module documentation.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    labels: Labels,
    /// Every request that is answered, for the whole execution: a late duplicate of an answer must
    /// not be taken for an external event.
    requests: BTreeMap<Uuid, Request>,
    section: Option<Section>,
    /// Locks that were asked for and are no longer awaited. They are released when they are granted.
    abandoned: Vec<Section>,
}

#[derive(Debug)]
struct Request {
    task: usize,
    /// `None` for a lock.
    called: Option<EntityId>,
}

/// The entities that are locked together.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) id: Uuid,
    /// Sorted, without duplicates.
    pub(super) entities: Vec<EntityId>,
    pub(super) granted: bool,
    /// Locked entities that have not answered their last call, with its request id: a duplicate of an
    /// earlier answer must not count for it.
    busy: HashMap<EntityId, Uuid>,
}

impl Ledger {
    /// Inside a critical section only its entities can be called, each with one call at a time.
    pub(super) fn check_call(&self, entity: &EntityId) -> Result<(), Failure> {
        match &self.section {
            None => Ok(()),
            Some(section) if !section.granted => Err(violation(
                "an entity cannot be called before the lock that was asked for is there: await it",
            )),
            Some(section) if !section.entities.contains(entity) => Err(violation(&format!(
                "{entity} is not locked: while an orchestrator holds a lock it can only call the \
                 entities that are locked"
            ))),
            Some(section) if section.busy.contains_key(entity) => Err(violation(&format!(
                "{entity} is locked and has not answered the last call: await that first"
            ))),
            Some(_) => Ok(()),
        }
    }

    /// A signal to a locked entity has no defined order among the calls to it.
    pub(super) fn check_signal(&self, entity: &EntityId) -> Result<(), Failure> {
        match &self.section {
            Some(section) if section.entities.contains(entity) => Err(violation(&format!(
                "{entity} is locked: call it instead of signalling it"
            ))),
            _ => Ok(()),
        }
    }

    /// Whether a lock is held or asked for, and not released.
    pub(super) fn is_in_critical_section(&self) -> bool {
        self.section.is_some()
    }

    /// Inside a critical section no child can be started: if it needed a locked entity, both would wait
    /// for each other.
    pub(super) fn check_child(&self) -> Result<(), Failure> {
        match &self.section {
            Some(_) => Err(violation(
                "a sub-orchestration cannot be started while the orchestrator holds a lock",
            )),
            None => Ok(()),
        }
    }

    /// Whether these entities can be locked now; gives the first of them.
    pub(super) fn check_lock(&self, entities: &[EntityId]) -> Result<EntityId, Failure> {
        let mut abandoned = self.abandoned.iter().flat_map(|section| &section.entities);
        if abandoned.any(|entity| entities.contains(entity)) {
            return Err(violation(
                "a lock of some of these entities was asked for and is no longer awaited, and is not \
                 granted yet: lock the same set again, which continues the old request",
            ));
        }
        if self.section.is_some() {
            return Err(violation(
                "the orchestrator holds a lock or waits for one: release it before it asks for \
                 another, and lock entities that are needed together with one call",
            ));
        }
        let first = entities
            .first()
            .ok_or_else(|| codec::invalid_input("there is no entity to lock: the set is empty"))?;
        entities.iter().try_for_each(EntityId::check)?;
        Ok(first.clone())
    }

    /// The label of the next message to `entity`.
    pub(super) fn label(&mut self, entity: &EntityId, now: Timestamp) -> Label {
        self.labels.next(entity, now)
    }

    /// `entity` was called by the request `id`; its answer ends `task`.
    pub(super) fn called(&mut self, entity: &EntityId, id: Uuid, task: usize) {
        if let Some(section) = &mut self.section {
            section.busy.insert(entity.clone(), id);
        }
        let called = Some(entity.clone());
        self.requests.insert(id, Request { task, called });
    }

    /// A lock was asked for by the request `id`; its grant ends `task`.
    pub(super) fn lock_requested(&mut self, entities: Vec<EntityId>, id: Uuid, task: usize) {
        self.requests.insert(id, Request { task, called: None });
        self.section = Some(Section {
            id,
            entities,
            granted: false,
            busy: HashMap::new(),
        });
    }

    /// A request for the same set that is no longer awaited and not granted yet. It becomes the critical
    /// section.
    ///
    /// The set must not be requested twice: an entity knows who holds it by the instance alone. It would
    /// grant both requests one after the other, and end both locks with the first release.
    pub(super) fn resume_request(&mut self, entities: &[EntityId]) -> Option<(usize, Uuid)> {
        if self.section.is_some() {
            return None;
        }
        let same = |section: &Section| section.entities == entities;
        let index = self.abandoned.iter().position(same)?;
        let section = self.abandoned.swap_remove(index);
        let id = section.id;
        let task = self.requests.get(&id)?.task;
        self.section = Some(section);
        Some((task, id))
    }

    /// The lock `id` is no longer held or awaited. Gives what is to be released now; a lock that is not
    /// granted yet is released when it is.
    pub(super) fn release(&mut self, id: Uuid) -> Option<Section> {
        let section = self.section.take_if(|section| section.id == id)?;
        if section.granted {
            return Some(section);
        }
        self.abandoned.push(section);
        None
    }

    /// Takes all locks that are held or asked for.
    pub(super) fn take_locks(&mut self) -> Vec<Section> {
        let abandoned = std::mem::take(&mut self.abandoned);
        self.section.take().into_iter().chain(abandoned).collect()
    }

    /// The answer to the request `id`: the task that it ends and its outcome, and the locks that are to
    /// be released. `None` if there is no such request.
    pub(super) fn answered(
        &mut self,
        id: Uuid,
        payload: Option<&[u8]>,
    ) -> Option<(usize, Outcome, Option<Section>)> {
        let request = self.requests.get(&id)?;
        let task = request.task;
        let outcome = reply::outcome(payload, request.called.is_none());
        let release = match &request.called {
            Some(entity) => {
                if let Some(section) = &mut self.section
                    && section.busy.get(entity) == Some(&id)
                {
                    section.busy.remove(entity);
                }
                None
            }
            None => self.lock_answered(id, matches!(outcome, Outcome::Completed(_))),
        };
        Some((task, outcome, release))
    }

    fn lock_answered(&mut self, id: Uuid, granted: bool) -> Option<Section> {
        let is_it = |section: &Section| section.id == id;
        if let Some(section) = self.section.as_mut().filter(|section| is_it(section)) {
            section.granted = true;
            // The entities that granted it before another one failed would stay locked.
            return if granted { None } else { self.release(id) };
        }
        let index = self.abandoned.iter().position(is_it)?;
        Some(self.abandoned.swap_remove(index))
    }

    /// Whether `task` is a call or a lock that an entity has to answer.
    pub(super) fn awaits(&self, task: usize) -> bool {
        self.requests.values().any(|request| request.task == task)
    }

    /// Whether the code holds a lock of `entity`, or waits for one.
    pub(super) fn locks(&self, entity: &str) -> bool {
        let sections = self.section.iter().chain(&self.abandoned);
        sections
            .flat_map(|section| &section.entities)
            .any(|held| held.to_string() == entity)
    }
}

fn violation(message: &str) -> Failure {
    Failure::new(error_type::CRITICAL_SECTION, message).non_retriable()
}
