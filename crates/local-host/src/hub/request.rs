//! The fields of an `OrchestratorRequest` that are the same for every turn.

use std::collections::BTreeMap;

use durable_protocol::messages::{OrchestratorEntityParameters, OrchestratorRequest};
use prost::Message;
use prost_types::value::Kind;
use prost_types::{Duration, Value};

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
        let property = OrchestratorRequest {
            properties: BTreeMap::from([(name.to_owned(), Value { kind: Some(kind) })]),
            ..OrchestratorRequest::default()
        };
        tail.extend(property.encode_to_vec());
    }
    tail
}
