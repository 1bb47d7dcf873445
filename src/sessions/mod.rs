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

use crate::settings::{Settings, StoreKind};

/// The store of the app. Clones share it.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<dyn SessionStore>);

impl Sessions {
    /// The store that the settings name; `None` when sessions are off. Nothing is connected to yet.
    #[must_use]
    pub fn open(settings: &Settings) -> Option<Self> {
        Some(match settings.sessions.store.clone()? {
            StoreKind::Memory => Self::new(MemoryStore::new()),
            StoreKind::Redis(settings) => Self::new(RedisStore::new(*settings)),
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
