//! Entities: their state, their locks, and the order in which they take messages.
//!
//! An entity runs one batch at a time. A batch has all waiting operations up to the next lock request. A
//! locked entity takes messages of the lock's holder only. Messages arrive once, in the order in which their
//! senders sent them, so nothing is sorted here. Labels are only checked for: a real host drops an
//! orchestration's request without one.
//!
//! - `message`: what entities receive; `batch`: calls the function and carries out its answer; `reply`:
//!   answers

mod batch;
mod message;
mod reply;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use durable_protocol::messages::EntityMetadata;
pub(super) use message::{Message, Request, from_action, is_too_far, read};
use prost_types::Timestamp;
use tokio::sync::watch;

use super::{Inner, clock, lock};
use crate::log::LogLevel;

/// The most operations in one batch, as on a real host outside the Consumption plan.
const LARGEST_BATCH: usize = 5_000;

/// One entity.
pub(super) struct Entity {
    id: String,
    /// What clients see, with its state.
    seen: watch::Sender<EntityMetadata>,
    work: Mutex<Work>,
}

#[derive(Default)]
struct Work {
    /// JSON text; `None` for an entity that does not exist.
    state: Option<String>,
    /// Messages of the lock's holder, which are taken first.
    holder: VecDeque<Request>,
    queue: VecDeque<Request>,
    /// The instance id of the orchestration that holds the lock.
    locked_by: Option<String>,
    modified: Option<Timestamp>,
    /// A batch is under way.
    busy: bool,
}

/// What the entity does next.
struct Batch {
    state: Option<String>,
    operations: Vec<Request>,
    /// A lock that is granted after the operations.
    lock: Option<Request>,
}

impl Entity {
    fn new(id: String) -> Self {
        Self {
            seen: watch::Sender::new(EntityMetadata {
                instance_id: id.clone(),
                ..EntityMetadata::default()
            }),
            work: Mutex::default(),
            id,
        }
    }

    /// Takes a message; `true` when the caller must start the entity's batches.
    fn receive(&self, message: Message) -> bool {
        let mut work = lock(&self.work);
        match message {
            Message::Release { parent } => {
                if work.locked_by.as_ref() == Some(&parent) {
                    work.locked_by = None;
                }
            }
            Message::Request(request) => {
                let from_holder = request
                    .parent
                    .as_ref()
                    .is_some_and(|parent| work.locked_by.as_ref() == Some(&parent.instance_id));
                if from_holder {
                    work.holder.push_back(request);
                } else {
                    work.queue.push_back(request);
                }
            }
        }
        self.show(&work);
        let starts = !work.busy && work.may_take();
        work.busy |= starts;
        starts
    }

    /// The next batch. Without one the entity becomes idle.
    fn next(&self) -> Option<Batch> {
        let mut work = lock(&self.work);
        let mut batch = Batch {
            state: work.state.clone(),
            operations: Vec::new(),
            lock: None,
        };
        while batch.operations.len() < LARGEST_BATCH {
            let Some(request) = work.take() else {
                break;
            };
            if request.lock_set.is_some() {
                batch.lock = Some(request);
                break;
            }
            batch.operations.push(request);
        }
        if batch.operations.is_empty() && batch.lock.is_none() {
            work.busy = false;
            return None;
        }
        Some(batch)
    }

    /// Stores the state that a batch returned.
    fn keep(&self, state: Option<String>) {
        let mut work = lock(&self.work);
        work.state = state;
        work.modified = Some(clock::now());
        self.show(&work);
    }

    fn lock_for(&self, parent: String) {
        let mut work = lock(&self.work);
        work.locked_by = Some(parent);
        work.modified = Some(clock::now());
        self.show(&work);
    }

    /// Updates what clients see. Call it with the lock held.
    fn show(&self, work: &MutexGuard<'_, Work>) {
        self.seen.send_modify(|seen| {
            seen.last_modified_time = work.modified;
            seen.backlog_queue_size =
                i32::try_from(work.queue.len() + work.holder.len()).unwrap_or(i32::MAX);
            seen.locked_by.clone_from(&work.locked_by);
            seen.serialized_state.clone_from(&work.state);
        });
    }
}

impl Work {
    fn may_take(&self) -> bool {
        !self.holder.is_empty()
            || self.queue.front().is_some_and(|first| {
                self.locked_by.is_none()
                    || first.parent.as_ref().map(|it| &it.instance_id) == self.locked_by.as_ref()
            })
    }

    fn take(&mut self) -> Option<Request> {
        if !self.may_take() {
            return None;
        }
        self.holder.pop_front().or_else(|| self.queue.pop_front())
    }
}

/// Name and key of an entity id, `@name@key`.
fn parts(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix('@')?.split_once('@')
}

