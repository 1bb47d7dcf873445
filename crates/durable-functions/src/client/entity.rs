//! Entities, as the client sees them.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::SystemTime;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CleanEntityStorageRequest, CleanEntityStorageResponse, EntityMetadata,
    EntityQuery as WireQuery, GetEntityRequest, GetEntityResponse, QueryEntitiesRequest,
    QueryEntitiesResponse, SignalEntityRequest, SignalEntityResponse,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::check_name;
use super::pages::{ContinuationToken, Page, Pages};
use super::query::{wire_size, wire_time};
use super::rpc::{self, Connection};
use super::{ClientError, DurableClient};
use crate::{DecodeError, EntityId, Operation, codec};

/// One entity; see [`DurableClient::entity`].
///
/// # Errors
/// Each method fails with [`ClientError::InvalidEntityId`] for an id that the host cannot handle, and sends nothing
/// then; with [`ClientError::Unsupported`] when the backend has no entities; with [`ClientError::Unavailable`] and
/// [`ClientError::Rpc`].
#[derive(Clone)]
pub struct EntityRef {
    client: DurableClient,
    id: EntityId,
}

impl EntityRef {
    pub(super) fn new(client: DurableClient, id: EntityId) -> Self {
        EntityRef { client, id }
    }

    /// The id of the entity.
    pub fn id(&self) -> &EntityId {
        &self.id
    }

    /// Signals the entity to run an operation, when the returned value is awaited. There is no answer; a failure of the
    /// operation is in the log of the entity function. The entity need not exist: an operation creates it.
    ///
    /// ```no_run
    /// # use std::time::{Duration, SystemTime};
    /// # use durable_functions::{ClientError, DurableClient, Entity, Operation};
    /// # async fn example(client: DurableClient) -> Result<(), ClientError> {
    /// const COUNTER: Entity<i64> = Entity::new("counter");
    /// const ADD: Operation<i64, i64> = Operation::new("add");
    /// let counter = client.entity(COUNTER.id("a"));
    /// counter.signal(ADD, &1).await?;
    /// counter.signal(ADD, &2).at(SystemTime::now() + Duration::from_secs(60)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [every method](EntityRef#errors); [`ClientError::InvalidInput`]. With [`ClientError::Unavailable`] the
    /// signal may have been sent, if the connection broke during the call.
    pub fn signal<I: Serialize, O>(&self, operation: Operation<I, O>, input: &I) -> Signal {
        self.signal_by_name(operation.name(), input)
    }

    /// The same with an operation whose name is known at run time only.
    ///
    /// # Errors
    /// As for [`signal`](Self::signal); [`ClientError::InvalidName`].
    pub fn signal_by_name<I>(&self, operation: impl Into<String>, input: &I) -> Signal
    where
        I: Serialize + ?Sized,
    {
        Signal {
            entity: self.clone(),
            operation: operation.into(),
            input: codec::write(input).map_err(|error| error.to_string()),
            at: None,
        }
    }

    /// What the task hub knows of the entity, with its state; `None` when it does not exist.
    ///
    /// # Errors
    /// Those of [every method](EntityRef#errors).
    pub async fn status(&self) -> Result<Option<EntityStatus>, ClientError> {
        const METHOD: &str = "GetEntity";
        self.id.check()?;
        let request = GetEntityRequest {
            instance_id: self.id.to_string(),
            include_state: true,
        };
        let answer: GetEntityResponse = call(&self.client.connection, METHOD, request).await?;
        let found = answer.entity.filter(|_| answer.exists);
        Ok(found.map(|entity| EntityStatus::new(self.id.clone(), entity)))
    }

    /// The state of the entity; `None` when it has none. It is what the last operation has left that is done. Further
    /// ones may wait.
    ///
    /// # Errors
    /// Those of [every method](EntityRef#errors); [`ClientError::Decode`] when the state is not an `S`.
    pub async fn state<S: DeserializeOwned>(&self) -> Result<Option<S>, ClientError> {
        match self.status().await? {
            Some(status) => Ok(status.state_as()?),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EntityRef").field(&self.id).finish()
    }
}

/// A signal that has not been sent yet; see [`EntityRef::signal`]. Awaiting it sends it.
#[must_use = "nothing is sent until this is awaited"]
pub struct Signal {
    entity: EntityRef,
    operation: String,
    input: Result<String, String>,
    at: Option<SystemTime>,
}

impl Signal {
    /// The operation runs at this time (UTC). A time in the past is now.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.at = Some(time);
        self
    }

    async fn send(self) -> Result<(), ClientError> {
        const METHOD: &str = "SignalEntity";
        let EntityRef { client, id } = self.entity;
        id.check()?;
        check_name("name of an operation", &self.operation)?;
        let input = self.input.map_err(|detail| ClientError::InvalidInput {
            what: format!("the input of operation '{}'", self.operation),
            detail,
        })?;
        let request = SignalEntityRequest {
            instance_id: id.to_string(),
            name: self.operation,
            input: codec::unless_null(input),
            request_id: uuid::Uuid::new_v4().to_string(),
            scheduled_time: self.at.map(wire_time),
            ..SignalEntityRequest::default()
        };
        let _: SignalEntityResponse = call(&client.connection, METHOD, request).await?;
        Ok(())
    }
}

impl IntoFuture for Signal {
    type Output = Result<(), ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("entity", &self.entity.id)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

/// What the task hub knows of an entity.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EntityStatus {
    /// The id of the entity.
    pub id: EntityId,
    /// When its state last changed (UTC).
    pub last_modified_at: SystemTime,
    /// How many messages wait for it.
    pub backlog: u32,
    /// The instance that holds its lock.
    pub locked_by: Option<String>,
    /// The state as JSON text; `None` when it has none, or when it was not asked for.
    pub state: Option<String>,
}

