//! The jobs of a session: the store knows which ones there are, and the task hub what has become of each.
//!
//! A store holds more than jobs that are there. A job is in it before it is started, and stays a little longer than its
//! tombstone. So an entry whose instance the task hub does not know is one of these:
//!
//! - It has a tombstone: *expired*.
//! - It has none, and its message is younger than `RetentionDays` and `TombstoneDays` together: *not started*. Its start
//!   failed and will be tried again, or an operator can send the message again. This is also said of a job that was lost
//!   with its task hub, because nothing tells the two apart.
//! - It has none, and the message is older: *forgotten*. A job of that message would have come and gone, tombstone included.
//!   It must not become one that has not started.
//!
//! Two messages with the same id and different sessions, delivered at the same moment, put one job into both. The job itself
//! names its session. To the other one, the entry is *forgotten*.
//!
//! Invariants: what has no instance that the caller may see is in no list, and a job is in no list but that of its session.

use std::time::SystemTime;

use durable_functions::DurableClient;
use futures::{StreamExt, stream};
use job_api::ApiError;

use super::{Job, find_with_session};
use crate::{
    api::{
        ApiRequest,
        session_target::{session_expired, session_not_found, store_failed},
    },
    sessions::{SessionId, SessionJob, SessionKey, Sessions},
    settings::JobSettings,
};

/// How many jobs of a page are read at once: as many as make a page fast, and few enough that one request does not hold up
/// the task hub for others.
const LOOKUPS_AT_ONCE: usize = 8;

/// How many entries a request looks at. Behind a page that has fewer jobs for that reason, there is a next one.
const MOST_LOOKUPS: usize = 200;

/// How many times as many a request for the newest job looks at: there is no next page that could show an older one.
const MOST_ROUNDS: usize = 5;

/// The least that is asked for when a page is not full yet, so that many entries without a job cost few calls.
const LEAST_MORE: usize = 10;

/// A session, for the caller of a request.
pub(crate) struct JobsOfSession<'a> {
    request: &'a ApiRequest,
    client: &'a DurableClient,
    sessions: &'a Sessions,
    key: SessionKey,
}

/// A part of the list of a session's jobs.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Newest first.
    pub(crate) jobs: Vec<Job>,
    /// The entry after which the next part begins, when there may be one.
    pub(crate) next: Option<SessionJob>,
    /// What to say of the session when there is no job.
    pub(crate) otherwise: Otherwise,
}

/// What is said of a session without a job that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// It has no entry, or one whose job may still start.
    NotStarted,
    /// It has none that may start, and one whose job has a tombstone.
    Expired,
    /// All its jobs are forgotten, and it with them.
    Forgotten,
}

impl Otherwise {
    /// What is said of two together: a job that may start counts more than one that was.
    fn or(self, other: Self) -> Self {
        [Self::NotStarted, Self::Expired]
            .into_iter()
            .find(|it| [self, other].contains(it))
            .unwrap_or(Self::Forgotten)
    }

    /// The error to answer with; `None` where the session waits for its first job.
    pub(crate) fn error(self) -> Option<ApiError> {
        match self {
            Self::NotStarted => None,
            Self::Expired => Some(session_expired()),
            Self::Forgotten => Some(session_not_found()),
        }
    }
}

/// What has become of an entry.
enum Found {
    Job(Job),
    Otherwise(Otherwise),
}

impl<'a> JobsOfSession<'a> {
    pub(crate) fn new(
        request: &'a ApiRequest,
        client: &'a DurableClient,
        sessions: &'a Sessions,
        id: &SessionId,
    ) -> Self {
        Self {
            request,
            client,
            sessions,
            key: id.key(),
        }
    }

