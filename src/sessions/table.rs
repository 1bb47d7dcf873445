//! Sessions in a table of Azure Storage.
//!
//! A session is a partition, whose key is the session's. It has a row of its own, and two rows for each job:
//!
//! | RowKey | Columns | For |
//! |---|---|---|
//! | `s` | `Owner`, `Expiry` | the session |
//! | `i` and the id | `Job`, `Created`, `Expiry` | the job: whether it is there, and since when |
//! | `j`, the inverted time and the inverted id | `Job`, `Created`, `Expiry` | the place of the job in the list |
//!
//! The place alone would not do. A repetition may come with another time, and must find the job that is there. The row of the
//! job alone would not do either, because a list would have to read and sort all of them.
//!
//! Invariants:
//! - The rows are written in this order, and the expiry of each is at most that of the one before. So what is listed is
//!   there, and a job has one place that counts: another one, from an earlier life of the job, has expired.
//! - A row is inserted, or put in the place of the version that was read. So of those who write at once one wins, and the
//!   others read what he wrote.
//! - A call that breaks off between two rows leaves a job that is not listed. Its repetition writes the rest.
//! - A row that has expired counts as absent. So nothing depends on the clean-up, and the clean-up deletes only the version
//!   that it saw expire.

mod row;

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, future, stream};

use super::{Expiry, Page, Registration, SessionJob, SessionKey, SessionStore, StoreError};
use crate::{
    owners::Owner,
    tables::{
        Connection, Entity, Etag, Filter, Keys, OpenError, PropertyName, RetryPolicy, Table,
        TableError, TableName, Timeouts,
    },
};
use row::{EXPIRY, Kind, Row};

/// The most entities that the service puts into a page.
const MAX_PAGE: usize = 1000;

/// How often a write begins again because somebody else has written the same row. Each time, one of the others is done.
const MAX_TURNS: usize = 200;

/// How many rows a clean-up removes at the same time.
const REMOVED_AT_ONCE: usize = 16;

/// Sessions in a table. Clones share their connections.
#[derive(Clone, Debug)]
pub struct TableStore {
    table: Table,
    retry: RetryPolicy,
}

impl TableStore {
    /// Time limits for requests of one row. A client waits for the answer, so they are shorter than those of the query.
    pub const TIMEOUTS: Timeouts = Timeouts {
        connect: Duration::from_secs(5),
        read: Duration::from_secs(10),
        request: Duration::from_secs(20),
    };

    /// Four attempts over at most 15 seconds, for the same reason.
    pub const RETRY: RetryPolicy = RetryPolicy {
        attempts: 4,
        first_delay: Duration::from_millis(200),
        max_delay: Duration::from_secs(2),
        budget: Duration::from_secs(15),
    };

    /// The sessions in this table, which is created with the first of them. Nothing is connected to yet.
    ///
    /// # Errors
    /// When the credentials are malformed or TLS cannot be set up.
    pub fn open(
        connection: &Connection,
        name: &TableName,
        timeouts: &Timeouts,
        retry: RetryPolicy,
    ) -> Result<Self, OpenError> {
        let table = Table::open(connection, name, timeouts)?;
        Ok(Self { table, retry })
    }

