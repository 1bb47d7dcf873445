//! A store of sessions with faults.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use function_app::{
    owners::Owner,
    sessions::{
        Expiry, MemoryStore, Page, Registration, SessionJob, SessionKey, SessionStore, StoreError,
    },
};

/// What goes wrong when a job is added.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// The store does nothing.
    Refuses,
    /// The store adds the job, and its answer is lost.
    LosesTheAnswer,
}

/// Clones share what is stored.
#[derive(Clone, Debug)]
pub(super) struct FaultyStore {
    stored: Arc<MemoryStore>,
    fault: Fault,
    is_faulty: Arc<AtomicBool>,
}

impl FaultyStore {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            stored: Arc::default(),
            fault,
            is_faulty: Arc::new(AtomicBool::new(true)),
        }
    }

    pub(super) fn heal(&self) {
        self.is_faulty.store(false, Ordering::SeqCst);
    }
}

#[async_trait]
impl SessionStore for FaultyStore {
    async fn register(
        &self,
        session: &SessionKey,
        owner: Option<&Owner>,
        expiry: Expiry,
    ) -> Result<Registration, StoreError> {
        self.stored.register(session, owner, expiry).await
    }

    async fn add(
        &self,
        session: &SessionKey,
        job: &SessionJob,
        expiry: Expiry,
    ) -> Result<Registration, StoreError> {
        let lost = || Err(StoreError::new("did not answer"));
        match (self.is_faulty.load(Ordering::SeqCst), self.fault) {
            (true, Fault::Refuses) => lost(),
            (true, Fault::LosesTheAnswer) => {
                self.stored.add(session, job, expiry).await?;
                lost()
            }
            (false, _) => self.stored.add(session, job, expiry).await,
        }
    }

    async fn page(
        &self,
        session: &SessionKey,
        after: Option<&SessionJob>,
        limit: usize,
    ) -> Result<Option<Page>, StoreError> {
        self.stored.page(session, after, limit).await
    }

    async fn extend(
        &self,
        session: &SessionKey,
        job: &str,
        expiry: Expiry,
    ) -> Result<(), StoreError> {
        self.stored.extend(session, job, expiry).await
    }

    async fn remove_expired(
        &self,
        is_over: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<u64, StoreError> {
        self.stored.remove_expired(is_over).await
    }
}
