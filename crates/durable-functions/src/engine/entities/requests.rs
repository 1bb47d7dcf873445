//! Calls, signals and locks of entities, from the request to the answer.

use std::borrow::Cow;
use std::task::Waker;

use durable_protocol::entity_message::{RELEASE, REQUEST};
use durable_protocol::{EntityId, Timestamp};
use uuid::Uuid;

use super::ledger::{Ledger, Section};
use super::message::{self, Sender};
use crate::Failure;
use crate::engine::state::{SlotKind, State};

/// The namespace of request ids. Stored histories hold these ids, and answers are matched by them, so
/// how they are made must never change. They do not come from `new_uuid`: its ids must equal those of
/// .NET, also in an orchestrator that calls entities.
const NAMESPACE: Uuid = Uuid::from_u128(0x5be1_3aee_0d8f_4c0b_9d6b_6f0c_54a7_92e3);

impl State {
    /// Whether a sub-orchestration may be started now.
    pub(crate) fn check_child(&self) -> Result<(), Failure> {
        self.entities()
            .map_or(Ok(()), |ledger| ledger.check_child())
    }

    /// Whether a lock is held or asked for.
    pub(crate) fn is_in_critical_section(&self) -> bool {
        self.entities().is_some_and(Ledger::is_in_critical_section)
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
                let name = format!("{REQUEST} {operation}");
                return self.refuse(SlotKind::SendEvent, &name, failure);
            }
        };
        let id = self.request_id();
        let now = self.now();
        let label = self.ledger().label(entity, now);
        let task = self.send_to_entity(entity, Cow::Borrowed(REQUEST), |sender| {
            message::operation(id, sender, operation, false, input.as_deref(), label)
        });
        self.ledger().called(entity, id, task);
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
        let now = self.now();
        match due {
            None => {
                let label = self.ledger().label(entity, now);
                self.send_to_entity(entity, Cow::Borrowed(REQUEST), |sender| {
                    message::operation(id, sender, operation, true, input, label)
                });
            }
            Some(due) => {
                let name = message::scheduled_request(due, now);
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
        if let Some(asked) = self.ledger().resume_request(&entities) {
            return asked;
        }
        let id = self.request_id();
        let first = match self.ledger().check_lock(&entities) {
            Ok(first) => first,
            Err(failure) => {
                let name = format!("{REQUEST} lock");
                return (self.refuse(SlotKind::SendEvent, &name, failure), id);
            }
        };
        let now = self.now();
        let label = self.ledger().label(&first, now);
        let task = self.send_to_entity(&first, Cow::Borrowed(REQUEST), |sender| {
            message::lock(id, sender, &entities, label)
        });
        self.ledger().lock_requested(entities, id, task);
        (task, id)
    }

    /// Releases a lock that is not released yet: now, or when it is granted.
    pub(crate) fn release_lock(&mut self, id: Uuid) {
        if let Some(section) = self.ledger().release(id) {
            self.send_releases(&section);
        }
    }

    /// The execution ends: the locks that it holds are released with its completion. So are those that it
    /// waits for, because a part of the set may be granted already. The rest cannot be released.
    pub(in crate::engine) fn release_all_locks(&mut self) {
        let Some(ledger) = self.entities_mut() else {
            return;
        };
        let sections = ledger.take_locks();
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
    pub(in crate::engine) fn entity_answered(
        &mut self,
        name: &str,
        payload: Option<&[u8]>,
    ) -> Option<Option<Waker>> {
        const HYPHENATED: usize = 36;
        let ledger = self.entities_mut()?;
        if name.len() != HYPHENATED {
            return None;
        }
        let id = Uuid::try_parse(name).ok()?;
        let (task, outcome, release) = ledger.answered(id, payload)?;
        if let Some(section) = release {
            self.send_releases(&section);
        }
        Some(self.settle(task, outcome))
    }

    /// Whether `task` is a call or a lock that an entity has to answer.
    pub(in crate::engine) fn awaits_entity(&self, task: usize) -> bool {
        self.entities().is_some_and(|ledger| ledger.awaits(task))
    }

    /// Whether the code holds a lock of `entity`, or waits for one.
    pub(in crate::engine) fn locks(&self, entity: &str) -> bool {
        self.entities().is_some_and(|ledger| ledger.locks(entity))
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