    async fn get(&self, keys: &Keys) -> Result<Option<(Row, Etag)>, StoreError> {
        match self.retry.run(|| self.table.get(keys)).await {
            Ok(Some((entity, etag))) => Ok(Some((Row::read(&entity)?, etag))),
            // It is created when something is written.
            Ok(None) | Err(TableError::TableNotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The row, unless it has expired.
    async fn living(&self, keys: &Keys) -> Result<Option<(Row, Etag)>, StoreError> {
        let found = self.get(keys).await?;
        Ok(found.filter(|(row, _)| !row.expiry.is_over(SystemTime::now())))
    }

    async fn insert(&self, row: &Row) -> Result<bool, StoreError> {
        let entity = row.write();
        let insert = || self.table.insert(&entity);
        match self.retry.run(insert).await {
            Err(TableError::TableNotFound | TableError::NotFound) => {
                self.retry.run(|| self.table.create()).await?;
                Ok(self.retry.run(insert).await?)
            }
            inserted => Ok(inserted?),
        }
    }

    async fn replace(&self, row: &Row, version: &Etag) -> Result<bool, StoreError> {
        let entity = row.write();
        let replaced = self.retry.run(|| self.table.replace(&entity, version));
        Ok(replaced.await?)
    }

    /// Keeps the row that is there at least until the expiry of `row`, and puts `row` in its place if there is none or it has
    /// expired. Gives what is there then, and whether it is `row`.
    ///
    /// `is_likely_new` only decides which request comes first.
    async fn keep(&self, row: Row, is_likely_new: bool) -> Result<(Row, bool), StoreError> {
        let keys = row.keys();
        if is_likely_new && self.insert(&row).await? {
            return Ok((row, true));
        }
        for _ in 0..MAX_TURNS {
            let Some((mut kept, version)) = self.get(&keys).await? else {
                if self.insert(&row).await? {
                    return Ok((row, true));
                }
                continue;
            };
            if kept.expiry.is_over(SystemTime::now()) {
                if self.replace(&row, &version).await? {
                    return Ok((row, true));
                }
                continue;
            }
            if kept.expiry >= row.expiry {
                return Ok((kept, false));
            }
            kept.expiry = row.expiry;
            if self.replace(&kept, &version).await? {
                return Ok((kept, false));
            }
        }
        Err(contended())
    }

    /// Keeps the row that is there at least until this expiry, and gives it. `None` without one, and when it has expired.
    async fn lengthen(&self, keys: &Keys, expiry: Expiry) -> Result<Option<Row>, StoreError> {
        for _ in 0..MAX_TURNS {
            let Some((mut kept, version)) = self.living(keys).await? else {
                return Ok(None);
            };
            if kept.expiry >= expiry {
                return Ok(Some(kept));
            }
            kept.expiry = expiry;
            if self.replace(&kept, &version).await? {
                return Ok(Some(kept));
            }
        }
        Err(contended())
    }

    async fn keep_session(
        &self,
        session: &SessionKey,
        owner: Option<&Owner>,
        expiry: Expiry,
    ) -> Result<Registration, StoreError> {
        let row = Row::session(session, owner.cloned(), expiry);
        let (kept, is_new) = self.keep(row, false).await?;
        Ok(Registration {
            owner: kept.owner,
            is_new,
        })
    }

    /// The jobs that have not expired, at most one more than `limit`.
    async fn jobs(
        &self,
        session: &SessionKey,
        after: Option<&SessionJob>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let begin = after.map_or_else(row::before_all_places, row::place);
        let now = row::millis(SystemTime::now());
        let filter = Filter::eq(&PropertyName::PARTITION_KEY, session.as_str())
            .and(Filter::gt(&PropertyName::ROW_KEY, begin.as_str()))
            .and(Filter::lt(&PropertyName::ROW_KEY, row::AFTER_ALL_PLACES))
            .and(Filter::gt(&EXPIRY, now));
        let wanted = limit.saturating_add(1);
        let mut rows = Vec::new();
        let mut from = None;
        loop {
            let most = u32::try_from((wanted - rows.len()).min(MAX_PAGE)).ok();
            let page = || self.table.page(&filter, &row::ALL, most, from.as_ref());
            let page = match self.retry.run(page).await {
                Err(TableError::TableNotFound | TableError::NotFound) => return Ok(rows),
                page => page?,
            };
            for entity in page.whole()? {
                rows.push(Row::read(&entity)?);
            }
            from = page.next;
            if from.is_none() || rows.len() >= wanted {
                return Ok(rows);
            }
        }
    }
}

#[async_trait]
impl SessionStore for TableStore {
    async fn register(
        &self,
        session: &SessionKey,
        owner: Option<&Owner>,
        expiry: Expiry,
    ) -> Result<Registration, StoreError> {
        self.keep_session(session, owner, expiry).await
    }

    async fn add(
        &self,
        session: &SessionKey,
        job: &SessionJob,
        expiry: Expiry,
    ) -> Result<Registration, StoreError> {
        let row = Row::job(session, job, expiry)?;
        let registration = self.keep_session(session, None, expiry).await?;
        let (kept, _) = self.keep(row, true).await?;
        self.keep(kept.at_its_place(), true).await?;
        Ok(registration)
    }

    async fn page(
        &self,
        session: &SessionKey,
        after: Option<&SessionJob>,
        limit: usize,
    ) -> Result<Option<Page>, StoreError> {
        // The jobs before the session: should the session end between the two and come again as another one's, its old jobs
        // have expired, and are not shown to the new owner.
        let mut rows = self.jobs(session, after, limit).await?;
        let Some((session, _)) = self.living(&Row::keys_of(session)).await? else {
            return Ok(None);
        };
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let now = SystemTime::now();
        rows.retain(|row| !row.expiry.is_over(now));
        Ok(Some(Page {
            owner: session.owner,
            jobs: rows.into_iter().filter_map(|row| row.job).collect(),
            has_more,
        }))
    }

    async fn extend(
        &self,
        session: &SessionKey,
        job: &str,
        expiry: Expiry,
    ) -> Result<(), StoreError> {
        let keys = Row::keys_of_job(session, job)?;
        if self.living(&keys).await?.is_none() {
            return Ok(());
        }
        let session = Row::keys_of(session);
        if self.lengthen(&session, expiry).await?.is_none() {
            return Ok(());
        }
        if let Some(kept) = self.lengthen(&keys, expiry).await? {
            self.keep(kept.at_its_place(), false).await?;
        }
        Ok(())
    }

    async fn remove_expired(
        &self,
        is_over: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<u64, StoreError> {
        let expired = Filter::le(&EXPIRY, row::millis(SystemTime::now()));
        let mut removed = 0;
        let mut from = None;
        while !is_over() {
            let page = || self.table.page(&expired, &row::ALL, None, from.as_ref());
            let page = match self.retry.run(page).await {
                Err(TableError::TableNotFound | TableError::NotFound) => break,
                page => page?,
            };
            let entities = page.whole()?;
            let in_time = entities.into_iter().take_while(|_| !is_over());
            removed += stream::iter(in_time.map(|entity| self.remove(entity)))
                .buffer_unordered(REMOVED_AT_ONCE)
                .try_fold(0, |sum, one| future::ready(Ok(sum + one)))
                .await?;
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        Ok(removed)
    }
}

impl TableStore {
    /// Removes a row that a page has shown as expired, unless it has changed since. How many sessions and jobs that were.
    async fn remove(&self, entity: Entity) -> Result<u64, StoreError> {
        let Ok(row) = Row::read(&entity) else {
            tracing::warn!("the table of sessions has a row that this app did not write: it stays");
            return Ok(0);
        };
        let keys = row.keys();
        let version = match entity.etag() {
            Some(version) => version,
            // Not every service sends it with a page.
            None => match self.get(&keys).await? {
                Some((row, version)) if row.expiry.is_over(SystemTime::now()) => version,
                _ => return Ok(0),
            },
        };
        let delete = || self.table.delete(&keys, Some(&version));
        let was_deleted = self.retry.run(delete).await?;
        Ok(u64::from(was_deleted && row.kind != Kind::Place))
    }
}

fn contended() -> StoreError {
    StoreError::new("gave up: too many wrote the same session at once")
}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        Self::new(format!(
            "failed: {error} (settings SessionStorage, SessionTable)"
        ))
    }
}
