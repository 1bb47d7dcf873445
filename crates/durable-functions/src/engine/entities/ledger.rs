//! What an execution keeps about entities: open requests, labels and the critical section.
//!
//! Invariant: however an orchestrator ends, every lock that it holds is released: by its guard, when
//! the grant of a lock arrives that is no longer awaited, or with the completion. A lock that an entity
//! has not granted by then cannot be released, because an entity ignores a release by an instance that
//! does not hold it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::task::Waker;

use durable_protocol::entity_message::{RELEASE, REQUEST};
use durable_protocol::{EntityId, Timestamp};
use uuid::Uuid;

use super::label::Labels;
use super::message::{self, Sender};
use super::reply;
use crate::engine::state::{Outcome, SlotKind, State};
use crate::{Failure, codec, error_type};

/// The namespace of request ids. Stored histories hold these ids, and answers are matched by them, so
/// how they are made must never change. They do not come from `new_uuid`: its ids must equal those of
/// .NET, also in an orchestrator that calls entities.
const NAMESPACE: Uuid = Uuid::from_u128(0x5be1_3aee_0d8f_4c0b_9d6b_6f0c_54a7_92e3);

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
struct Section {
    id: Uuid,
    /// Sorted, without duplicates.
    entities: Vec<EntityId>,
    granted: bool,
    /// Locked entities that have not answered their last call, with its request id: a duplicate of an
    /// earlier answer must not count for it.
    busy: HashMap<EntityId, Uuid>,
}

impl Ledger {
    /// Inside a critical section only its entities can be called, each with one call at a time.
    fn check_call(&self, entity: &EntityId) -> Result<(), Failure> {
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
    fn check_signal(&self, entity: &EntityId) -> Result<(), Failure> {
        match &self.section {
            Some(section) if section.entities.contains(entity) => Err(violation(&format!(
                "{entity} is locked: call it instead of signalling it"
            ))),
            _ => Ok(()),
        }
    }
}

impl State {
    fn section(&self) -> Option<&Section> {
        self.entities()?.section.as_ref()
    }

    /// Inside a critical section no child can be started: if it needed a locked entity, both would wait
    /// for each other.
    pub(crate) fn check_child(&self) -> Result<(), Failure> {
        match self.section() {
            Some(_) => Err(violation(
                "a sub-orchestration cannot be started while the orchestrator holds a lock",
            )),
            None => Ok(()),
        }
    }

    /// Calls an operation. A call that is not allowed fails at once, and nothing is sent.
    pub(crate) fn call_entity(
        &mut self,
        entity: &EntityId,
        operation: &str,
        input: impl FnOnce() -> Result<Option<String>, Failure>,
    ) -> usize {
        let allowed = entity
            .check()
            .map_err(Failure::from)
            .and_then(|()| self.ledger().check_call(entity));
        // The input is made before the label: an entity waits for each message that a label names, so
        // a message with a label must be sent.
        let input = match allowed.and_then(|()| self.input(input)) {
            Ok(input) => input,
            Err(failure) => {
                let name = format!("{} {operation}", REQUEST);
                return self.refuse(SlotKind::SendEvent, &name, failure);
            }
        };
        let id = self.request_id();
        let now = self.now();
        let label = self.ledger().labels.next(entity, now);
        let task = self.send_to_entity(entity, Cow::Borrowed(REQUEST), |sender| {
            message::operation(id, sender, operation, false, input.as_deref(), label)
        });
        if let Some(section) = &mut self.ledger().section {
            section.busy.insert(entity.clone(), id);
        }
        self.expect_answer(id, task, Some(entity.clone()));
        task
    }

    /// Signals an operation.
    pub(crate) fn signal_entity(
        &mut self,
        entity: &EntityId,
        operation: &str,
        input: impl FnOnce() -> Result<Option<String>, Failure>,
        due: Option<Timestamp>,
    ) -> Result<(), Failure> {
        entity.check()?;
        self.ledger().check_signal(entity)?;
        let input = self.input(input)?;
        let input = input.as_deref();
        let id = self.request_id();
        match due {
            None => {
                let now = self.now();
                let label = self.ledger().labels.next(entity, now);
                self.send_to_entity(entity, Cow::Borrowed(REQUEST), |sender| {
                    message::operation(id, sender, operation, true, input, label)
                });
            }
            Some(due) => {
                let name = message::scheduled_request(due, self.now());
                self.send_to_entity(entity, Cow::Owned(name), |_| {
                    message::scheduled_signal(id, operation, input, due)
                });
            }
        }
        Ok(())
    }

