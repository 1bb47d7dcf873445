//! The fields of an `OrchestratorRequest` behind its events, and the properties of an `EntityBatchRequest`.

use std::collections::BTreeMap;

use durable_protocol::messages::{OrchestratorEntityParameters, OrchestratorRequest};
use prost::Message;
use prost_types::value::Kind;
use prost_types::{Duration, Value};

use super::Extension;

/// `entityMessageReorderWindowInMinutes` of host.json, by default.
const REORDER_WINDOW: Duration = Duration {
    seconds: 30 * 60,
    nanos: 0,
};

/// Entity parameters and properties, encoded in the order of a real host. Each property is encoded by itself
/// and appended, because a map would sort them.
pub(super) fn tail(default_version: Option<&str>) -> Vec<u8> {
    let mut tail = OrchestratorRequest {
        entity_parameters: Some(OrchestratorEntityParameters {
            entity_message_reorder_window: Some(REORDER_WINDOW),
        }),
        ..OrchestratorRequest::default()
    }
    .encode_to_vec();
    let version =
        default_version.map(|version| ("defaultVersion", Kind::StringValue(version.to_owned())));
    let properties = [
        (
            "HttpDefaultAsyncRequestSleepTimeMilliseconds",
            Kind::NumberValue(30_000.0),
        ),
        ("IncludeState", Kind::BoolValue(true)),
        ("IsExtendedSession", Kind::BoolValue(false)),
        (
            "ExtendedSessionIdleTimeoutInSeconds",
            Kind::NumberValue(0.0),
        ),
    ];
    for (name, kind) in properties.into_iter().chain(version) {
        tail.extend(property(name, kind));
    }
    tail
}

/// The property of a turn of an instance that a restart made: the id of the one that was restarted.
pub(super) fn source_instance(id: &str) -> Vec<u8> {
    property("sourceInstanceId", Kind::StringValue(id.to_owned()))
}

fn property(name: &str, kind: Kind) -> Vec<u8> {
    let request = OrchestratorRequest {
        properties: BTreeMap::from([(name.to_owned(), Value { kind: Some(kind) })]),
        ..OrchestratorRequest::default()
    };
    request.encode_to_vec()
}

/// The properties of every `EntityBatchRequest`: `rollbackEntityOperationsOnExceptions` of host.json, by default.
pub(super) fn batch_properties(extension: Extension) -> BTreeMap<String, Value> {
    let rollback = Value {
        kind: Some(Kind::BoolValue(true)),
    };
    let name = "RollbackEntityOperationsOnExceptions".to_owned();
    match extension {
        Extension::V3_14 => BTreeMap::new(),
        Extension::V3_19 => BTreeMap::from([(name, rollback)]),
    }
}