impl EntityStatus {
    fn new(id: EntityId, entity: EntityMetadata) -> Self {
        let modified = entity.last_modified_time;
        EntityStatus {
            id,
            last_modified_at: modified.map_or(SystemTime::UNIX_EPOCH, |time| {
                Timestamp::from(time).to_system_time()
            }),
            backlog: u32::try_from(entity.backlog_queue_size).unwrap_or(0),
            locked_by: entity.locked_by.filter(|id| !id.is_empty()),
            state: entity.serialized_state,
        }
    }

    /// The state; `None` when it has none, or when it was not asked for.
    ///
    /// # Errors
    /// The state is not an `S`.
    pub fn state_as<S: DeserializeOwned>(&self) -> Result<Option<S>, DecodeError> {
        let read = self.state.as_deref().map(serde_json::from_str);
        read.transpose().map_err(|error| {
            DecodeError::new::<S>(format!("the state of entity '{}'", self.id), &error)
        })
    }
}

/// Which entities [`DurableClient::entities`] lists: all that match each filter.
#[derive(Clone, Debug, Default)]
pub struct EntityQuery {
    name: Option<String>,
    key_prefix: String,
    modified_after: Option<SystemTime>,
    modified_before: Option<SystemTime>,
    state: bool,
    transient: bool,
    page_size: Option<u32>,
    continuation: Option<ContinuationToken>,
}

impl EntityQuery {
    /// All entities that have a state.
    #[must_use]
    pub fn new() -> Self {
        EntityQuery::default()
    }

    /// Those of the entity function with this name, whose letter case does not count.
    #[must_use]
    pub fn with_name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(name.as_ref().to_lowercase());
        self
    }

    /// Those whose key begins with this text. It counts only together with [`with_name`](Self::with_name).
    #[must_use]
    pub fn with_key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// Those whose state changed at this time or later (UTC).
    #[must_use]
    pub fn modified_after(mut self, time: SystemTime) -> Self {
        self.modified_after = Some(time);
        self
    }

    /// Those whose state changed at this time or earlier (UTC).
    #[must_use]
    pub fn modified_before(mut self, time: SystemTime) -> Self {
        self.modified_before = Some(time);
        self
    }

    /// With their states.
    #[must_use]
    pub fn with_states(mut self) -> Self {
        self.state = true;
        self
    }

    /// Also those without a state: they were deleted, or have only been locked so far.
    #[must_use]
    pub fn with_transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// The most entities of a page: 100 without this. Zero is taken as 1. A host may give fewer.
    #[must_use]
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size);
        self
    }

    /// Begins where an earlier query with the same filters was left.
    #[must_use]
    pub fn with_continuation(mut self, token: ContinuationToken) -> Self {
        self.continuation = Some(token);
        self
    }

    fn to_wire(&self, token: Option<ContinuationToken>) -> WireQuery {
        let name = self.name.as_deref();
        WireQuery {
            instance_id_starts_with: name.map(|name| format!("@{name}@{}", self.key_prefix)),
            last_modified_from: self.modified_after.map(wire_time),
            last_modified_to: self.modified_before.map(wire_time),
            include_state: self.state,
            include_transient: self.transient,
            page_size: Some(wire_size(self.page_size)),
            continuation_token: token.map(ContinuationToken::into_text),
        }
    }
}

pub(super) fn query(connection: Connection, query: EntityQuery) -> Pages<EntityStatus> {
    Pages::new(query.continuation.clone(), move |token| {
        let connection = connection.clone();
        let request = QueryEntitiesRequest {
            query: Some(query.to_wire(token)),
        };
        async move {
            let answer: QueryEntitiesResponse = call(&connection, "QueryEntities", request).await?;
            // An id without a key is no entity's; other workers can store one.
            let entities = answer.entities.into_iter().filter_map(|entity| {
                let id = entity.instance_id.parse().ok()?;
                Some(EntityStatus::new(id, entity))
            });
            Ok(Page {
                items: entities.collect(),
                continuation: ContinuationToken::of_answer(answer.continuation_token),
            })
        }
    })
}

/// What [`DurableClient::clean_entities`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CleanedEntities {
    /// How many entities were removed that had no state and were not locked.
    pub removed: u64,
    /// How many locks were released whose orchestration does not run any more.
    pub released_locks: u64,
}

pub(super) async fn clean(connection: &Connection) -> Result<CleanedEntities, ClientError> {
    let mut cleaned = CleanedEntities::default();
    let mut token = None;
    loop {
        let request = CleanEntityStorageRequest {
            continuation_token: token.map(ContinuationToken::into_text),
            remove_empty_entities: true,
            release_orphaned_locks: true,
        };
        let answer: CleanEntityStorageResponse =
            call(connection, "CleanEntityStorage", request).await?;
        let count = |number: i32| u64::try_from(number).unwrap_or(0);
        cleaned.removed += count(answer.empty_entities_removed);
        cleaned.released_locks += count(answer.orphaned_locks_released);
        token = ContinuationToken::of_answer(answer.continuation_token);
        if token.is_none() {
            return Ok(cleaned);
        }
    }
}

async fn call<Q, A>(
    connection: &Connection,
    method: &'static str,
    request: Q,
) -> Result<A, ClientError>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let answer = connection.call(method, request).await;
    answer.map_err(|status| rpc::failed(method, &status))
}