impl Inner {
    /// What clients see of an entity, with its state; `None` when it does not exist.
    pub(super) fn entity(&self, id: &str) -> Option<EntityMetadata> {
        let entity = lock(&self.entities).get(id).map(Arc::clone)?;
        let seen = entity.seen.borrow().clone();
        seen.serialized_state.is_some().then_some(seen)
    }

    /// Waits until what clients see of an entity meets `condition`.
    pub(super) async fn wait_for_entity(
        &self,
        id: &str,
        condition: impl FnMut(&EntityMetadata) -> bool,
    ) -> EntityMetadata {
        let entity = self.entity_of(id);
        let mut seen = entity.seen.subscribe();
        match seen.wait_for(condition).await {
            Ok(seen) => seen.clone(),
            // The sender is in `entity`.
            Err(_) => entity.seen.borrow().clone(),
        }
    }

    fn entity_of(&self, id: &str) -> Arc<Entity> {
        let mut entities = lock(&self.entities);
        let entity = entities
            .entry(id.to_owned())
            .or_insert_with(|| Arc::new(Entity::new(id.to_owned())));
        Arc::clone(entity)
    }

    /// Sends a message to an entity, at the scheduled time if it has one.
    pub(super) fn deliver_to_entity(self: &Arc<Self>, id: &str, message: Message) {
        if let Message::Request(request) = &message {
            if request.parent.is_some() && !request.labelled && request.due.is_none() {
                self.drop_unlabelled(id, request);
                return;
            }
            if let Some(due) = request.due {
                let wait = clock::until(clock::now(), due);
                if !wait.is_zero() {
                    let hub = Arc::clone(self);
                    let id = id.to_owned();
                    self.spawn(async move {
                        tokio::time::sleep(wait).await;
                        hub.receive(&id, message);
                    });
                    return;
                }
            }
        }
        self.receive(id, message);
    }

    fn receive(self: &Arc<Self>, id: &str, message: Message) {
        let entity = self.entity_of(id);
        if entity.receive(message) {
            self.spawn(batch::run(Arc::clone(self), entity));
        }
    }

    fn drop_unlabelled(&self, id: &str, request: &Request) {
        let sender = request
            .parent
            .as_ref()
            .map_or("", |parent| parent.instance_id.as_str());
        let (what, consequence) = match (&request.lock_set, request.signal) {
            (Some(_), _) => ("Lock request".to_owned(), "the lock is never granted"),
            (None, true) => (
                format!("Signal '{}'", request.operation),
                "the signal is lost",
            ),
            (None, false) => (
                format!("Call '{}'", request.operation),
                "the call never returns",
            ),
        };
        self.log(
            LogLevel::Error,
            format!(
                "{what} from orchestration '{sender}' to entity '{id}' was dropped: it has no \
                 Timestamp. A real host takes it for a duplicate and drops it silently; {consequence}. \
                 Send requests as events with Timestamp and Predecessor."
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use durable_protocol::messages::OrchestrationInstance;

    use super::*;

    fn request(id: &str, parent: &str, lock: bool) -> Message {
        Message::Request(Request {
            id: id.into(),
            parent: Some(OrchestrationInstance {
                instance_id: parent.into(),
                execution_id: None,
            }),
            lock_set: lock.then(|| vec!["@e@k".into()]),
            ..Request::default()
        })
    }

    fn ids(batch: &Batch) -> (Vec<&str>, Option<&str>) {
        (
            batch.operations.iter().map(|it| it.id.as_str()).collect(),
            batch.lock.as_ref().map(|it| it.id.as_str()),
        )
    }

    #[test]
    fn operations_that_wait_are_one_batch_up_to_the_next_lock() {
        let entity = Entity::new("@e@k".into());
        assert!(entity.receive(request("1", "p", false)));
        for (id, lock) in [("2", false), ("3", true), ("4", false)] {
            assert!(!entity.receive(request(id, "p", lock)), "it is busy");
        }
        assert_eq!(ids(&entity.next().unwrap()), (vec!["1", "2"], Some("3")));
        entity.lock_for("p".into());
        assert_eq!(ids(&entity.next().unwrap()), (vec!["4"], None));
        assert!(entity.next().is_none());
    }

    #[test]
    fn a_locked_entity_takes_messages_of_the_holder_only_until_it_is_released() {
        let entity = Entity::new("@e@k".into());
        entity.receive(request("lock", "holder", true));
        assert_eq!(ids(&entity.next().unwrap()), (vec![], Some("lock")));
        entity.lock_for("holder".into());
        assert!(entity.next().is_none());
        assert!(!entity.receive(request("1", "other", false)));
        assert!(entity.receive(request("2", "holder", false)));
        assert_eq!(ids(&entity.next().unwrap()), (vec!["2"], None));
        assert!(entity.next().is_none());
        let release = |parent: &str| Message::Release {
            parent: parent.into(),
        };
        assert!(!entity.receive(release("other")), "not the holder");
        assert!(entity.receive(release("holder")));
        assert_eq!(ids(&entity.next().unwrap()), (vec!["1"], None));
    }
}
