//! The audit table: how many distinct values a column has over a range of days.

mod entity;
mod error;
mod query;
mod values;

pub use error::AuditError;
pub use query::{Counted, ScanProgress};
pub use values::{ValueHash, ValueSet};

use std::time::Duration;

use crate::{
    dates::DateRange,
    tables::{
        Connection, Filter, OpenError, PropertyName, RetryPolicy, Table, TableName, Timeouts,
    },
};

/// What is read from the table, with which time limits and retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// The name of the table.
    pub table: TableName,
    /// The column whose distinct values are counted.
    pub count_column: PropertyName,
    /// Only entities count that have this column with a value other than the empty string.
    pub filter_column: PropertyName,
    /// Time limits for the request of one page.
    pub timeouts: Timeouts,
    /// Retries of the request of one page.
    pub retry: RetryPolicy,
    /// Time limit for all pages together. It must be shorter than the host's `functionTimeout`, after which the host
    /// kills the handler and everything that runs in it.
    pub deadline: Duration,
}

/// A client for the audit table. Clones share their connections.
#[derive(Clone, Debug)]
pub struct AuditTable {
    table: Table,
    query: AuditQuery,
}

impl AuditTable {
    /// A client for the table; connects with the first query.
    ///
    /// # Errors
    /// When the credentials are malformed or TLS cannot be set up.
    pub fn open(connection: &Connection, query: AuditQuery) -> Result<Self, OpenError> {
        let table = Table::open(connection, &query.table, &query.timeouts)?;
        Ok(Self { table, query })
    }

    /// The number of distinct values of the counted column over all entities whose PartitionKey is from the first to
    /// the last day of the range, as text and both included, and whose filter column is not empty.
    ///
    /// Values are compared by their exact text, whatever their type; an entity that lacks the counted column, or has
    /// null in it, adds nothing.
    ///
    /// `progress` is kept up to date with each page.
    ///
    /// # Errors
    /// See [`AuditError`]; transient ones only after the retries of [`AuditQuery::retry`].
    pub async fn count_distinct(
        &self,
        range: DateRange,
        progress: &ScanProgress,
    ) -> Result<Counted, AuditError> {
        let partition_key = PropertyName::PARTITION_KEY;
        let filter = Filter::ge(&partition_key, range.start().to_string().as_str())
            .and(Filter::le(&partition_key, range.end().to_string().as_str()))
            .and(Filter::ne(&self.query.filter_column, ""));
        let count = query::count_distinct(
            &self.table,
            &filter,
            &self.query.count_column,
            &self.query.retry,
            progress,
        );
        tokio::time::timeout(self.query.deadline, count)
            .await
            .unwrap_or_else(|_| Err(progress.out_of_time()))
    }
}
