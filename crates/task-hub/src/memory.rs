//! A store in memory.
//!
//! Invariant: reads see the live tables, which hold every applied step. A recoverable store also keeps the
//! tables as of the last commit, so that a crash can be played: see [`MemoryStore::crash`].

mod tables;

use durable_protocol::Timestamp;
use prost::bytes::Bytes;
use tables::Tables;

use crate::changes::{Activity, Changes, EntityRecord, Message, Timer};
use crate::instance::{InstanceRecord, Payloads};
use crate::query::{EntityFilter, InstanceFilter, Page, PageRequest};
use crate::store::{Store, StoreError, StoreErrorKind, Waiting};

/// A store in memory. It loses everything when it is dropped.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    live: Tables,
    journal: Option<Journal>,
}

/// What is needed to go back to the last commit.
#[derive(Clone, Debug, Default)]
struct Journal {
    durable: Tables,
    applied: Vec<Changes>,
    fails: bool,
}

impl MemoryStore {
    /// An empty store. Its commits cost nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that can be crashed. It holds its data twice.
    #[must_use]
    pub fn recoverable() -> Self {
        Self {
            live: Tables::default(),
            journal: Some(Journal::default()),
        }
    }

    /// The store as it is found after a crash: without the steps that were not committed. A store that is not
    /// recoverable is empty then.
    #[must_use]
    pub fn crash(self) -> Self {
        match self.journal {
            Some(journal) => Self {
                live: journal.durable.clone(),
                journal: Some(Journal {
                    durable: journal.durable,
                    ..Journal::default()
                }),
            },
            None => Self::new(),
        }
    }

    /// Lets the next commit of a recoverable store fail, as on a full disk.
    pub fn fail_next_commit(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.fails = true;
        }
    }
}

impl Store for MemoryStore {
    fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, StoreError> {
        Ok(self.live.instance(id))
    }

    fn payloads(&self, id: &str) -> Result<Payloads, StoreError> {
        Ok(self.live.payloads(id))
    }

    fn history(&self, id: &str) -> Result<Vec<Bytes>, StoreError> {
        Ok(self.live.history(id))
    }

    fn inbox(&self, target: &str) -> Result<Vec<Message>, StoreError> {
        Ok(self.live.inbox(target))
    }

    fn activity(&self, number: u64) -> Result<Option<Activity>, StoreError> {
        Ok(self.live.activity(number))
    }

    fn entity(&self, id: &str) -> Result<Option<EntityRecord>, StoreError> {
        Ok(self.live.entity(id))
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.live.next_due())
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Timer>, StoreError> {
        Ok(self.live.due(now, limit))
    }

    fn instances(
        &self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Result<Page<InstanceRecord>, StoreError> {
        Ok(self.live.instances(filter, page))
    }

    fn entities(
        &self,
        filter: &EntityFilter,
        page: &PageRequest,
    ) -> Result<Page<EntityRecord>, StoreError> {
        Ok(self.live.entities(filter, page))
    }

    fn waiting(&self) -> Result<Waiting, StoreError> {
        Ok(self.live.waiting())
    }

    fn apply(&mut self, changes: Changes) -> Result<(), StoreError> {
        if let Some(journal) = &mut self.journal {
            journal.applied.push(changes.clone());
        }
        self.live.apply(changes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        let applied = std::mem::take(&mut journal.applied);
        if std::mem::take(&mut journal.fails) {
            self.live = journal.durable.clone();
            return Err(StoreError::new(
                StoreErrorKind::Full,
                "the commit was made to fail",
            ));
        }
        for changes in applied {
            journal.durable.apply(changes);
        }
        Ok(())
    }

    /// A store that is not recoverable keeps its steps. It never fails, so no hub has a reason to undo them.
    fn rollback(&mut self) -> Result<(), StoreError> {
        if let Some(journal) = &mut self.journal
            && !journal.applied.is_empty()
        {
            journal.applied.clear();
            self.live = journal.durable.clone();
        }
        Ok(())
    }
}
