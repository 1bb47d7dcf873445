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

use azure_core::Continuable;
use azure_data_tables::prelude::{Filter as SdkFilter, Select, TableClient};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    entity,
    error::{AuditError, Failed},
    filter::Filter,
    names::PropertyName,
    retry::RetryPolicy,
    transport::TransportError,
};
use crate::counters;
use crate::dates::Day;

/// The last partition and row that a page covered, as the service names them; only the service reads it.
type ContinuationToken = (String, Option<String>);

struct Page {
    entities: Vec<Box<RawValue>>,
    next: Option<ContinuationToken>,
}

/// What a scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The distinct values of the counted column.
    pub values: u64,
    /// The entities that were read, those without a value in the column included.
    pub rows: u64,
}

impl Page {
    /// The day of the last entity. Keys can be longer than a day, such as a day with a time.
    fn last_day(&self) -> Option<Day> {
        let last = self.entities.last()?;
        let key = entity::value(last, PropertyName::partition_key().as_str()).ok()??;
        Day::parse(key.get(..Day::TEXT_LENGTH)?)
    }
}

/// The number of distinct values that the column has in the entities that pass the filter. Entities without a value
/// in the column do not count.
pub(super) async fn count_distinct(
    table: &TableClient,
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
    table: &TableClient,
    filter: &Filter,
    column: &PropertyName,
    retry: &RetryPolicy,
    progress: &ScanProgress,
) -> impl Stream<Item = Result<Page, AuditError>> {
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
                let fetched = fetch(table, filter, column, from.as_ref()).await;
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
                so_far.day = page.last_day().or(so_far.day);
                so_far.failed = None;
            }
            Err(failed) => so_far.failed = Some(failed.error),
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

/// The error for an answer that does not come from a table service. The reason goes to the log only.
fn unexpected(reason: &str) -> AuditError {
    tracing::error!("this is no answer of a table service: {reason}");
    AuditError::UnexpectedAnswer
}

/// The properties that are asked for: the counted column, and the key that says how far the scan is. The key makes a
/// page longer by some 30 bytes for each entity. The continuation token says the same, but in a form of the service's own.
fn selected(column: &PropertyName) -> String {
    let key = PropertyName::partition_key();
    if *column == key {
        return key.as_str().to_owned();
    }
    format!("{},{}", key.as_str(), column.as_str())
}

/// One request for one page. The SDK's own stream is not used beyond its first page: it ends at the first error, and
/// the whole scan would have to begin again.
async fn fetch(
    table: &TableClient,
    filter: &Filter,
    column: &PropertyName,
    from: Option<&ContinuationToken>,
) -> Result<Page, Failed> {
    let mut query = table
        .query()
        .filter(SdkFilter::new(filter.to_string()))
        .select(Select::new(selected(column)));
    if let Some((partition_key, row_key)) = from {
        query = query.initial_partition_key(partition_key.clone());
        if let Some(row_key) = row_key {
            query = query.initial_row_key(row_key.clone());
        }
    }
    let answer = query.into_stream::<Box<RawValue>>().next().await;
    match answer {
        Some(Ok(page)) => Ok(Page {
            next: page.continuation(),
            entities: page.entities,
        }),
        Some(Err(error)) => Err(classify(&error)),
        None => Err(unexpected("the SDK gave no page").into()),
    }
}

/// The meaning of an SDK error. Its text is not used: it may quote the request.
fn classify(error: &azure_core::Error) -> Failed {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(transport) = error.downcast_ref::<TransportError>() {
            return classify_transport(transport);
        }
        if let Some(json) = error.downcast_ref::<serde_json::Error>() {
            // A body without a length can end early without an error of the connection.
            return if json.is_eof() {
                AuditError::ConnectionLost.into()
            } else {
                // Not its text, which quotes the body.
                unexpected(&format!(
                    "the body is not the JSON of a page ({:?} error in line {}, column {})",
                    json.classify(),
                    json.line(),
                    json.column()
                ))
                .into()
            };
        }
        source = error.source();
    }
    unexpected("a header that every answer of the service has is missing").into()
}

fn classify_transport(error: &TransportError) -> Failed {
    match error {
        TransportError::Status {
            status,
            code,
            retry_after,
        } => {
            tracing::debug!(status, code, "table service answered with an error");
            Failed {
                error: classify_status(*status, code.as_deref()),
                retry_after: *retry_after,
            }
        }
        TransportError::Connect => AuditError::Unreachable.into(),
        TransportError::Timeout => AuditError::TableTimeout.into(),
        TransportError::Broken => AuditError::ConnectionLost.into(),
        TransportError::Invalid(reason) => unexpected(reason).into(),
    }
}

fn classify_status(status: u16, code: Option<&str>) -> AuditError {
    match (status, code) {
        (401 | 403, _) | (400, Some("InvalidAuthenticationInfo" | "AuthenticationFailed")) => {
            AuditError::AccessDenied
        }
        (404, Some("TableNotFound" | "ResourceNotFound")) => AuditError::TableNotFound,
        (408 | 504, _) | (500, Some("OperationTimedOut")) => AuditError::TableTimeout,
        (429 | 503, _) => AuditError::Throttled,
        (500..=599, _) => AuditError::ServiceFailed,
        // A table service sends a code with each error, so something else answered.
        (400..=499, Some(_)) => AuditError::QueryRejected,
        _ => unexpected(&format!(
            "status {status}, and no error code of the service"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        for (status, code, expected) in [
            (403, Some("AuthenticationFailed"), AuditError::AccessDenied),
            (401, None, AuditError::AccessDenied),
            (
                400,
                Some("InvalidAuthenticationInfo"),
                AuditError::AccessDenied,
            ),
            (404, Some("TableNotFound"), AuditError::TableNotFound),
            (404, None, AuditError::UnexpectedAnswer),
            (400, Some("InvalidInput"), AuditError::QueryRejected),
            (501, Some("NotImplemented"), AuditError::ServiceFailed),
            (408, None, AuditError::TableTimeout),
            (500, Some("OperationTimedOut"), AuditError::TableTimeout),
            (504, None, AuditError::TableTimeout),
            (429, None, AuditError::Throttled),
            (503, Some("ServerBusy"), AuditError::Throttled),
            (500, Some("InternalError"), AuditError::ServiceFailed),
            (502, None, AuditError::ServiceFailed),
            (301, None, AuditError::UnexpectedAnswer),
        ] {
            assert_eq!(classify_status(status, code), expected, "{status} {code:?}");
        }
    }
}