    /// Asks for the locks of `entities`; gives the task that ends when all are granted, and the id
    /// of the critical section.
    pub(crate) fn request_lock(&mut self, mut entities: Vec<EntityId>) -> (usize, Uuid) {
        // Everywhere the same order, or two orchestrations could wait for each other.
        entities.sort();
        entities.dedup();
        if self.section().is_none()
            && let Some(asked) = self.asked_before(&entities)
        {
            return asked;
        }
        let id = self.request_id();
        let allowed = match (self.section(), entities.first()) {
            _ if self.overlaps_abandoned(&entities) => Err(violation(
                "a lock of some of these entities was asked for and is no longer awaited, and is not \
                 granted yet: lock the same set again, which continues the old request",
            )),
            (Some(_), _) => Err(violation(
                "the orchestrator holds a lock or waits for one: release it before it asks for \
                 another, and lock entities that are needed together with one call",
            )),
            (None, None) => Err(codec::invalid_input(
                "there is no entity to lock: the set is empty",
            )),
            (None, Some(first)) => entities
                .iter()
                .try_for_each(|entity| Ok(entity.check()?))
                .map(|()| first.clone()),
        };
        let first = match allowed {
            Ok(first) => first,
            Err(failure) => {
                let name = format!("{} lock", REQUEST);
                return (self.refuse(SlotKind::SendEvent, &name, failure), id);
            }
        };
        let now = self.now();
        let label = self.ledger().labels.next(&first, now);
        let task = self.send_to_entity(&first, Cow::Borrowed(REQUEST), |sender| {
            message::lock(id, sender, &entities, label)
        });
        self.expect_answer(id, task, None);
        self.ledger().section = Some(Section {
            id,
            entities,
            granted: false,
            busy: HashMap::new(),
        });
        (task, id)
    }

    /// A request for the same set that is no longer awaited and not granted yet. It becomes the critical
    /// section.
    ///
    /// The set must not be requested twice: an entity knows who holds it by the instance alone. It would
    /// grant both requests one after the other, and end both locks with the first release.
    fn asked_before(&mut self, entities: &[EntityId]) -> Option<(usize, Uuid)> {
        let ledger = self.entities_mut()?;
        let same = |section: &Section| section.entities == entities;
        let section = ledger
            .abandoned
            .swap_remove(ledger.abandoned.iter().position(same)?);
        let task = ledger.requests.get(&section.id)?.task;
        let id = section.id;
        ledger.section = Some(section);
        Some((task, id))
    }

    fn overlaps_abandoned(&self, entities: &[EntityId]) -> bool {
        let abandoned = self
            .entities()
            .into_iter()
            .flat_map(|ledger| &ledger.abandoned);
        abandoned
            .flat_map(|section| &section.entities)
            .any(|entity| entities.contains(entity))
    }

    /// Releases a lock that is not released yet: now, or when it is granted.
    pub(crate) fn release_lock(&mut self, id: Uuid) {
        let held = self.ledger().section.take_if(|section| section.id == id);
        if let Some(section) = held {
            if section.granted {
                self.send_releases(&section);
            } else {
                self.ledger().abandoned.push(section);
            }
        }
    }

    /// The execution ends: the locks that it holds are released with its completion. So are those that it
    /// waits for, because a part of the set may be granted already. The rest cannot be released.
    pub(crate) fn release_all_locks(&mut self) {
        let Some(entities) = self.entities_mut() else {
            return;
        };
        let abandoned = std::mem::take(&mut entities.abandoned);
        let sections: Vec<_> = entities
            .section
            .take()
            .into_iter()
            .chain(abandoned)
            .collect();
        if sections.is_empty() {
            return;
        }
        // Changed code can end where its history goes on. An action whose number is taken in the
        // history would count as sent.
        self.forget_history();
        for section in sections {
            if !section.granted && !self.is_replaying() {
                tracing::warn!(
                    instance = self.instance_id(),
                    entities = ?section.entities,
                    "the orchestrator ends while it waits for a lock: what is granted later stays \
                     locked; await a lock before the end"
                );
            }
            self.send_releases(&section);
        }
    }

