//! Where a hub keeps its data.
//!
//! Invariant: what [`Store::apply`] took is visible to every read at once, and is durable, all of it or
//! nothing, when [`Store::commit`] returns. Several steps between two commits are one transaction. A store
//! never writes by itself, never reads a clock and has no rules of the hub in it.
//!
//! The module `validation` checks these rules for any store.

use durable_protocol::Timestamp;
use prost::bytes::Bytes;

use crate::changes::{Activity, Changes, EntityRecord, Message, Timer};
use crate::instance::{InstanceRecord, Payloads};
use crate::query::{EntityFilter, InstanceFilter, Page, PageRequest};

/// A store that cannot do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of the task hub failed: {message}")]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
}

impl StoreError {
    /// `message` is for the person who runs the hub: what failed, and what to do.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// What failed, and what to do.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What kind of failure it is, for the driver.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

/// What kind of failure a [`StoreError`] is. None of them leaves a part of a transaction behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There is no space left. The same steps may succeed when there is.
    Full,
    /// Another process or another hub uses the store.
    Locked,
    /// The data cannot be changed, because its file or folder is read-only.
    ReadOnly,
    /// The data was written by a newer version of this crate.
    Newer,
    /// The data is damaged, or is not that of a task hub.
    Corrupt,
    /// A file cannot be found, read or written.
    Io,
    /// A failure that should not happen.
    Other,
}

/// What waits in a store when a hub opens it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Instances and entities that have messages, each once.
    pub targets: Vec<String>,
    /// Activities by number, in ascending order.
    pub activities: Vec<u64>,
    /// The highest number of a message, timer or activity; 0 in an empty store.
    pub last_number: u64,
}

/// The data of a hub. Only one hub uses a store at a time.
pub trait Store {
    /// The record of an instance.
    ///
    /// # Errors
    /// The store failed; so for all methods.
    fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, StoreError>;

    /// The payloads of an instance; empty when there is none.
    ///
    /// # Errors
    /// The store failed.
    fn payloads(&self, id: &str) -> Result<Payloads, StoreError>;

    /// The encoded events of an instance's current execution, oldest first.
    ///
    /// # Errors
    /// The store failed.
    fn history(&self, id: &str) -> Result<Vec<Bytes>, StoreError>;

    /// The messages that wait for an instance or entity, lowest number first.
    ///
    /// # Errors
    /// The store failed.
    fn inbox(&self, target: &str) -> Result<Vec<Message>, StoreError>;

    /// An activity that was not answered.
    ///
    /// # Errors
    /// The store failed.
    fn activity(&self, number: u64) -> Result<Option<Activity>, StoreError>;

    /// The record of an entity.
    ///
    /// # Errors
    /// The store failed.
    fn entity(&self, id: &str) -> Result<Option<EntityRecord>, StoreError>;

    /// When the next timer is due.
    ///
    /// # Errors
    /// The store failed.
    fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// The timers that are due at `now` or earlier: at most `limit`, in the order of due time and number.
    ///
    /// # Errors
    /// The store failed.
    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Timer>, StoreError>;

    /// A page of instances in the order of their ids.
    ///
    /// # Errors
    /// The store failed.
    fn instances(
        &self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Result<Page<InstanceRecord>, StoreError>;

    /// A page of entities in the order of their ids.
    ///
    /// # Errors
    /// The store failed.
    fn entities(
        &self,
        filter: &EntityFilter,
        page: &PageRequest,
    ) -> Result<Page<EntityRecord>, StoreError>;

    /// What waits. A hub asks once, when it opens the store.
    ///
    /// # Errors
    /// The store failed.
    fn waiting(&self) -> Result<Waiting, StoreError>;

    /// Takes one step into the open transaction.
    ///
    /// # Errors
    /// The store failed. The transaction then holds no part of any step.
    fn apply(&mut self, changes: Changes) -> Result<(), StoreError>;

    /// Makes all steps since the last commit durable.
    ///
    /// # Errors
    /// The store failed. None of these steps is durable or visible any more.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Undoes all steps since the last commit.
    ///
    /// # Errors
    /// The store failed.
    fn rollback(&mut self) -> Result<(), StoreError>;
}

/// A store whose kind is chosen at run time.
impl<S: Store + ?Sized> Store for Box<S> {
    fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, StoreError> {
        (**self).instance(id)
    }

    fn payloads(&self, id: &str) -> Result<Payloads, StoreError> {
        (**self).payloads(id)
    }

    fn history(&self, id: &str) -> Result<Vec<Bytes>, StoreError> {
        (**self).history(id)
    }

    fn inbox(&self, target: &str) -> Result<Vec<Message>, StoreError> {
        (**self).inbox(target)
    }

    fn activity(&self, number: u64) -> Result<Option<Activity>, StoreError> {
        (**self).activity(number)
    }

    fn entity(&self, id: &str) -> Result<Option<EntityRecord>, StoreError> {
        (**self).entity(id)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        (**self).next_due()
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Timer>, StoreError> {
        (**self).due(now, limit)
    }

    fn instances(
        &self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Result<Page<InstanceRecord>, StoreError> {
        (**self).instances(filter, page)
    }

    fn entities(
        &self,
        filter: &EntityFilter,
        page: &PageRequest,
    ) -> Result<Page<EntityRecord>, StoreError> {
        (**self).entities(filter, page)
    }

    fn waiting(&self) -> Result<Waiting, StoreError> {
        (**self).waiting()
    }

    fn apply(&mut self, changes: Changes) -> Result<(), StoreError> {
        (**self).apply(changes)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        (**self).commit()
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        (**self).rollback()
    }
}
