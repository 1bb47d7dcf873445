//! The query: pages of entities, and the count of distinct values in them.
//!
//! Invariant: memory is bounded by the distinct values, one page, and the continuation tokens of all pages (some hundred
//! bytes for each), not by the rows; and a scan ends only where the service sends no continuation token, however few
//! entities a page has.

use std::{
    collections::HashSet,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use futures::{Stream, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::{entity, error::AuditError};
use crate::{
    counters,
    dates::Day,
    tables::{
        ContinuationToken, Failed, Filter, Page, PropertyName, RetryPolicy, Table, TableError,
        unexpected,
    },
};

/// What a scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The distinct values of the counted column.
    pub values: u64,
    /// The entities that were read, those without a value in the column included.
    pub rows: u64,
}

/// The day of the last entity of a page. Keys can be longer than a day, such as a day with a time.
fn last_day(page: &Page) -> Option<Day> {
    let last = page.entities.last()?;
    let key = entity::value(last, PropertyName::PARTITION_KEY.as_str()).ok()??;
    Day::parse(key.get(..Day::TEXT_LENGTH)?)
}

/// The number of distinct values that the column has in the entities that pass the filter. Entities without a value
/// in the column do not count.
pub(super) async fn count_distinct(
    table: &Table,
    filter: &Filter,
    column: &PropertyName,
    retry: &RetryPolicy,
    progress: &ScanProgress,
) -> Result<Counted, AuditError> {
    let mut values: HashSet<Box<str>> = HashSet::new();
    let mut entities_read = 0_u64;
    let mut pages = pin!(pages(table, filter, column, retry, progress));
    while let Some(page) = pages.try_next().await? {
        for entity in &page.entities {
            entities_read += 1;
            let value = entity::value(entity, column.as_str()).map_err(|_| {
                unexpected("an entity is no JSON object, or its counted column holds one")
            })?;
            if let Some(value) = value
                && !values.contains(value.as_ref())
            {
                values.insert(value.into());
            }
        }
    }
    // A valid count of 0. But a mistake in the column's name gives the same, and nothing else would show it.
    if entities_read > 0 && values.is_empty() {
        tracing::warn!(
            column = column.as_str(),
            entities_read,
            "none of the entities has a value in the counted column: check the setting AuditCountColumn"
        );
    }
    tracing::debug!(
        pages_read = progress.so_far().pages,
        entities_read,
        distinct = values.len(),
        "table scanned"
    );
    Ok(Counted {
        values: values.len() as u64,
        rows: entities_read,
    })
}

/// The pages of a query in order. Each is requested after the page before it was taken, and is retried by itself.
fn pages(
    table: &Table,
    filter: &Filter,
    column: &PropertyName,
    retry: &RetryPolicy,
    progress: &ScanProgress,
) -> impl Stream<Item = Result<Page, TableError>> {
    enum Next {
        First,
        From(ContinuationToken),
        Done,
    }

    let seen = HashSet::new();
    stream::try_unfold((Next::First, seen), move |(next, mut seen)| async move {
        let from = match next {
            Next::First => None,
            Next::From(token) => Some(token),
            Next::Done => return Ok(None),
        };
        let page = retry
            .run(|| async {
                let started = Instant::now();
                let fetched = table
                    .page(filter, &selected(column), None, from.as_ref())
                    .await;
                if let Ok(page) = &fetched {
                    counters::scanned(page.entities.len() as u64, started.elapsed());
                }
                progress.note(&fetched);
                fetched
            })
            .await?;
        let next = match &page.next {
            None => Next::Done,
            Some(token) if seen.insert(token.clone()) => Next::From(token.clone()),
            // A scan only goes forward: from here on the same pages would come again, without an end.
            Some(_) => return Err(unexpected("a continuation token came a second time")),
        };
        Ok(Some((page, (next, seen))))
    })
}

/// How far a scan has come, for whoever looks on. It also decides which error a scan gets that runs out of time.
#[derive(Debug, Default)]
pub struct ScanProgress(Mutex<Fetched>);

#[derive(Clone, Copy, Debug, Default)]
struct Fetched {
    pages: u64,
    /// The entities of those pages.
    rows: u64,
    /// The day that the last of them belongs to.
    day: Option<Day>,
    /// How the last request failed; `None` when it brought a page.
    failed: Option<AuditError>,
}

impl ScanProgress {
    /// The entities that were read so far.
    pub fn rows(&self) -> u64 {
        self.so_far().rows
    }

    /// The day that the scan has reached: all days before it are done. `None` before the first entity.
    pub fn day(&self) -> Option<Day> {
        self.so_far().day
    }

    fn note(&self, fetched: &Result<Page, Failed>) {
        let mut so_far = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(page) => {
                so_far.pages += 1;
                so_far.rows += page.entities.len() as u64;
                so_far.day = last_day(page).or(so_far.day);
                so_far.failed = None;
            }
            Err(failed) => so_far.failed = Some(failed.error.into()),
        }
    }

    fn so_far(&self) -> Fetched {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of a scan that ran out of time. `ScanTimeout` asks for fewer days, which helps only if pages were coming.
    pub(super) fn out_of_time(&self) -> AuditError {
        match self.so_far() {
            Fetched {
                failed: Some(error),
                ..
            } => error,
            Fetched { pages: 0, .. } => AuditError::TableTimeout,
            Fetched { .. } => AuditError::ScanTimeout,
        }
    }
}

/// The properties that are asked for: the counted column, and the key that says how far the scan is. The key makes a
/// page longer by some 30 bytes for each entity. The continuation token says the same, but in a form of the service's own.
fn selected(column: &PropertyName) -> Vec<PropertyName> {
    let key = PropertyName::PARTITION_KEY;
    if *column == key {
        return vec![key];
    }
    vec![key, column.clone()]
}
