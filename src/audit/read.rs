//! Reading one slice: its parts at the same time, each page by page.
//!
//! Invariant: a slice is read as a whole, or what is left of it is said; nothing is in both and nothing in neither. Memory
//! is bounded by the values that are kept before they are spilled, one page of each part, and the continuation tokens of
//! the pages (some hundred bytes for each), not by the entities.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{TryStreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    AuditTable, Part, Slice, entity,
    error::AuditError,
    spill::{Spilled, Spiller},
    values::{ValueHash, ValueSet},
};
use crate::{
    counters,
    dates::DateRange,
    tables::{ContinuationToken, Failed, Filter, Page, PropertyName, TableError, unexpected},
};

/// How much one invocation reads, and what it keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceLimits {
    /// After this time no further page is asked for, and the rest is left to other slices.
    pub time: Duration,
    /// The most values of a result. More are spilled, and the result only says how many.
    pub inline: usize,
    /// The most values in memory, 16 bytes each: when there are as many, they are spilled.
    pub in_memory: usize,
}

impl Default for SliceLimits {
    /// 10 seconds, after which a client sees how far the job is; with a page under way and its retries well under the minute
    /// that a slice should take. 128 values inline, so that hundreds of slices stay below 1 MB of history. 200,000 values in
    /// memory, about 7 MB with the table around them.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            inline: 128,
            in_memory: 200_000,
        }
    }
}

/// What was read of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceRead {
    /// The entities, those without a value in the counted column included.
    pub rows: u64,
    /// The distinct values, but those that were spilled.
    pub values: Values,
    /// What was spilled.
    pub spilled: Spilled,
    /// What was not read in time.
    pub rest: Vec<Part>,
}

/// The distinct values of a slice. As JSON, a number or an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// How many there are. Enough for a slice that is the whole range: no other slice can have the same values.
    Count(u64),
    /// Each of them.
    Each(Vec<ValueHash>),
}

impl AuditTable {
    /// Reads a slice of the range.
    ///
    /// # Errors
    /// See [`AuditError`]; transient ones only after the retries of [`AuditQuery::retry`](super::AuditQuery::retry).
    /// `Throttled` only when not one page came in the time of the slice.
    pub async fn read_slice(
        &self,
        range: &DateRange,
        slice: &Slice,
        spiller: Spiller<'_>,
        limits: &SliceLimits,
    ) -> Result<SliceRead, AuditError> {
        let reading = Reading {
            table: self,
            range,
            limits,
            until: Instant::now() + limits.time,
            spiller: tokio::sync::Mutex::new(spiller),
            so_far: Mutex::default(),
        };
        let deadline = self.query.deadline;
        let read = tokio::time::timeout(deadline, reading.parts(slice.parts()));
        match read.await {
            Ok(rest) => reading.end(rest?, slice.is_all_of(range)).await,
            Err(_) => Err(reading.so_far().out_of_time()),
        }
    }
}

/// A slice that is being read.
struct Reading<'a> {
    table: &'a AuditTable,
    range: &'a DateRange,
    limits: &'a SliceLimits,
    /// When the last page is asked for.
    until: Instant,
    /// Only one part spills at a time; the others wait for it when the memory is full again. So two sets are in memory at
    /// most.
    spiller: tokio::sync::Mutex<Spiller<'a>>,
    so_far: Mutex<SoFar>,
}

#[derive(Default)]
struct SoFar {
    pages: u64,
    rows: u64,
    has_values: bool,
    values: ValueSet,
    /// How the last request failed; `None` when it brought a page.
    failed: Option<AuditError>,
}

impl SoFar {
    /// The error of a slice that ran out of time. `ScanTimeout` asks for fewer days, which helps only if pages were coming.
    fn out_of_time(&self) -> AuditError {
        match self.failed {
            Some(error) => error,
            None if self.pages == 0 => AuditError::TableTimeout,
            None => AuditError::ScanTimeout,
        }
    }
}

