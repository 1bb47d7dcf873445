//! Entities: their state, their locks, and the order in which they take messages.
//!
//! Invariants: an entity runs one batch at a time. A batch has all waiting operations up to the next lock
//! request. A locked entity takes messages of the lock's holder only. Messages arrive once, in the order in
//! which their senders sent them, so nothing is sorted here. Labels are only checked for: by default, a real host drops an
//! orchestration's request without one.
//!
//! - `message`: what entities receive; `batch`: what an answer changes; `reply`: answers to orchestrations

mod batch;
mod message;
mod reply;

use std::collections::VecDeque;

use durable_protocol::messages::{EntityBatchRequest, EntityMetadata, OperationRequest};
pub(crate) use message::{Message, Request, delivery_time, from_action, read};
use prost::bytes::Bytes;

use crate::Token;
use crate::changes::EntityRecord;
use crate::lease::Key;
use crate::notice::{Notice, Unlabelled};
use crate::step::Step;
use crate::store::{Store, StoreError};
use crate::work::EntityBatch;

/// A batch that is under way.
#[derive(Clone, Debug)]
pub(crate) struct BatchLease {
    pub(crate) entity: String,
    /// The operations and the numbers of their messages.
    operations: Vec<(u64, Request)>,
    state: Option<String>,
}

/// The next batch of an entity. `None` when it has none.
pub(crate) fn take(
    store: &dyn Store,
    id: &str,
    largest: usize,
) -> Result<Option<BatchLease>, StoreError> {
    let record = store.entity(id)?.unwrap_or_default();
    let mut queue = Queue::new(record.locked_by, store.inbox(id)?);
    let mut operations = Vec::new();
    while operations.len() < largest {
        match queue.take() {
            Some((number, request)) if !request.is_lock => operations.push((number, request)),
            _ => break,
        }
    }
    Ok((!operations.is_empty()).then(|| BatchLease {
        entity: id.to_owned(),
        operations,
        state: record.state,
    }))
}

impl BatchLease {
    pub(crate) fn item(&self, token: Token, abandoned: u32) -> EntityBatch {
        let operations = self.operations.iter().map(|(_, request)| OperationRequest {
            operation: request.operation.clone(),
            request_id: request.id.clone(),
            input: request.input.clone(),
            trace_context: None,
        });
        EntityBatch {
            token,
            request: EntityBatchRequest {
                instance_id: self.entity.clone(),
                entity_state: self.state.clone(),
                operations: operations.collect(),
                ..EntityBatchRequest::default()
            },
            abandoned,
        }
    }
}

/// The messages of an entity in the order in which it takes them.
struct Queue {
    locked_by: Option<String>,
    /// Messages that the lock's holder sent while it had the lock.
    holder: VecDeque<(u64, Request)>,
    others: VecDeque<(u64, Request)>,
}

impl Queue {
    fn new(locked_by: Option<String>, inbox: Vec<crate::changes::Message>) -> Self {
        let decoded = inbox
            .into_iter()
            .map(|message| (message.number, Request::decoded(&message.body)));
        let (holder, others) = decoded.partition(|(_, request)| request.from_holder);
        Self {
            locked_by,
            holder,
            others,
        }
    }

    fn take(&mut self) -> Option<(u64, Request)> {
        if let Some(first) = self.holder.pop_front() {
            return Some(first);
        }
        let (_, first) = self.others.front()?;
        let sender = first.parent.as_ref().map(|parent| &parent.instance_id);
        if self.locked_by.is_some() && sender != self.locked_by.as_ref() {
            return None;
        }
        self.others.pop_front()
    }
}

/// What clients see of an entity.
pub(crate) fn metadata(record: EntityRecord, backlog: usize) -> EntityMetadata {
    EntityMetadata {
        instance_id: record.id,
        last_modified_time: record.modified.map(Into::into),
        backlog_queue_size: i32::try_from(backlog).unwrap_or(i32::MAX),
        locked_by: record.locked_by,
        serialized_state: record.state,
    }
}