    fn send_releases(&mut self, section: &Section) {
        for entity in section.entities.iter().rev() {
            self.send_to_entity(entity, Cow::Borrowed(RELEASE), |sender| {
                message::release(section.id, sender.instance_id)
            });
        }
    }

    /// Takes an external event that answers a request; `None` when it does not. The waker is to be
    /// woken once the borrow has ended.
    pub(crate) fn entity_answered(
        &mut self,
        name: &str,
        payload: Option<&[u8]>,
    ) -> Option<Option<Waker>> {
        const HYPHENATED: usize = 36;
        let entities = self.entities_mut()?;
        if name.len() != HYPHENATED {
            return None;
        }
        let id = Uuid::try_parse(name).ok()?;
        let request = entities.requests.get(&id)?;
        let task = request.task;
        let outcome = reply::outcome(payload, request.called.is_none());
        match &request.called {
            Some(entity) => {
                if let Some(section) = &mut entities.section
                    && section.busy.get(entity) == Some(&id)
                {
                    section.busy.remove(entity);
                }
            }
            None => self.lock_answered(id, &outcome),
        }
        Some(self.settle(task, outcome))
    }

    fn lock_answered(&mut self, id: Uuid, outcome: &Outcome) {
        let granted = matches!(outcome, Outcome::Completed(_));
        let is_it = |section: &Section| section.id == id;
        let ledger = self.ledger();
        if let Some(section) = ledger.section.as_mut().filter(|section| is_it(section)) {
            section.granted = true;
            if !granted {
                // The entities that granted it before another one failed would stay locked.
                self.release_lock(id);
            }
        } else if let Some(index) = ledger.abandoned.iter().position(is_it) {
            let section = ledger.abandoned.swap_remove(index);
            self.send_releases(&section);
        }
    }

    fn expect_answer(&mut self, id: Uuid, task: usize, called: Option<EntityId>) {
        let request = Request { task, called };
        self.ledger().requests.insert(id, request);
    }

    /// The id of the next request. It is made from the execution and the action alone, so that a turn that
    /// is delivered again asks under the same id.
    fn request_id(&self) -> Uuid {
        let execution = match self.execution_id() {
            Some(id) => Cow::Borrowed(id),
            // Some hosts send none; the time differs between the executions of an instance.
            None => Cow::Owned(self.now().round_trip()),
        };
        let instance = self.instance_id();
        let name = format!("{instance}/{execution}/{}", self.next_id());
        Uuid::new_v5(&NAMESPACE, name.as_bytes())
    }

    /// Whether `task` is a call or a lock that an entity has to answer.
    pub(crate) fn awaits_entity(&self, task: usize) -> bool {
        let mut requests = self
            .entities()
            .into_iter()
            .flat_map(|ledger| ledger.requests.values());
        requests.any(|request| request.task == task)
    }

    /// Whether the code holds a lock of `entity`, or waits for one.
    pub(crate) fn locks(&self, entity: &str) -> bool {
        let sections = self.entities().into_iter();
        let mut sections =
            sections.flat_map(|ledger| ledger.section.iter().chain(&ledger.abandoned));
        sections.any(|section| {
            section
                .entities
                .iter()
                .any(|held| held.to_string() == entity)
        })
    }

    /// The input of the next request, which is only needed when the history does not hold it.
    fn input(
        &self,
        input: impl FnOnce() -> Result<Option<String>, Failure>,
    ) -> Result<Option<String>, Failure> {
        if self.next_is_confirmed() {
            Ok(None)
        } else {
            input()
        }
    }

    /// Sends an event to an entity; `data` is only made when the history does not hold it.
    fn send_to_entity(
        &mut self,
        entity: &EntityId,
        name: Cow<'static, str>,
        data: impl FnOnce(Sender<'_>) -> String,
    ) -> usize {
        self.send_event(entity.to_string(), name, |state| {
            Some(data(Sender {
                instance_id: state.instance_id(),
                execution_id: state.execution_id(),
            }))
        })
    }
}

fn violation(message: &str) -> Failure {
    Failure::new(error_type::CRITICAL_SECTION, message).non_retriable()
}
