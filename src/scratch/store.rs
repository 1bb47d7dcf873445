//! Writing, counting and removing.

use std::{collections::HashSet, time::SystemTime};

use futures::{StreamExt, TryStreamExt, stream};

use super::{
    Buckets, Run, Scope,
    buckets::{self, bucket},
    rows,
};
use crate::{
    audit::{AuditError, AuditQuery, Spilled, ValueHash, ValueSet},
    tables::{
        Connection, ContinuationToken, Entity, Filter, Keys, OpenError, Page, PropertyName,
        RetryPolicy, Table, TableError, TableName, unexpected,
    },
};

/// How many rows are written at once. Each is up to 1.2 MB on the wire.
const WRITES_AT_ONCE: usize = 8;
/// How many rows are removed at once.
const REMOVALS_AT_ONCE: usize = 32;
/// How many partitions of others are passed over before the table is taken for one of others.
const MOST_FOREIGN: usize = 100;
/// How many values are in memory while they are counted: about 36 MB.
const COUNTED_AT_ONCE: u64 = 1_000_000;
/// The most buckets that are counted at once.
const MOST_AT_ONCE: u64 = 8;

/// Where the scratch table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScratchSettings {
    /// `ScratchStorage`: the account.
    pub storage: Connection,
    /// `ScratchTable`: its name.
    pub table: TableName,
}

/// A scope that has something in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Which.
    pub scope: Scope,
    /// The id of its job.
    pub job: String,
    /// When some of its values were written, by the clock of the process that wrote them (UTC).
    pub since: SystemTime,
}

/// What was counted in some buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The distinct values.
    pub distinct: u64,
    /// The values that were read from the table, those of two runs counted twice.
    pub read: u64,
}

/// A client for the scratch table. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Scratch {
    table: Table,
    retry: RetryPolicy,
}

impl Scratch {
    /// A client for the table, with the time limits and retries of the query; connects with the first request.
    ///
    /// # Errors
    /// When the credentials are malformed or TLS cannot be set up.
    pub fn open(settings: &ScratchSettings, query: &AuditQuery) -> Result<Self, OpenError> {
        Ok(Self {
            table: Table::open(&settings.storage, &settings.table, &query.timeouts)?,
            retry: query.retry,
        })
    }

    /// Writes values to this scope of a job.
    ///
    /// # Errors
    /// `ScratchDenied` and `ScratchFailed`, the latter only after the retries. What was written by then counts nowhere.
    pub async fn add(&self, scope: &Scope, job: &str, values: ValueSet) -> Result<Run, AuditError> {
        let run = self.write(scope, job, values).await;
        run.map_err(AuditError::of_scratch)
    }

    async fn write(&self, scope: &Scope, job: &str, values: ValueSet) -> Result<Run, TableError> {
        let writing = rows::Writing {
            scope,
            job,
            run: Run::unique(),
            since: SystemTime::now(),
        };
        let chunks = rows::chunks(&values.into_sorted());
        let writes = chunks
            .into_iter()
            .map(|chunk| self.insert_values(&writing, chunk));
        let writes = stream::iter(writes).buffer_unordered(WRITES_AT_ONCE);
        writes.try_collect::<()>().await?;
        Ok(writing.run)
    }

    /// Makes the row only now: all rows together would be the values three times over.
    async fn insert_values(
        &self,
        writing: &rows::Writing<'_>,
        chunk: rows::Chunk,
    ) -> Result<(), TableError> {
        self.insert(&rows::of_values(writing, &chunk)).await
    }

    /// Inserts a row; creates the table if there is none. A row that is there is this one, written by an attempt whose
    /// answer was lost.
    async fn insert(&self, row: &Entity) -> Result<(), TableError> {
        let insert = || async { self.table.insert(row).await };
        match self.retry.run(insert).await {
            Err(TableError::TableNotFound) => {
                self.retry
                    .run(|| async { self.table.create().await })
                    .await?;
                self.retry.run(insert).await?;
            }
            inserted => {
                inserted?;
            }
        }
        Ok(())
    }

    /// Counts the distinct values of some buckets: those of `spilled` that are in them, and `values`.
    ///
    /// # Errors
    /// `ScratchDenied` and `ScratchFailed`, the latter only after the retries. Values that are gone are no error:
    /// [`Counted::read`] is then less than what was spilled.
    pub async fn count(
        &self,
        scope: &Scope,
        buckets: Buckets,
        values: &[ValueHash],
        spilled: &Spilled,
    ) -> Result<Counted, AuditError> {
        let runs: HashSet<Run> = spilled.runs.iter().copied().collect();
        let in_bucket = spilled.values / u64::from(buckets::COUNT);
        // The last bits are as random as the first.
        let passes = in_bucket.div_ceil(COUNTED_AT_ONCE).max(1);
        // Several at a time, as long as they are small together.
        let at_once = COUNTED_AT_ONCE
            .checked_div(in_bucket)
            .unwrap_or(MOST_AT_ONCE);
        let at_once = usize::try_from(at_once.clamp(1, MOST_AT_ONCE)).unwrap_or(1);
        let counts: Vec<_> = buckets
            .each()
            .map(|number| self.count_bucket(scope, number, values, (&runs, passes)))
            .collect();
        let counts = stream::iter(counts).buffer_unordered(at_once);
        let counted = counts
            .try_fold(Counted::default(), |one, other| {
                std::future::ready(Ok(Counted {
                    distinct: one.distinct + other.distinct,
                    read: one.read + other.read,
                }))
            })
            .await;
        counted.map_err(AuditError::of_scratch)
    }

