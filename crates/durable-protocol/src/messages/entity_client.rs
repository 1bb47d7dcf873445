//! Requests and responses of the `TaskHubSidecarService` about entities.

use super::instance::TraceContext;

/// `SignalEntity`; `request_id` must be a GUID.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SignalEntityRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    #[prost(string, tag = "4")]
    pub request_id: String,
    #[prost(message, optional, tag = "5")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub parent_trace_context: Option<TraceContext>,
    #[prost(message, optional, tag = "7")]
    pub request_time: Option<prost_types::Timestamp>,
}

/// Empty.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SignalEntityResponse {}

/// `GetEntity`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetEntityRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(bool, tag = "2")]
    pub include_state: bool,
}

/// An entity, if it exists.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetEntityResponse {
    #[prost(bool, tag = "1")]
    pub exists: bool,
    #[prost(message, optional, tag = "2")]
    pub entity: Option<EntityMetadata>,
}

/// Filters and paging of an entity query.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityQuery {
    #[prost(message, optional, tag = "1")]
    pub instance_id_starts_with: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub last_modified_from: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub last_modified_to: Option<prost_types::Timestamp>,
    #[prost(bool, tag = "4")]
    pub include_state: bool,
    #[prost(bool, tag = "5")]
    pub include_transient: bool,
    #[prost(message, optional, tag = "6")]
    pub page_size: Option<i32>,
    #[prost(message, optional, tag = "7")]
    pub continuation_token: Option<String>,
}

/// `QueryEntities`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryEntitiesRequest {
    #[prost(message, optional, tag = "1")]
    pub query: Option<EntityQuery>,
}

/// One page of entities.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryEntitiesResponse {
    #[prost(message, repeated, tag = "1")]
    pub entities: Vec<EntityMetadata>,
    #[prost(message, optional, tag = "2")]
    pub continuation_token: Option<String>,
}

/// What the task hub knows of an entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityMetadata {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub last_modified_time: Option<prost_types::Timestamp>,
    #[prost(int32, tag = "3")]
    pub backlog_queue_size: i32,
    #[prost(message, optional, tag = "4")]
    pub locked_by: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub serialized_state: Option<String>,
}

/// `CleanEntityStorage`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CleanEntityStorageRequest {
    #[prost(message, optional, tag = "1")]
    pub continuation_token: Option<String>,
    #[prost(bool, tag = "2")]
    pub remove_empty_entities: bool,
    #[prost(bool, tag = "3")]
    pub release_orphaned_locks: bool,
}

/// What was cleaned.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CleanEntityStorageResponse {
    #[prost(message, optional, tag = "1")]
    pub continuation_token: Option<String>,
    #[prost(int32, tag = "2")]
    pub empty_entities_removed: i32,
    #[prost(int32, tag = "3")]
    pub orphaned_locks_released: i32,
}
