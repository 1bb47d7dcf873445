//! Entities: their states, and signals to them.

use durable_protocol::messages::EntityQuery;
use durable_protocol::messages::{EntityMetadata, QueryEntitiesRequest};
use task_hub::Signal;
use uuid::Uuid;

use super::instances::page;
use super::operations::storage_error;
use super::reply::Reply;
use super::request::Parts;
use super::status::{moment, stored};
use crate::hub::{Inner, grpc, nonchars};
use crate::json::{Json, JsonObject, parse_payload};

/// An empty key is written so.
const EMPTY_KEY: &str = "$";

fn id_of(name: &str, key: &str) -> String {
    let key = if key == EMPTY_KEY { "" } else { key };
    format!("@{}@{key}", name.to_lowercase())
}

/// The state itself.
pub(super) async fn state(hub: &Inner, parts: &Parts<'_>, name: &str, key: &str) -> Reply {
    if parts.is_foreign {
        return Reply::empty(404);
    }
    let id = id_of(name, key);
    match hub.driver.read(move |hub| hub.entity(&id)).await {
        Ok(Some(entity)) => Reply::json(200, &stored(entity.serialized_state.as_deref())),
        Ok(None) => Reply::empty(404),
        Err(error) => error.into(),
    }
}

/// A JSON body is the input as it is, another body is a JSON string.
pub(super) async fn signal(hub: &Inner, parts: &Parts<'_>, name: &str, key: &str) -> Reply {
    let body = parts.request.body.as_str();
    let input = if body.is_empty() {
        None
    } else if parts.is_json() {
        match parse_payload(body) {
            Ok(value) => Some(value.with_dates_as_written().to_compact()),
            Err(error) => {
                return Reply::message(400, format!("Could not parse JSON content: {error}"));
            }
        }
    } else {
        Some(Json::from(body).to_compact())
    };
    let operation = parts.text("op").unwrap_or_default();
    send(hub, parts, id_of(name, key), operation, input).await
}

/// The operation `delete`.
pub(super) async fn delete(hub: &Inner, parts: &Parts<'_>, name: &str, key: &str) -> Reply {
    let input = Some("\"\"".to_owned());
    send(hub, parts, id_of(name, key), "delete", input).await
}

async fn send(
    hub: &Inner,
    parts: &Parts<'_>,
    entity: String,
    operation: &str,
    input: Option<String>,
) -> Reply {
    if parts.is_foreign {
        return Reply::empty(404);
    }
    if nonchars::refused(hub, "the name of an operation", Some(operation))
        || nonchars::refused(hub, "the input of an operation", input.as_deref())
    {
        return storage_error();
    }
    let signal = Signal {
        entity,
        operation: operation.to_owned(),
        input,
        request_id: Uuid::new_v4().to_string(),
        scheduled: None,
    };
    match hub.driver.operate(|hub, at| hub.signal(at, signal)).await {
        Ok(()) => Reply::empty(202),
        Err(error) => error.into(),
    }
}

/// A page of entities, of all names or of one.
pub(super) async fn list(
    hub: &std::sync::Arc<Inner>,
    parts: &Parts<'_>,
    name: Option<&str>,
) -> Reply {
    let with_state = parts.flag("fetchState", false);
    let query = EntityQuery {
        instance_id_starts_with: name.map(|name| format!("@{}@", name.to_lowercase())),
        last_modified_from: parts.time("lastOperationTimeFrom").map(Into::into),
        last_modified_to: parts.time("lastOperationTimeTo").map(Into::into),
        include_state: with_state,
        page_size: parts.number("top"),
        continuation_token: parts.request.continuation_token.clone(),
        ..EntityQuery::default()
    };
    let request = QueryEntitiesRequest { query: Some(query) };
    match grpc::query_entities(hub, request, parts.is_foreign).await {
        Ok(found) => {
            let rows = found.entities.iter().map(|entity| row(entity, with_state));
            page(rows.collect(), found.continuation_token)
        }
        Err(status) => Reply::message(503, status.message()),
    }
}

fn row(entity: &EntityMetadata, with_state: bool) -> Json {
    let id = entity.instance_id.strip_prefix('@').unwrap_or_default();
    let (name, key) = id.split_once('@').unwrap_or_default();
    let mut row = JsonObject::new();
    row.insert(
        "entityId",
        JsonObject::from_iter([("name", name), ("key", key)]),
    );
    row.insert("lastOperationTime", moment(entity.last_modified_time));
    let state = entity.serialized_state.as_deref().filter(|_| with_state);
    row.insert("state", stored(state));
    Json::Object(row)
}