    /// At most `size` jobs, the newest first, or those that follow after `after`.
    ///
    /// # Errors
    /// 404 for a session that is not known, or is somebody else's; 503 when the store or the task hub does not answer.
    pub(crate) async fn list(
        &self,
        after: Option<SessionJob>,
        size: usize,
    ) -> Result<Listed, ApiError> {
        let mut listed = Listed {
            jobs: Vec::new(),
            next: None,
            otherwise: Otherwise::Forgotten,
        };
        let is_whole = after.is_none();
        let mut after = after;
        let (mut looked_at, mut wanted) = (0, size);
        loop {
            let page = self.entries(after.as_ref(), wanted).await?;
            if is_whole && looked_at == 0 && page.jobs.is_empty() {
                listed.otherwise = Otherwise::NotStarted;
            }
            let is_empty = page.jobs.is_empty();
            let mut is_at_end = !page.has_more;
            let mut left = page.jobs.len();
            let mut lookups = stream::iter(page.jobs)
                .map(|entry| async move {
                    let found = self.look_up(&entry).await;
                    (entry, found)
                })
                .buffered(LOOKUPS_AT_ONCE);
            while let Some((entry, found)) = lookups.next().await {
                match found? {
                    Found::Job(job) => listed.jobs.push(job),
                    Found::Otherwise(otherwise) => listed.tell(otherwise),
                }
                looked_at += 1;
                left -= 1;
                after = Some(entry);
                if listed.jobs.len() >= size {
                    is_at_end &= left == 0;
                    break;
                }
            }
            if is_at_end {
                return Ok(listed);
            }
            if listed.jobs.len() >= size || looked_at >= MOST_LOOKUPS || is_empty {
                listed.next = after;
                return Ok(listed);
            }
            wanted = (size - listed.jobs.len())
                .max(LEAST_MORE)
                .min(MOST_LOOKUPS - looked_at);
        }
    }

    /// The newest job. `None` while none has started.
    ///
    /// # Errors
    /// Those of [`list`](Self::list); 410 when all jobs have expired, 404 when all are forgotten.
    pub(crate) async fn newest(&self) -> Result<Option<Job>, ApiError> {
        let mut after = None;
        let mut otherwise = Otherwise::Forgotten;
        for _ in 0..MOST_ROUNDS {
            let listed = self.list(after, 1).await?;
            otherwise = otherwise.or(listed.otherwise);
            if let Some(job) = listed.jobs.into_iter().next() {
                return Ok(Some(job));
            }
            after = listed.next;
            if after.is_none() {
                break;
            }
        }
        match otherwise.error() {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// Entries of the store.
    async fn entries(
        &self,
        after: Option<&SessionJob>,
        limit: usize,
    ) -> Result<crate::sessions::Page, ApiError> {
        let page = self.sessions.store().page(&self.key, after, limit).await;
        let retry_after = self.request.settings().status.retry_after.as_secs();
        match page.map_err(|reason| store_failed(&reason, retry_after))? {
            Some(page) if self.request.caller().may_see(page.owner.as_ref()) => Ok(page),
            _ => Err(session_not_found()),
        }
    }

    async fn look_up(&self, entry: &SessionJob) -> Result<Found, ApiError> {
        let settings = self.request.settings();
        let job = find_with_session(
            self.client,
            &entry.id,
            self.request.caller(),
            settings.status.retry_after,
        );
        match job.await {
            Ok((job, Some(session))) if session == self.key => Ok(Found::Job(job)),
            Ok(_) => Ok(Found::Otherwise(Otherwise::Forgotten)),
            Err(error) if error.is_job_expired() => Ok(Found::Otherwise(Otherwise::Expired)),
            Err(error) if error.is_job_not_found() => {
                let is_old = is_forgotten(&settings.jobs, entry, SystemTime::now());
                Ok(Found::Otherwise(match is_old {
                    true => Otherwise::Forgotten,
                    false => Otherwise::NotStarted,
                }))
            }
            Err(error) => Err(error),
        }
    }
}

impl Listed {
    fn tell(&mut self, of_an_entry: Otherwise) {
        self.otherwise = self.otherwise.or(of_an_entry);
    }
}

/// Whether a job of this age would have been purged, and its tombstone too.
fn is_forgotten(settings: &JobSettings, entry: &SessionJob, now: SystemTime) -> bool {
    let Some(retention) = settings.retention else {
        return false;
    };
    let age = now.duration_since(entry.created).unwrap_or_default();
    age >= retention.saturating_add(settings.tombstones)
}
