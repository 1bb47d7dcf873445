//! Entities: their state, their locks, and the order in which they take messages.
//!
//! Invariants: an entity runs one batch at a time. A batch has all waiting operations up to the next lock
//! request. A locked entity takes messages of the lock's holder only. Messages arrive once, in the order in
//! which their senders sent them, so nothing is sorted here. Labels are only checked for: by default, a real host drops an
//! orchestration's request without one.
//!
//! - `message`: what entities receive; `batch`: what an answer changes; `reply`: answers to orchestrations;
//!   `clean`: removes what is not needed any more

mod batch;
mod clean;
mod message;
mod reply;

use std::collections::VecDeque;

pub(crate) use clean::scheduled;
use durable_protocol::messages::{EntityBatchRequest, EntityMetadata, OperationRequest};
pub(crate) use message::{Message, Request, delivery_time, from_action, read};
use prost::bytes::Bytes;

use crate::Token;
use crate::changes::EntityRecord;
use crate::lease::{Key, Kind};
use crate::notice::{Notice, Unlabelled};
use crate::step::Step;
use crate::store::{Store, StoreError};
use crate::work::{EntityBatch, Needed};

/// A batch that is under way.
#[derive(Debug)]
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

/// The function of an entity.
pub(crate) fn needed(id: &str) -> Needed {
    let name = id.strip_prefix('@').and_then(|rest| rest.split_once('@'));
    Needed {
        kind: Kind::Batch,
        name: name.map_or(id, |(name, _)| name).to_lowercase(),
        version: None,
    }
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

/// Whether the id is that of an entity. Messages for all others go to instances.
pub(crate) fn is_entity(id: &str) -> bool {
    id.starts_with('@')
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
            Message::Release { parent } => self.release(id, &parent),
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

    fn receive(&mut self, id: &str, request: Request) -> Result<(), StoreError> {
        let is_lock = request.is_lock;
        let is_held_back = self.queue_up(id, request)?;
        // Only a lock can be granted by its arrival. So the inbox is not read for each operation.
        if is_lock && !is_held_back {
            self.grant_locks(vec![id.to_owned()])?;
        }
        Ok(())
    }

    /// Puts a request into the inbox. Returns whether the lock of another orchestration holds it back.
    fn queue_up(&mut self, id: &str, mut request: Request) -> Result<bool, StoreError> {
        let locked_by = self.entity(id)?.locked_by.as_ref();
        let is_locked = locked_by.is_some();
        let parent = request.parent.as_ref().map(|parent| &parent.instance_id);
        request.from_holder = parent.is_some() && locked_by == parent;
        self.send(id, None, request.encoded());
        Ok(is_locked && !request.from_holder)
    }

    /// Ends the lock of `holder`, if it has it, and grants the next one.
    pub(crate) fn release(&mut self, id: &str, holder: &str) -> Result<(), StoreError> {
        if self.entity(id)?.locked_by.as_deref() != Some(holder) {
            return Ok(());
        }
        if let Some(entity) = self.change_entity(id) {
            entity.locked_by = None;
        }
        self.touch(Key::Batch(id.into()));
        self.grant_locks(vec![id.to_owned()])
    }

    /// Grants the locks that are next in the inboxes of these entities. While a batch is under way they wait.
    fn grant_locks(&mut self, mut entities: Vec<String>) -> Result<(), StoreError> {
        // A granted lock passes on to the next entity of its set. A loop, because a set can be long.
        while let Some(id) = entities.pop() {
            if !self.work.is_leased(&Key::Batch(id.as_str().into())) {
                self.grant_next_locks(&id, &mut entities)?;
            }
        }
        Ok(())
    }

    /// Grants the locks behind a batch that is over.
    fn grant_locks_behind(&mut self, id: &str) -> Result<(), StoreError> {
        let mut entities = Vec::new();
        self.grant_next_locks(id, &mut entities)?;
        self.grant_locks(entities)
    }

    /// Adds the entities that got a lock request to `reached`.
    fn grant_next_locks(&mut self, id: &str, reached: &mut Vec<String>) -> Result<(), StoreError> {
        loop {
            let locked_by = self.entity(id)?.locked_by.clone();
            let mut queue = Queue::new(locked_by, self.inbox(id)?);
            match queue.take() {
                Some((number, request)) if request.is_lock => {
                    self.consume(number);
                    self.grant(id, request, reached)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Locks the entity. Then passes the request on to the next entity, or, after the last, answers the
    /// orchestration.
    fn grant(
        &mut self,
        id: &str,
        mut lock: Request,
        reached: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let Some(parent) = &lock.parent else {
            return Ok(());
        };
        let holder = parent.instance_id.clone();
        if !self.is_running(&holder)? {
            // A real host locks the entity for ever.
            self.notice(Notice::EntityLockDropped {
                entity: id.to_owned(),
                sender: holder,
            });
            return Ok(());
        }
        let now = self.now;
        if let Some(entity) = self.change_entity(id) {
            entity.locked_by = Some(holder);
            entity.modified = Some(now);
        }
        lock.position = lock.position.saturating_add(1);
        let next = usize::try_from(lock.position)
            .ok()
            .and_then(|position| lock.lock_set.get(position))
            .cloned();
        match next {
            Some(next) => {
                if !self.queue_up(&next, lock)? {
                    reached.push(next);
                }
            }
            None => {
                self.answer(&lock, reply::granted)?;
            }
        }
        Ok(())
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