impl Reading<'_> {
    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads all parts at the same time. What is left of each.
    async fn parts(&self, parts: Vec<Part>) -> Result<Vec<Part>, AuditError> {
        let parts: FuturesUnordered<_> = parts.into_iter().map(|part| self.part(part)).collect();
        let rest: Vec<Option<Part>> = parts.try_collect().await?;
        let mut rest: Vec<_> = rest.into_iter().flatten().collect();
        let so_far = self.so_far();
        if !rest.is_empty() && so_far.pages == 0 {
            return Err(so_far.out_of_time());
        }
        drop(so_far);
        // They ended in any order. The same slice is to leave the same rest.
        rest.sort_by_key(|part| part.start);
        Ok(rest)
    }

    /// Reads one part to its end or as long as there is time. What is left of it.
    async fn part(&self, mut part: Part) -> Result<Option<Part>, AuditError> {
        let has_filter_column = Filter::ne(&self.table.query.filter_column, "");
        let filter = part.filter(self.range).and(has_filter_column);
        let mut seen = HashSet::new();
        let mut may_begin_again = true;
        loop {
            let page = match self.page(&filter, part.from.as_ref()).await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(Some(part)),
                // The service may have forgotten where the token points to. The values are a set, so what is read twice
                // counts once.
                Err(TableError::Rejected) if may_begin_again && part.from.is_some() => {
                    tracing::warn!(start = %part.start, "a continuation token was rejected: its part begins again");
                    may_begin_again = false;
                    seen.clear();
                    part.from = None;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let next = page.next.clone();
            self.take(page).await?;
            match next {
                None => return Ok(None),
                Some(token) if seen.insert(token.clone()) => part.from = Some(token),
                // A scan only goes forward: from here on the same pages would come again, without an end.
                Some(_) => return Err(unexpected("a continuation token came a second time").into()),
            }
        }
    }

    /// One page. `None` when the time of the slice is over.
    ///
    /// A service that is too busy is asked again as long as there is time; other failures use up the retries.
    async fn page(
        &self,
        filter: &Filter,
        from: Option<&ContinuationToken>,
    ) -> Result<Option<Page>, TableError> {
        let retry = &self.table.query.retry;
        let (mut busy, mut made) = (0, 0);
        loop {
            if Instant::now() >= self.until {
                return Ok(None);
            }
            let failed = match self.request(filter, from).await {
                Ok(page) => return Ok(Some(page)),
                Err(failed) => failed,
            };
            let is_busy = failed.error == TableError::Throttled;
            let count = if is_busy { &mut busy } else { &mut made };
            *count += 1;
            let wait = if is_busy {
                // Longer waits would leave the service idle as soon as it has room.
                retry.wait(busy.min(BUSY_WAITS), &failed)
            } else {
                retry.wait(made, &failed)
            };
            if !failed.error.is_transient() || made >= retry.attempts {
                return Err(failed.error);
            }
            tracing::debug!(reason = %failed.error, busy, attempt = made, ?wait, "page will be asked for again");
            tokio::time::sleep_until((Instant::now() + wait).min(self.until)).await;
        }
    }

    async fn request(
        &self,
        filter: &Filter,
        from: Option<&ContinuationToken>,
    ) -> Result<Page, Failed> {
        let AuditTable {
            table,
            query,
            limiter,
        } = self.table;
        let permit = limiter.permit().await;
        let started = Instant::now();
        let selected = std::slice::from_ref(&query.count_column);
        let fetched = table.page(filter, selected, None, from).await;
        drop(permit);
        let mut so_far = self.so_far();
        match &fetched {
            Ok(page) => {
                limiter.succeeded();
                counters::scanned(page.entities.len() as u64, started.elapsed());
                so_far.pages += 1;
                so_far.rows += page.entities.len() as u64;
                so_far.failed = None;
            }
            Err(failed) => {
                if failed.error == TableError::Throttled {
                    limiter.refused();
                }
                so_far.failed = Some(failed.error.into());
            }
        }
        fetched
    }

    /// Keeps the values of a page, and spills them when there are too many.
    async fn take(&self, page: Page) -> Result<(), AuditError> {
        let hashes = hashes(&page, &self.table.query.count_column)?;
        drop(page);
        let is_full = {
            let mut so_far = self.so_far();
            so_far.has_values |= !hashes.is_empty();
            for hash in hashes {
                so_far.values.insert(hash);
            }
            so_far.values.len() >= self.limits.in_memory
        };
        if is_full {
            let mut spiller = self.spiller.lock().await;
            let full = {
                let mut so_far = self.so_far();
                // Another part may have spilled them while this one waited.
                match so_far.values.len() >= self.limits.in_memory {
                    true => std::mem::take(&mut so_far.values),
                    false => return Ok(()),
                }
            };
            spiller.spill(full).await?;
        }
        Ok(())
    }

    async fn end(self, rest: Vec<Part>, is_all: bool) -> Result<SliceRead, AuditError> {
        let SoFar {
            pages,
            rows,
            has_values,
            values,
            ..
        } = self
            .so_far
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        // A valid count of 0. But a mistake in the column's name gives the same, and nothing else would show it.
        if rows > 0 && !has_values {
            tracing::warn!(
                column = self.table.query.count_column.as_str(),
                rows,
                "none of the entities has a value in the counted column: check the setting AuditCountColumn"
            );
        }
        let mut spiller = self.spiller.into_inner();
        let distinct = values.len();
        let values = if is_all && rest.is_empty() && spiller.is_unused() {
            Values::Count(distinct as u64)
        } else if distinct > self.limits.inline {
            spiller.spill(values).await?;
            Values::Each(Vec::new())
        } else {
            Values::Each(values.into_sorted())
        };
        let spilled = spiller.spilled();
        tracing::debug!(
            pages,
            rows,
            distinct,
            spilled = spilled.values,
            parts_left = rest.len(),
            "slice read"
        );
        Ok(SliceRead {
            rows,
            values,
            spilled,
            rest,
        })
    }
}

/// After so many refusals the waits do not grow any more: with the default policy they are 1.6 seconds then.
const BUSY_WAITS: u32 = 4;

/// What stands for the values of a page in the counted column.
fn hashes(page: &Page, column: &PropertyName) -> Result<Vec<ValueHash>, AuditError> {
    let mut hashes = Vec::with_capacity(page.entities.len());
    for entity in &page.entities {
        let value = entity::value(entity, column.as_str()).map_err(|_| {
            unexpected("an entity is no JSON object, or its counted column holds one")
        })?;
        if let Some(value) = value {
            hashes.push(ValueHash::of(&value));
        }
    }
    Ok(hashes)
}
