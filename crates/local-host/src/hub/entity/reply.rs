//! What an entity answers: the data of the event whose name is the id of the request.

use durable_protocol::messages::{OperationResult, ResultType, TaskFailureDetails};
use prost_types::value::Kind;
use prost_types::{Struct, Value};

use crate::json::{Json, JsonNumber, JsonObject};

/// The answer to a lock request.
pub(super) const GRANTED: &str = r#"{"result":"Lock Acquisition Completed"}"#;

/// The answer to a call from the result of its operation.
pub(super) fn of_result(result: &OperationResult) -> String {
    let mut reply = JsonObject::new();
    match &result.result_type {
        Some(ResultType::Success(success)) => {
            reply.insert("result", text(success.result.as_deref()))
        }
        Some(ResultType::Failure(failure)) => {
            reply.insert("result", Json::Null);
            let details = failure.failure_details.clone().unwrap_or_default();
            reply.insert("failureDetails", details_of(&details, true));
        }
        None => reply.insert("result", Json::Null),
    }
    Json::Object(reply).to_compact()
}

/// The answer to a call whose batch failed as a whole.
pub(super) fn of_failed_batch(failure: &TaskFailureDetails) -> String {
    let mut reply = JsonObject::new();
    reply.insert("result", failure.error_message.as_str());
    reply.insert("exceptionType", "entity dispatch failed");
    reply.insert("failureDetails", details_of(failure, false));
    Json::Object(reply).to_compact()
}

/// In .NET's spelling. Properties that a worker did not send are empty, those of the host's own
/// failures null.
fn details_of(details: &TaskFailureDetails, from_worker: bool) -> Json {
    let inner = match &details.inner_failure {
        Some(inner) => details_of(inner, from_worker),
        None => Json::Null,
    };
    let properties: JsonObject = details
        .properties
        .iter()
        .map(|(name, value)| (name.as_str(), value_of(value)))
        .collect();
    let mut json = JsonObject::new();
    json.insert("ErrorType", details.error_type.as_str());
    json.insert("ErrorMessage", details.error_message.as_str());
    json.insert("StackTrace", text(details.stack_trace.as_deref()));
    json.insert("InnerFailure", inner);
    json.insert("IsNonRetriable", details.is_non_retriable);
    json.insert(
        "Properties",
        if from_worker || !properties.is_empty() {
            Json::Object(properties)
        } else {
            Json::Null
        },
    );
    Json::Object(json)
}

fn text(text: Option<&str>) -> Json {
    text.map_or(Json::Null, Json::from)
}

fn value_of(value: &Value) -> Json {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(flag)) => Json::Bool(*flag),
        Some(Kind::NumberValue(number)) => Json::Number(JsonNumber::Float(*number)),
        Some(Kind::StringValue(text)) => Json::String(text.clone()),
        Some(Kind::ListValue(list)) => Json::Array(list.values.iter().map(value_of).collect()),
        Some(Kind::StructValue(Struct { fields })) => fields
            .iter()
            .map(|(name, value)| (name.as_str(), value_of(value)))
            .collect::<JsonObject>()
            .into(),
    }
}
