//! Azure Tables: connections, requests, retries, names and filters, for the query and for every table of the app itself.
//!
//! The one module that knows the table service and its SDK. Invariant: no type of the SDK appears in its interface, so
//! that the client can be replaced here alone.

mod connection;
mod entity;
mod error;
mod filter;
mod limiter;
mod names;
mod retry;
mod transport;

pub use connection::{Connection, ConnectionError};
pub(crate) use entity::{Entity, Etag, Keys};
pub(crate) use error::{Failed, TableError, unexpected};
pub use filter::{Filter, Value};
pub(crate) use limiter::Limiter;
pub use names::{PropertyName, TableName};
pub use retry::RetryPolicy;
pub use transport::Timeouts;

use azure_core::Continuable;
use azure_data_tables::{
    clients::TableServiceClientBuilder,
    prelude::{EntityClient, Filter as SdkFilter, IfMatchCondition, Select, TableClient, Top},
};
use futures::StreamExt;
use serde_json::{Map, Value as Json, value::RawValue};
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
pub type ContinuationToken = (String, Option<String>);

/// One answer to a query.
pub(crate) struct Page {
    /// The entities as JSON objects.
    pub(crate) entities: Vec<Box<RawValue>>,
    /// Where the next page begins. `None` after the last one, however few entities the pages have.
    pub(crate) next: Option<ContinuationToken>,
}

impl Page {
    /// The entities, read as a whole.
    ///
    /// # Errors
    /// One is not an entity.
    pub(crate) fn whole(&self) -> Result<Vec<Entity>, TableError> {
        self.each().collect()
    }

    /// The same one by one, for large entities.
    pub(crate) fn each(&self) -> impl Iterator<Item = Result<Entity, TableError>> {
        self.entities.iter().map(|it| Entity::read(it))
    }
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

    /// A page of the entities that pass the filter, with the selected properties, all for none: at most 1,000 entities, or
    /// `most`.
    ///
    /// The SDK's own stream is not used beyond its first page: it ends at the first error, and the whole scan would have to
    /// begin again.
    pub(crate) async fn page(
        &self,
        filter: &Filter,
        selected: &[PropertyName],
        most: Option<u32>,
        from: Option<&ContinuationToken>,
    ) -> Result<Page, Failed> {
        let selected: Vec<_> = selected.iter().map(PropertyName::as_str).collect();
        let mut query = self
            .client
            .query()
            .filter(SdkFilter::new(filter.to_string()));
        if !selected.is_empty() {
            query = query.select(Select::new(selected.join(",")));
        }
        if let Some(most) = most {
            query = query.top(Top::new(most));
        }
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
    /// The entity with these keys and its version; `None` without one.
    pub(crate) async fn get(&self, keys: &Keys) -> Result<Option<(Entity, Etag)>, Failed> {
        let answer = self.entity(keys).get::<Map<String, Json>>().await;
        match answer {
            Ok(found) => Ok(Some((
                Entity::from_members(found.entity),
                Etag(found.etag.to_string()),
            ))),
            Err(error) => absent_as(None, &error),
        }
    }

    /// Inserts the entity, unless there is one with its keys. Whether it was inserted. After a repetition, `false` may mean
    /// the entity of the first attempt.
    pub(crate) async fn insert(&self, entity: &Entity) -> Result<bool, Failed> {
        let request = self.client.insert::<_, Map<String, Json>>(entity.members());
        let request = request.map_err(|error| error::classify(&error))?;
        match request.await {
            Ok(_) => Ok(true),
            Err(error) => match error::classify(&error) {
                Failed {
                    error: TableError::Exists,
                    ..
                } => Ok(false),
                failed => Err(failed),
            },
        }
    }

    /// Puts the entity in the place of this version of it. `false` when that is not there any more.
    pub(crate) async fn replace(&self, entity: &Entity, version: &Etag) -> Result<bool, Failed> {
        let client = self.entity(&entity.keys()?);
        let request = client
            .update(entity.members(), condition(version))
            .map_err(|error| error::classify(&error))?;
        match request.await {
            Ok(_) => Ok(true),
            Err(error) => absent_as(false, &error),
        }
    }

    /// Deletes this version of the entity, or any for `None`. `false` when that is not there any more.
    pub(crate) async fn delete(&self, keys: &Keys, version: Option<&Etag>) -> Result<bool, Failed> {
        let condition = version.map_or(IfMatchCondition::Any, condition);
        let request = self.entity(keys).delete().if_match(condition);
        match request.await {
            Ok(_) => Ok(true),
            Err(error) => absent_as(false, &error),
        }
    }

    /// Creates the table, unless there is one.
    pub(crate) async fn create(&self) -> Result<(), Failed> {
        match self.client.create().await {
            Ok(_) => Ok(()),
            Err(error) => match error::classify(&error) {
                Failed {
                    error: TableError::Exists,
                    ..
                } => Ok(()),
                failed => Err(failed),
            },
        }
    }

    fn entity(&self, keys: &Keys) -> EntityClient {
        let partition = self.client.partition_key_client(keys.partition.as_str());
        partition.entity_client(keys.row.as_str())
    }
}

fn condition(version: &Etag) -> IfMatchCondition {
    IfMatchCondition::Etag(version.0.clone().into())
}

/// The answer of a request for one entity, when the error only says that it is not there in this version.
fn absent_as<T>(answer: T, error: &azure_core::Error) -> Result<T, Failed> {
    match error::classify(error) {
        Failed {
            error: TableError::NotFound | TableError::Changed,
            ..
        } => Ok(answer),
        failed => Err(failed),
    }
}
