//! The sessions of web applications, and the jobs that messages started for each.
//!
//! A message is consumed by nobody's request, so nobody gets the id of its job. What both sides know is the session id in
//! the message. A [`SessionStore`] maps it to the jobs.
//!
//! Invariants: a session id is not kept, only its [`SessionKey`]. A store is written by client functions and activities,
//! never by an orchestrator, whose code runs again at each replay.

mod expiry;
mod id;
mod memory;
mod redis;
mod store;
mod table;

pub use id::{InvalidSessionId, SessionId, SessionKey};
pub use memory::MemoryStore;
pub use redis::{
    ManagedIdentity, RedisConnection, RedisConnectionError, RedisSettings, RedisStore,
};
pub use store::{Expiry, Page, Registration, SessionJob, SessionStore, StoreError};
pub use table::TableStore;

use std::sync::Arc;

use crate::{
    settings::{Settings, StoreKind},
    tables::OpenError,
};

/// The store of the app. Clones share it.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<dyn SessionStore>);

impl Sessions {
    /// The store that the settings name; `None` when sessions are off. Nothing is connected to yet.
    ///
    /// # Errors
    /// When the table client cannot be set up.
    pub fn open(settings: &Settings) -> Result<Option<Self>, OpenError> {
        Ok(match settings.sessions.store.clone() {
            None => None,
            Some(StoreKind::Memory) => Some(Self::new(MemoryStore::new())),
            Some(StoreKind::Redis(settings)) => Some(Self::new(RedisStore::new(*settings))),
            Some(StoreKind::Table(table)) => Some(Self::new(TableStore::open(
                &table.storage,
                &table.name,
                &TableStore::TIMEOUTS,
                TableStore::RETRY,
            )?)),
        })
    }

    /// The sessions in this store.
    pub fn new(store: impl SessionStore + 'static) -> Self {
        Self(Arc::new(store))
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &dyn SessionStore {
        &*self.0
    }
}
