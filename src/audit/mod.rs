//! The audit table: how many distinct values a column has over a range of days.
//!
//! The one module that knows the table service and its SDK. Invariant: no type of the SDK appears in its public
//! interface, so that the client can be replaced here alone.

mod connection;
mod entity;
mod error;
mod filter;
mod names;
mod query;
mod retry;
mod transport;

pub use connection::{Connection, ConnectionError};
pub use error::AuditError;
pub use filter::{Filter, Value};
pub use names::{PropertyName, TableName};
pub use query::{Counted, ScanProgress};
pub use retry::RetryPolicy;
pub use transport::Timeouts;

use std::time::Duration;

use azure_data_tables::{clients::TableServiceClientBuilder, prelude::TableClient};
use transport::Transport;

use crate::dates::DateRange;

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

/// The audit table could not be opened; no request has been made yet.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The connection string does not give credentials.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// TLS cannot be set up on this system.
    #[error("the HTTP client cannot be set up; are root certificates (ca-certificates) installed?")]
    Transport(#[source] reqwest::Error),
}

/// A client for the audit table. Clones share their connections.
#[derive(Clone, Debug)]
pub struct AuditTable {
    client: TableClient,
    query: AuditQuery,
}

impl AuditTable {
    /// A client for the table; connects with the first query.
    ///
    /// # Errors
    /// When the credentials are malformed or TLS cannot be set up.
    pub fn open(connection: &Connection, query: AuditQuery) -> Result<Self, OpenError> {
        let transport = Transport::new(&query.timeouts).map_err(OpenError::Transport)?;
        let client = TableServiceClientBuilder::with_location(
            connection.location(),
            connection.credentials()?,
        )
        // Its retries would multiply with ours, and they do not cover a body that breaks.
        .retry(azure_core::RetryOptions::none())
        .transport(transport.into_options())
        .build()
        .table_client(query.table.as_str());
        Ok(Self { client, query })
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
        let partition_key = PropertyName::partition_key();
        let filter = Filter::ge(&partition_key, range.start().to_string().as_str())
            .and(Filter::le(&partition_key, range.end().to_string().as_str()))
            .and(Filter::ne(&self.query.filter_column, ""));
        let count = query::count_distinct(
            &self.client,
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
