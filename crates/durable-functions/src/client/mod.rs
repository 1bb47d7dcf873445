//! The durable client: starts instances, manages them and asks for their state, over the extension's gRPC service.
//!
//! In a function app, the address and the task hub come with every invocation of a function that has a
//! `durableClient` binding. Nothing is configured. The address must not be kept, because it changes when
//! the host restarts. The address of another sidecar is given by the user.

mod binding;
mod entity;
mod error;
mod history;
mod instance;
mod lanes;
mod management_urls;
mod operation;
mod pages;
mod query;
mod reuse_policy;
pub(crate) mod rpc;
mod start;
mod status;

use std::borrow::Cow;
use std::fmt;

use binding::Binding;
pub use entity::{CleanedEntities, EntityQuery, EntityRef, EntityStatus, Signal};
pub use error::ClientError;
pub use history::HistoryStream;
pub use instance::Instance;
use management_urls::ManagementApi;
pub use management_urls::ManagementUrls;
pub use pages::{ContinuationToken, Page, Pages};
pub use query::{PurgeFilter, Purged, Query};
pub use reuse_policy::ReusePolicy;
use rpc::Connection;
use serde::Serialize;
use serde_json::Value;
pub use start::Start;

use crate::{EntityId, Orchestrator, Status};

/// Starts orchestration instances, manages them and asks for their state.
///
/// Cheap to clone. With the feature `handler` it is an axum extractor for HTTP functions that have a
/// `durableClient` binding, and functions with another trigger get it from their invocation
/// (`DurableClient::from_invocation`). Take it from each invocation: the address in the binding changes when the host
/// restarts. Clients with the same address share one connection, on the tokio runtime in which they were made: a client
/// is of no use after that runtime has ended.
///
/// # Versions of the extension
///
/// | | 2.13 | 3.14 | 3.19 |
/// |---|---|---|---|
/// | version, scheduled start, tags and reuse policy of a start | ignored | used | used |
/// | a start of an orchestrator that does not exist | [`ClientError::Rpc`] | the instance fails | the instance fails |
/// | a start of one that is disabled | the instance fails | the instance fails | [`ClientError::InvalidArgument`] |
/// | [`Instance::restart`], [`Instance::history`] | [`ClientError::Unsupported`] | yes | yes |
/// | [`Instance::purge`] of an instance that has not ended | removes it | [`ClientError::WrongStatus`] | [`ClientError::WrongStatus`] |
/// | a refused operation | the client looks the instance up to tell why | the same for suspend and resume | the host tells why |
/// | [`Status::version`](crate::Status::version) and [`Status::scheduled_start_at`](crate::Status::scheduled_start_at) | in queries | in queries | in queries |
/// | [`Status::tags`](crate::Status::tags) | none | yes | yes |
/// | [`Status::parent_instance_id`](crate::Status::parent_instance_id) | none | none | if the backend stores it |
///
/// With Azure Storage, [`Status::failure`](crate::Status::failure) is always empty; the text of a failure is the output.
#[derive(Clone)]
pub struct DurableClient {
    connection: Connection,
    /// `None`: not from a binding, or from one without an address.
    management: Option<ManagementApi>,
}

impl DurableClient {
    /// The client of a `durableClient` binding, from the JSON text that the host sends as its value.
    ///
    /// # Errors
    /// [`ClientError::InvalidBinding`] when the text is not such a JSON object, or names no
    /// `rpcBaseUrl`.
    pub fn from_binding(json: &str) -> Result<Self, ClientError> {
        let binding = Binding::parse(json)?;
        Ok(DurableClient {
            connection: Connection::open(&binding)?,
            management: ManagementApi::of(&binding),
        })
    }

    /// The client of a sidecar of the Durable Task protocol, at an address such as
    /// `http://localhost:4001`: the Durable Task Scheduler's emulator, or another engine that a
    /// worker serves. Nothing is sent.
    ///
    /// # Errors
    /// [`ClientError::InvalidEndpoint`] when it is not a URL, or begins with `https://` without the feature
    /// `tls`.
    pub fn connect(endpoint: &str) -> Result<Self, ClientError> {
        Ok(DurableClient {
            connection: Connection::to(endpoint)?,
            management: None,
        })
    }

    /// Names the task hub in every call, as the Durable Task Scheduler and its emulator want it.
    ///
    /// # Errors
    /// [`ClientError::InvalidEndpoint`] when the name cannot be sent: it must be printable ASCII.
    pub fn with_task_hub(mut self, name: &str) -> Result<Self, ClientError> {
        let name = name.parse().map_err(|_| ClientError::InvalidEndpoint {
            reason: "the name of its task hub must be printable ASCII",
        })?;
        self.connection.name_task_hub(name);
        Ok(self)
    }

