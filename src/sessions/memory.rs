//! Sessions in the memory of this process, for local use: a restart forgets them, and no other process sees them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;

use super::{Expiry, Page, Registration, SessionJob, SessionKey, SessionStore, StoreError};
use crate::owners::Owner;

/// Sessions in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<HashMap<SessionKey, Session>>);

#[derive(Debug)]
struct Session {
    owner: Option<Owner>,
    expiry: Expiry,
    /// In the order of a list.
    jobs: Vec<(SessionJob, Expiry)>,
}

impl MemoryStore {
    /// A store without sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session, without what has expired.
fn living<'a>(
    sessions: &'a mut HashMap<SessionKey, Session>,
    key: &SessionKey,
) -> Option<&'a mut Session> {
    let now = SystemTime::now();
    if sessions.get(key)?.expiry.is_over(now) {
        sessions.remove(key);
    }
    let session = sessions.get_mut(key)?;
    session.jobs.retain(|(_, expiry)| !expiry.is_over(now));
    Some(session)
}

/// The session, which becomes known if it is not, and whether it was not.
fn known<'a>(
    sessions: &'a mut HashMap<SessionKey, Session>,
    key: &SessionKey,
    owner: Option<&Owner>,
    expiry: Expiry,
) -> (&'a mut Session, bool) {
    let is_new = living(sessions, key).is_none();
    let session = sessions.entry(key.clone()).or_insert_with(|| Session {
        owner: owner.cloned(),
        expiry,
        jobs: Vec::new(),
    });
    session.expiry = session.expiry.max(expiry);
    (session, is_new)
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn register(
        &self,
        session: &SessionKey,
        owner: Option<&Owner>,
        expiry: Expiry,
    ) -> Result<Registration, StoreError> {
        let mut sessions = self.lock();
        let (session, is_new) = known(&mut sessions, session, owner, expiry);
        Ok(Registration {
            owner: session.owner.clone(),
            is_new,
        })
    }

    async fn add(
        &self,
        session: &SessionKey,
        job: &SessionJob,
        expiry: Expiry,
    ) -> Result<Registration, StoreError> {
        let mut sessions = self.lock();
        let (session, is_new) = known(&mut sessions, session, None, expiry);
        match session
            .jobs
            .iter_mut()
            .find(|(known, _)| known.id == job.id)
        {
            Some((_, kept)) => *kept = (*kept).max(expiry),
            None => {
                let place = session.jobs.partition_point(|(known, _)| known < job);
                session.jobs.insert(place, (job.clone(), expiry));
            }
        }
        Ok(Registration {
            owner: session.owner.clone(),
            is_new,
        })
    }

    async fn page(
        &self,
        session: &SessionKey,
        after: Option<&SessionJob>,
        limit: usize,
    ) -> Result<Option<Page>, StoreError> {
        let sessions = self.lock();
        let now = SystemTime::now();
        let session = sessions.get(session);
        Ok(session.filter(|it| !it.expiry.is_over(now)).map(|session| {
            let mut rest = session
                .jobs
                .iter()
                .filter(|(_, expiry)| !expiry.is_over(now))
                .map(|(job, _)| job)
                .skip_while(|job| after.is_some_and(|after| *job <= after));
            Page {
                owner: session.owner.clone(),
                jobs: rest.by_ref().take(limit).cloned().collect(),
                has_more: rest.next().is_some(),
            }
        }))
    }

    async fn extend(
        &self,
        session: &SessionKey,
        job: &str,
        expiry: Expiry,
    ) -> Result<(), StoreError> {
        let mut sessions = self.lock();
        if let Some(session) = living(&mut sessions, session)
            && let Some((_, kept)) = session.jobs.iter_mut().find(|(known, _)| known.id == job)
        {
            *kept = (*kept).max(expiry);
            session.expiry = session.expiry.max(expiry);
        }
        Ok(())
    }

    async fn remove_expired(
        &self,
        _: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<u64, StoreError> {
        let now = SystemTime::now();
        let mut removed = 0;
        self.lock().retain(|_, session| {
            let before = session.jobs.len();
            session.jobs.retain(|(_, expiry)| !expiry.is_over(now));
            removed += before - session.jobs.len();
            let is_over = session.expiry.is_over(now);
            removed += usize::from(is_over);
            !is_over
        });
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }
}
