//! Messages between orchestrations and entities: the names and the JSON of the events that carry them.
//!
//! The entity scheduler of the extension defines them (`RequestMessage` and `ResponseMessage` of
//! DurableTask.Core). Both sides read and write the types here, so that a key has one spelling.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prost_types::value::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::EntityId;
use crate::messages::TaskFailureDetails;

/// The event that asks for an operation or a lock; with `@` and a time behind it, one that is due then.
pub const REQUEST: &str = "op";
/// The event that gives a lock back.
pub const RELEASE: &str = "release";
/// The result of an answer that grants a lock. It is a text for people, not JSON.
pub const GRANTED: &str = "Lock Acquisition Completed";

/// The data of a [`REQUEST`] event: an operation, or a lock when `lockset` is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    /// The name of the operation; none for a lock.
    pub op: Option<Cow<'a, str>>,
    /// Whether nobody waits for an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<bool>,
    /// JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Cow<'a, str>>,
    /// The id of the request: the name of the event that answers it. The id of the critical section
    /// for a lock.
    pub id: Cow<'a, str>,
    /// The instance id of the orchestration that sends; none in signals of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Cow<'a, str>>,
    /// The execution id of the orchestration that sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_execution: Option<Cow<'a, str>>,
    /// When it is due, UTC in .NET's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Cow<'a, str>>,
    /// The entities to lock, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lockset: Option<Vec<EntityId>>,
    /// The place of the receiver in `lockset`; 0 when it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pos: Option<usize>,
    /// Where the request stands in the order of its sender's messages, a time in UTC;
    /// [`NEVER`](crate::NEVER) when it has no place.
    #[serde(rename = "Timestamp", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Cow<'a, str>>,
    /// The time of the message before it to the same entity.
    #[serde(rename = "Predecessor", skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Cow<'a, str>>,
}

/// The data of a [`RELEASE`] event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release<'a> {
    /// The instance id of the orchestration that holds the lock.
    pub parent: Cow<'a, str>,
    /// The id of the critical section. The extension does not look at it.
    #[serde(default)]
    pub id: Cow<'a, str>,
}

/// The data of the event that answers a request. Its name is the id of the request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// JSON text; the message of a failure that has no details.
    #[serde(default)]
    pub result: Option<String>,
    /// Set if and only if the call failed without details of the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception_type: Option<String>,
    /// What failed: from the worker, or from newer versions of the extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_details: Option<FailureDetails>,
}

/// [`TaskFailureDetails`] as .NET writes them in JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FailureDetails {
    /// The type of the failure.
    pub error_type: Option<String>,
    /// What happened, for people.
    pub error_message: Option<String>,
    /// Where, for people.
    pub stack_trace: Option<String>,
    /// What caused it.
    pub inner_failure: Option<Box<FailureDetails>>,
    /// Whether a retry makes no sense.
    pub is_non_retriable: bool,
    /// Further values.
    pub properties: Option<BTreeMap<String, Value>>,
}

impl From<TaskFailureDetails> for FailureDetails {
    fn from(details: TaskFailureDetails) -> Self {
        FailureDetails {
            error_type: Some(details.error_type),
            error_message: Some(details.error_message),
            stack_trace: details.stack_trace,
            inner_failure: details
                .inner_failure
                .map(|inner| Box::new(FailureDetails::from(*inner))),
            is_non_retriable: details.is_non_retriable,
            properties: Some(
                details
                    .properties
                    .into_iter()
                    .map(|(name, value)| (name, json_of(value)))
                    .collect(),
            ),
        }
    }
}

/// A value of protobuf's `google.protobuf.Value` as JSON. Numbers that JSON does not have are null.
fn json_of(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => Value::Bool(flag),
        Some(Kind::NumberValue(number)) => Value::from(number),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(json_of).collect(),
        Some(Kind::StructValue(object)) => object
            .fields
            .into_iter()
            .map(|(name, value)| (name, json_of(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_requests_are_read_and_written_as_they_were() {
        for text in [
            r#"{"op":"add","signal":false,"input":"5","id":"6b9e","parent":"p","parentExecution":"e","Timestamp":"2026-11-21T06:24:48.630Z","Predecessor":"0001-01-01T00:00:00"}"#,
            r#"{"op":null,"id":"ff83","parent":"p","lockset":[{"name":"counter","key":"a"},{"name":"counter","key":"b"}],"pos":1,"Timestamp":"0001-01-01T00:00:00"}"#,
            r#"{"op":"add","signal":true,"id":"84f5","due":"2026-11-21T06:24:51.066Z"}"#,
        ] {
            let request: Request = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&request).unwrap(), text);
        }
    }

    #[test]
    fn failures_are_spelled_as_by_dotnet() {
        let details = TaskFailureDetails {
            error_type: "A".into(),
            error_message: "a".into(),
            inner_failure: Some(Box::new(TaskFailureDetails {
                error_type: "B".into(),
                ..Default::default()
            })),
            ..Default::default()
        };
        let text = serde_json::to_string(&FailureDetails::from(details)).unwrap();
        assert_eq!(
            text,
            r#"{"ErrorType":"A","ErrorMessage":"a","StackTrace":null,"InnerFailure":{"ErrorType":"B","ErrorMessage":"","StackTrace":null,"InnerFailure":null,"IsNonRetriable":false,"Properties":{}},"IsNonRetriable":false,"Properties":{}}"#
        );
    }
}