    /// Starts an instance of `orchestrator`. Await the returned value, after setting an id of your
    /// own if you want one:
    ///
    /// ```no_run
    /// # use durable_functions::{ClientError, DurableClient, Orchestrator};
    /// # async fn example(client: DurableClient) -> Result<(), ClientError> {
    /// const COUNT: Orchestrator<u64, u64> = Orchestrator::new("count");
    /// let instance = client.start(COUNT, &7).with_id("count-7").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::AlreadyExists`] when an instance with that id is pending, running or
    /// suspended, or must not be replaced by the [`ReusePolicy`]; [`ClientError::InvalidId`] for an id that the host
    /// could not handle; [`ClientError::InvalidName`]; [`ClientError::InvalidInput`];
    /// [`ClientError::InvalidArgument`] when the orchestrator is disabled or a tag is reserved (since extension 3.19);
    /// [`ClientError::Unavailable`] and [`ClientError::Rpc`]. In all these cases nothing was started.
    ///
    /// Extension 2.13 checks that the orchestrator exists, and fails with [`ClientError::Rpc`] otherwise. Later ones
    /// start the instance, which then fails.
    ///
    /// When the connection breaks before the answer comes, the host is asked for up to two seconds
    /// whether the instance exists. [`ClientError::StartUnknown`] says that this could not be found out,
    /// or that an instance exists under an id of your choice, which may be an earlier one.
    pub fn start<I, O>(&self, orchestrator: Orchestrator<I, O>, input: &I) -> Start<O>
    where
        I: Serialize,
    {
        Start::new(self.clone(), orchestrator, input)
    }

    /// Starts an instance of an orchestrator whose name is known at run time only. Its output is a
    /// [`serde_json::Value`].
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn start_by_name<I>(&self, name: impl Into<Cow<'static, str>>, input: &I) -> Start
    where
        I: Serialize + ?Sized,
    {
        Start::by_name(self.clone(), name.into(), input)
    }

    /// The instance of `orchestrator` with this id, whether or not it exists. Sends nothing.
    ///
    /// The status of an instance of another orchestrator is not shown: for [`Instance::status`] it does not exist. The
    /// operations do not look, because that would cost a second call; they reach every instance with this id.
    pub fn instance<I, O>(
        &self,
        orchestrator: Orchestrator<I, O>,
        id: impl Into<String>,
    ) -> Instance<O> {
        Instance::new(self.clone(), Some(orchestrator.name), id.into())
    }

    /// The instance with this id, of whatever orchestrator and whether or not it exists. Sends nothing.
    pub fn instance_by_id(&self, id: impl Into<String>) -> Instance {
        Instance::new(self.clone(), None, id.into())
    }

    /// The state of the instance `id`, of whatever orchestrator; `None` when there is no such
    /// instance.
    ///
    /// # Errors
    /// [`ClientError::InvalidId`] for an id that no instance can be started with; nothing is sent
    /// then. [`ClientError::Unavailable`]; [`ClientError::Rpc`].
    pub async fn status(&self, id: &str) -> Result<Option<Status<Value>>, ClientError> {
        status::get(&self.connection, id, true).await
    }

    /// The instances that match `query`, page by page. Sends nothing before the first is asked for. How they are
    /// ordered is up to the host.
    ///
    /// An instance that is started while the pages are read may be among them or not.
    pub fn query(&self, query: Query) -> Pages<Status> {
        query::query(self.connection.clone(), query)
    }

    /// Removes the instances that match `filter`, with their histories, and says how many there were. It takes the
    /// longer the more there are; the call has no time limit of its own.
    ///
    /// # Errors
    /// [`ClientError::Unsupported`] when the backend cannot do it; [`ClientError::Unavailable`]; [`ClientError::Rpc`].
    /// Some instances may be removed then.
    pub async fn purge(&self, filter: PurgeFilter) -> Result<Purged, ClientError> {
        query::purge(&self.connection, filter).await
    }

    /// The entity with this id, whether or not it exists. Sends nothing.
    pub fn entity(&self, id: impl AsRef<EntityId>) -> EntityRef {
        EntityRef::new(self.clone(), id.as_ref().clone())
    }

    /// The entities that match `query`, page by page. Sends nothing before the first is asked for.
    pub fn entities(&self, query: EntityQuery) -> Pages<EntityStatus> {
        entity::query(self.connection.clone(), query)
    }

    /// Removes the entities that have no state and are not locked, and releases the locks of orchestrations that do
    /// not run any more. It goes through the whole task hub: run it from time to time, not in a request.
    ///
    /// # Errors
    /// [`ClientError::Unsupported`] when the backend has no entities; [`ClientError::Unavailable`];
    /// [`ClientError::Rpc`]. A part may be done then.
    pub async fn clean_entities(&self) -> Result<CleanedEntities, ClientError> {
        entity::clean(&self.connection).await
    }
}

/// Shows nothing of the connection: the binding holds a key.
impl fmt::Debug for DurableClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableClient").finish_non_exhaustive()
    }
}