    async fn count_bucket(
        &self,
        scope: &Scope,
        number: u8,
        values: &[ValueHash],
        (runs, passes): (&HashSet<Run>, u64),
    ) -> Result<Counted, TableError> {
        let partition = rows::partition(scope, number);
        let filter = Filter::eq(&PropertyName::PARTITION_KEY, partition.as_str());
        let mut counted = Counted::default();
        for pass in 0..passes {
            let is_now = |value: &ValueHash| value.head() % passes == pass;
            let mut set = ValueSet::default();
            let here = values
                .iter()
                .filter(|it| bucket(it) == number && is_now(it));
            here.for_each(|value| set.insert(*value));
            let mut from = None;
            while let Some(page) = self.page(&filter, &[], None, from.as_ref()).await? {
                for row in page.each() {
                    let (run, values) = rows::values(&row?)?;
                    if !runs.contains(&run) {
                        continue;
                    }
                    for value in values.iter().filter(|it| is_now(it)) {
                        set.insert(*value);
                        counted.read += 1;
                    }
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
            counted.distinct += set.len() as u64;
        }
        Ok(counted)
    }

    /// Removes everything of this scope. Safe to repeat, and while another does the same.
    ///
    /// # Errors
    /// `ScratchDenied` and `ScratchFailed`, the latter only after the retries. What is left is still listed.
    pub async fn clear(&self, scope: &Scope) -> Result<(), AuditError> {
        self.remove_all(scope).await.map_err(AuditError::of_scratch)
    }

    async fn remove_all(&self, scope: &Scope) -> Result<(), TableError> {
        let (begin, end) = rows::partitions(scope);
        let filter = Filter::gt(&PropertyName::PARTITION_KEY, begin.as_str())
            .and(Filter::lt(&PropertyName::PARTITION_KEY, end.as_str()));
        let mut from = None;
        while let Some(page) = self.page(&filter, &rows::KEYS, None, from.as_ref()).await? {
            let found: Result<Vec<_>, _> = page.each().map(|row| row?.keys()).collect();
            let removals = found?.into_iter().map(|keys| self.remove(keys));
            let removals = stream::iter(removals).buffer_unordered(REMOVALS_AT_ONCE);
            removals.try_collect::<()>().await?;
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn remove(&self, keys: Keys) -> Result<(), TableError> {
        let remove = || async { self.table.delete(&keys, None).await };
        self.retry.run(remove).await.map(|_| ())
    }

    /// All scopes that have something in the table. It takes one request for each, and one more.
    ///
    /// # Errors
    /// `ScratchDenied` and `ScratchFailed`, the latter only after the retries, or when the table is one of others.
    pub async fn scopes(&self) -> Result<Vec<Leftover>, AuditError> {
        self.leftovers().await.map_err(AuditError::of_scratch)
    }

    async fn leftovers(&self) -> Result<Vec<Leftover>, TableError> {
        let mut found = Vec::new();
        let mut foreign = 0;
        // Less than every key.
        let mut passed = String::new();
        while let Some(row) = self.first_after(&passed).await? {
            let keys = row.keys()?;
            if let Some(leftover) = rows::leftover(&keys, &row) {
                (_, passed) = rows::partitions(&leftover.scope);
                found.push(leftover);
                continue;
            }
            foreign += 1;
            if foreign == MOST_FOREIGN {
                return Err(unexpected(
                    "the scratch table has many rows that this app did not write: check the setting ScratchTable",
                ));
            }
            passed = keys.partition;
        }
        Ok(found)
    }

    /// The first row of the partitions after this key.
    async fn first_after(&self, partition: &str) -> Result<Option<Entity>, TableError> {
        let filter = Filter::gt(&PropertyName::PARTITION_KEY, partition);
        let mut from = None;
        while let Some(page) = self
            .page(&filter, &rows::OF_LEFTOVER, Some(1), from.as_ref())
            .await?
        {
            if let Some(row) = page.each().next() {
                return row.map(Some);
            }
            // The service may need several pages to find one.
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// A page; `None` without a table.
    async fn page(
        &self,
        filter: &Filter,
        selected: &[PropertyName],
        most: Option<u32>,
        from: Option<&ContinuationToken>,
    ) -> Result<Option<Page>, TableError> {
        let page = || async { self.table.page(filter, selected, most, from).await };
        match self.retry.run::<Page, _, _>(page).await {
            Ok(page) => Ok(Some(page)),
            Err(TableError::TableNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
