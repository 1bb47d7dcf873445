//! What a store of sessions does, whichever it is.
//!
//! Invariants of every store: what a session or a job of it was when it became known stays so, however often it is told
//! again and by whom. What is stored ends at its expiry and not before.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

use super::SessionKey;
use crate::owners::Owner;

/// When something may be forgotten. A later one wins over an earlier one; `Never` over both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiry {
    /// At this time.
    At(SystemTime),
    /// It is kept for ever.
    Never,
}

impl Expiry {
    /// Whether the time has come.
    #[must_use]
    pub fn is_over(self, now: SystemTime) -> bool {
        matches!(self, Self::At(time) if time <= now)
    }
}

/// A job of a session. The order is that of a list: newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionJob {
    /// The instance id of the job, which need not be started yet.
    pub id: String,
    /// When its message was sent, in whole milliseconds.
    pub created: SystemTime,
}

impl SessionJob {
    /// A job whose message was sent at this time. Fractions of a millisecond are cut off, because not every store could
    /// keep them.
    #[must_use]
    pub fn new(id: impl Into<String>, created: SystemTime) -> Self {
        let since = created.duration_since(SystemTime::UNIX_EPOCH);
        let millis = since.unwrap_or_default().as_millis();
        let whole = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
        Self {
            id: id.into(),
            created: SystemTime::UNIX_EPOCH + whole,
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn created_millis(&self) -> u64 {
        let since = self.created.duration_since(SystemTime::UNIX_EPOCH);
        u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Ord for SessionJob {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Ids decide between jobs of the same millisecond, so that a page ends at one job.
        (other.created, &other.id).cmp(&(self.created, &self.id))
    }
}

impl PartialOrd for SessionJob {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What is known of a session after it was registered, or a job was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Whose it is: the owner who was told first.
    pub owner: Option<Owner>,
    /// Whether it was not known before.
    pub is_new: bool,
}

/// A part of the list of a session's jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Whose the session is.
    pub owner: Option<Owner>,
    /// Newest first. Empty for a session that is known, and has no job yet or none in this part.
    pub jobs: Vec<SessionJob>,
    /// Whether older ones follow.
    pub has_more: bool,
}

/// Maps sessions to their jobs.
///
/// Every call may be repeated after an error: what it did before it failed is not done twice. What has expired is not there,
/// for any call, whether it was removed or not. So a session that comes again after its expiry is a new one, without the
/// jobs and the owner of the old one. An expiry in the past is one that has come at once.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync {
    /// Makes a session known, if it is not, and keeps it at least until `expiry`.
    ///
    /// # Errors
    /// The store does not answer, or refuses.
    async fn register(
        &self,
        session: &SessionKey,
        owner: Option<&Owner>,
        expiry: Expiry,
    ) -> Result<Registration, StoreError>;

    /// Adds a job to a session, if it is not there, and keeps both at least until `expiry`. A session that was not known
    /// becomes known by it, without an owner. A job that is there keeps its time and its place.
    ///
    /// # Errors
    /// The store does not answer, or refuses. The job may have been added.
    async fn add(
        &self,
        session: &SessionKey,
        job: &SessionJob,
        expiry: Expiry,
    ) -> Result<Registration, StoreError>;

    /// At most `limit` jobs of a session, the newest first, or the newest that come after `after` in that order. `None`
    /// for a session that is not known, or not any more.
    ///
    /// # Errors
    /// The store does not answer, or refuses.
    async fn page(
        &self,
        session: &SessionKey,
        after: Option<&SessionJob>,
        limit: usize,
    ) -> Result<Option<Page>, StoreError>;

    /// Keeps a job, and its session with it, at least until `expiry`. Without effect on what is not there any more.
    ///
    /// # Errors
    /// The store does not answer, or refuses.
    async fn extend(
        &self,
        session: &SessionKey,
        job: &str,
        expiry: Expiry,
    ) -> Result<(), StoreError>;

    /// Removes what has expired, as far as the store does not do that by itself, and says how many sessions and jobs
    /// these were. Stops early when `is_over` says that there is no time left.
    ///
    /// # Errors
    /// The store does not answer, or refuses; what was removed before stays removed.
    async fn remove_expired(
        &self,
        is_over: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<u64, StoreError>;
}

/// A store did not do what it was asked for. The text is for the log, and holds neither keys nor addresses nor secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session store {0}")]
pub struct StoreError(String);

impl StoreError {
    /// `problem` continues the sentence "the session store …".
    pub fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_in_the_order_of_a_list_newest_first() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let mut jobs = [
            SessionJob::new("a", at(1)),
            SessionJob::new("a", at(2)),
            SessionJob::new("b", at(2)),
            SessionJob::new("c", at(2) + Duration::from_nanos(999_999)),
        ];
        jobs.sort();
        let order: Vec<_> = jobs
            .iter()
            .map(|job| (job.created_millis(), job.id.as_str()))
            .collect();
        assert_eq!(order, [(2, "c"), (2, "b"), (2, "a"), (1, "a")]);
    }

    #[test]
    fn a_later_expiry_is_the_greater_one() {
        let now = SystemTime::now();
        assert!(Expiry::At(now) < Expiry::At(now + Duration::from_secs(1)));
        assert!(Expiry::At(now) < Expiry::Never);
        assert!(Expiry::At(now).is_over(now) && !Expiry::Never.is_over(now));
    }
}
