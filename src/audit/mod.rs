//! The audit table: the distinct values of a column over a range of days, slice by slice.
//!
//! Values are compared by their exact text, whatever their type; an entity that lacks the counted column, or has null in
//! it, has no value. Only entities count whose filter column is there and not empty.

mod entity;
mod error;
mod read;
mod slices;
mod spill;
mod values;

pub use error::AuditError;
pub use read::{SliceLimits, SliceRead, Values};
pub use slices::{Part, Slice, days_of};
pub use spill::{Spilled, Spiller};
pub use values::{ValueHash, ValueSet};

use std::time::Duration;

use crate::tables::{
    Connection, Limiter, OpenError, PropertyName, RetryPolicy, Table, TableName, Timeouts,
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
    /// Time limit for all pages of a slice. It must be shorter than the host's `functionTimeout`, after which the host
    /// kills the handler and everything that runs in it.
    pub deadline: Duration,
}

/// A client for the audit table. Clones share their connections, and the limit of requests under way at once.
#[derive(Clone, Debug)]
pub struct AuditTable {
    table: Table,
    query: AuditQuery,
    limiter: Limiter,
}

impl AuditTable {
    /// A client for the table; connects with the first query.
    ///
    /// # Errors
    /// When the credentials are malformed or TLS cannot be set up.
    pub fn open(connection: &Connection, query: AuditQuery) -> Result<Self, OpenError> {
        let table = Table::open(connection, &query.table, &query.timeouts)?;
        Ok(Self {
            table,
            query,
            limiter: Limiter::default(),
        })
    }
}
