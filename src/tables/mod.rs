//! Azure Tables: connections, requests, retries, names and filters, for the query and for every table of the app itself.
//!
//! The one module that knows the table service and its SDK. Invariant: no type of the SDK appears in its interface, so
//! that the client can be replaced here alone.

mod connection;
mod error;
mod filter;
mod names;
mod retry;
mod transport;

pub use connection::{Connection, ConnectionError};
pub(crate) use error::{Failed, TableError, unexpected};
pub use filter::{Filter, Value};
pub use names::{PropertyName, TableName};
pub use retry::RetryPolicy;
pub use transport::Timeouts;

use azure_core::Continuable;
use azure_data_tables::{
    clients::TableServiceClientBuilder,
    prelude::{Filter as SdkFilter, Select, TableClient},
};
use futures::StreamExt;
use serde_json::value::RawValue;
use transport::Transport;

/// The table could not be opened; no request has been made yet.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The connection string does not give credentials.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// TLS cannot be set up on this system.
    #[error("the HTTP client cannot be set up; are root certificates (ca-certificates) installed?")]
    Transport(#[source] reqwest::Error),
}

/// The last partition and row that a page covered, as the service names them; only the service reads it.
pub(crate) type ContinuationToken = (String, Option<String>);

/// One answer to a query.
pub(crate) struct Page {
    /// The entities as JSON objects.
    pub(crate) entities: Vec<Box<RawValue>>,
    /// Where the next page begins. `None` after the last one, however few entities the pages have.
    pub(crate) next: Option<ContinuationToken>,
}

/// A client for one table. Clones share their connections. A method makes one request; [`RetryPolicy::run`] repeats it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    client: TableClient,
}

impl Table {
    /// A client for this table; connects with the first request.
    ///
    /// # Errors
    /// When the credentials are malformed or TLS cannot be set up.
    pub(crate) fn open(
        connection: &Connection,
        name: &TableName,
        timeouts: &Timeouts,
    ) -> Result<Self, OpenError> {
        let transport = Transport::new(timeouts).map_err(OpenError::Transport)?;
        let client = TableServiceClientBuilder::with_location(
            connection.location(),
            connection.credentials()?,
        )
        // Its retries would multiply with ours, and they do not cover a body that breaks.
        .retry(azure_core::RetryOptions::none())
        .transport(transport.into_options())
        .build()
        .table_client(name.as_str());
        Ok(Self { client })
    }

    /// A page of the entities that pass the filter, with the selected properties.
    ///
    /// The SDK's own stream is not used beyond its first page: it ends at the first error, and the whole scan would have to
    /// begin again.
    pub(crate) async fn page(
        &self,
        filter: &Filter,
        selected: &[PropertyName],
        from: Option<&ContinuationToken>,
    ) -> Result<Page, Failed> {
        let selected: Vec<_> = selected.iter().map(PropertyName::as_str).collect();
        let mut query = self
            .client
            .query()
            .filter(SdkFilter::new(filter.to_string()))
            .select(Select::new(selected.join(",")));
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
            Some(Err(error)) => Err(error::classify(&error)),
            None => Err(unexpected("the SDK gave no page").into()),
        }
    }
}