impl Step<'_> {
    fn entity(&mut self, id: &str) -> Result<&EntityRecord, StoreError> {
        if !self.entities.contains_key(id) {
            let record = self.store.entity(id)?;
            let is_new = record.is_none();
            let record = record.unwrap_or_else(|| EntityRecord {
                id: id.to_owned(),
                ..EntityRecord::default()
            });
            self.entities.insert(id.to_owned(), record);
            if is_new {
                self.change_entity(id);
            }
        }
        // It was inserted above.
        Ok(self.entities.entry(id.to_owned()).or_default())
    }

    /// Sends a message to an entity, at the scheduled time if it has one.
    pub(crate) fn deliver_to_entity(
        &mut self,
        id: &str,
        message: Message,
    ) -> Result<(), StoreError> {
        match message {
            Message::Release { parent } => {
                if self.entity(id)?.locked_by.as_ref() == Some(&parent)
                    && let Some(entity) = self.change_entity(id)
                {
                    entity.locked_by = None;
                }
                self.touch(Key::Batch(id.to_owned()));
                self.grant_locks(id)
            }
            Message::Request {
                request,
                due,
                labelled,
            } => {
                if let Some(parent) = &request.parent
                    && !labelled
                    && !self.options.limits.unlabelled_entity_messages
                    && due.is_none()
                {
                    self.notices
                        .push(unlabelled(&parent.instance_id, id, &request));
                    return Ok(());
                }
                match due.filter(|due| *due > self.now) {
                    Some(due) => {
                        self.set_timer(due, id, None, request.encoded());
                        Ok(())
                    }
                    None => self.receive(id, request),
                }
            }
        }
    }

    /// A scheduled message is due.
    pub(crate) fn receive_encoded(&mut self, id: &str, body: &Bytes) -> Result<(), StoreError> {
        self.receive(id, Request::decoded(body))
    }

    fn receive(&mut self, id: &str, mut request: Request) -> Result<(), StoreError> {
        let locked_by = self.entity(id)?.locked_by.as_ref();
        let parent = request.parent.as_ref().map(|parent| &parent.instance_id);
        request.from_holder = parent.is_some() && locked_by == parent;
        self.send(id, None, request.encoded());
        self.grant_locks(id)
    }

    /// Grants the locks that are next in the entity's inbox. While a batch is under way they wait.
    fn grant_locks(&mut self, id: &str) -> Result<(), StoreError> {
        if self.work.is_leased(&Key::Batch(id.to_owned())) {
            return Ok(());
        }
        self.grant_next_locks(id)
    }

    fn grant_next_locks(&mut self, id: &str) -> Result<(), StoreError> {
        loop {
            let locked_by = self.entity(id)?.locked_by.clone();
            let mut queue = Queue::new(locked_by, self.inbox(id)?);
            match queue.take() {
                Some((number, request)) if request.is_lock => {
                    self.consume(number);
                    self.grant(id, request)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Locks the entity. Then passes the request on to the next entity, or, after the last, answers the
    /// orchestration.
    fn grant(&mut self, id: &str, mut lock: Request) -> Result<(), StoreError> {
        let Some(parent) = &lock.parent else {
            return Ok(());
        };
        let holder = parent.instance_id.clone();
        let now = self.now;
        if let Some(entity) = self.change_entity(id) {
            entity.locked_by = Some(holder);
            entity.modified = Some(now);
        }
        lock.position += 1;
        let next = usize::try_from(lock.position)
            .ok()
            .and_then(|position| lock.lock_set.get(position))
            .cloned();
        match next {
            Some(next) => self.receive(&next, lock),
            None => {
                self.answer(&lock, reply::granted)?;
                Ok(())
            }
        }
    }
}

fn unlabelled(sender: &str, entity: &str, request: &Request) -> Notice {
    Notice::EntityMessageUnlabelled {
        sender: sender.to_owned(),
        entity: entity.to_owned(),
        message: if request.is_lock {
            Unlabelled::Lock
        } else if request.signal {
            Unlabelled::Signal(request.operation.clone())
        } else {
            Unlabelled::Call(request.operation.clone())
        },
    }
}
