//! Activities: the input as the host encodes it, the result as the host rewrites it, and the
//! failures in the host's words.

use std::sync::Arc;

use durable_functions::proto::{HistoryEvent, TaskFailureDetails};
use serde_json::{Map, Value};

use super::failure::{self, Cause, INVALID_OPERATION};
use super::instance::Letter;
use super::json::{self, Dates, Json, ReadError};
use super::{Inner, clock, events, turn};
use crate::invoke::InvokeError;
use crate::log::LogLevel;

/// An activity that a turn scheduled.
pub(super) struct Task {
    pub(super) instance_id: String,
    pub(super) execution: String,
    /// The id of the action.
    pub(super) id: i32,
    pub(super) name: String,
    /// JSON text.
    pub(super) input: Option<String>,
}

/// Runs the activity and sends its outcome to the orchestration.
pub(super) async fn run(hub: Arc<Inner>, task: Task) {
    let Some(event) = outcome(&hub, &task).await else {
        return;
    };
    // Dropped when the execution has ended: as on a real host, nobody waits for it.
    hub.deliver(
        &task.instance_id,
        Letter {
            execution: Some(task.execution),
            event,
        },
    );
}

async fn outcome(hub: &Arc<Inner>, task: &Task) -> Option<HistoryEvent> {
    let Some(function) = hub.functions.activity(&task.name) else {
        hub.log(
            LogLevel::Error,
            format!(
                "Orchestration '{}': {}",
                task.instance_id,
                failure::unknown_function(
                    &task.name,
                    "an activity",
                    "activity",
                    &hub.functions.activity_names()
                )
            ),
        );
        return Some(events::task_failed(clock::now(), task.id, None));
    };
    let place = hub.activities.acquire().await.ok()?;
    let mut stopped = 0;
    let answer = loop {
        // Bound again for every try: a copy to keep would cost three times the input.
        let bound = match bind(&function.binding, &task.instance_id, task.input.as_deref()) {
            Ok(bound) => bound,
            Err(error) => {
                let cause = binding_failed(&function.binding, &error);
                return Some(failed(
                    hub,
                    task,
                    failure::activity(&function.folder, cause),
                ));
            }
        };
        match hub
            .invoke
            .invoke(&function.folder, bound.data, bound.metadata)
            .await
        {
            // Delivered again, as by a real host that starts again.
            Err(InvokeError::Stopping) => {
                tokio::time::sleep(turn::backoff(stopped)).await;
                stopped += 1;
            }
            answer => break answer,
        }
    };
    drop(place);
    let result = answer
        .map_err(|error| Cause::from(&error))
        .and_then(|answer| {
            result(&answer.return_value)
                .map_err(|error| Cause::from(&InvokeError::BadAnswer(error.to_string())))
        });
    Some(match result {
        Ok(result) => events::task_completed(clock::now(), task.id, result),
        Err(cause) => failed(hub, task, failure::activity(&function.folder, cause)),
    })
}

fn binding_failed(binding: &str, error: &ReadError) -> Cause {
    Cause::new(
        INVALID_OPERATION,
        format!("Exception binding parameter '{binding}'"),
    )
    .over(Cause::new(
        "Newtonsoft.Json.JsonReaderException",
        error.to_string(),
    ))
}

fn failed(hub: &Inner, task: &Task, details: TaskFailureDetails) -> HistoryEvent {
    let mut text = details.error_message.clone();
    let mut cause = details.inner_failure.as_deref();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.error_message);
        cause = inner.inner_failure.as_deref();
    }
    hub.log(
        LogLevel::Error,
        format!(
            "Activity '{}' of orchestration '{}' failed: {text}",
            task.name, task.instance_id
        ),
    );
    events::task_failed(clock::now(), task.id, Some(details))
}

/// `Data` and `Metadata` of an invocation.
struct Bound {
    data: Map<String, Value>,
    metadata: Map<String, Value>,
}

fn bind(binding: &str, instance_id: &str, input: Option<&str>) -> Result<Bound, ReadError> {
    let mut data = Map::new();
    let mut metadata = Map::new();
    put(&mut metadata, "instanceId", quoted(instance_id));
    let Some(input) = input else {
        // One level only: the trigger value itself is null.
        data.insert(binding.to_owned(), Value::String("null".to_owned()));
        return Ok(Bound { data, metadata });
    };
    let value = json::read(input, Dates::Keep)?;
    let text = value.to_compact();
    data.insert(binding.to_owned(), quoted(&text));
    put(&mut metadata, binding, quoted(&text));
    match &value {
        Json::Object(_) => {
            put(&mut metadata, "data", parsed(&text));
            if let Json::Object(members) = json::read(input, Dates::Convert)? {
                for (name, member) in members {
                    copy_member(&mut metadata, &name, &member);
                }
            }
        }
        _ => put(&mut metadata, "data", Value::String(text)),
    }
    metadata.retain(|name, _| !name.to_ascii_lowercase().ends_with("trigger"));
    Ok(Bound { data, metadata })
}

/// The host copies the members of an object into the metadata, over its own entries; users meet this
/// as an `instanceId` that is not the instance's.
fn copy_member(metadata: &mut Map<String, Value>, name: &str, member: &Json) {
    let value = match member {
        Json::Array(_) => return,
        Json::Object(_) => parsed(&member.to_compact()),
        Json::Null => Value::String("null".to_owned()),
        scalar => quoted(&scalar.to_invariant().unwrap_or_default()),
    };
    put(metadata, name, value);
}

/// Names of binding data are equal whatever their case; the first spelling stays.
fn put(metadata: &mut Map<String, Value>, name: &str, value: Value) {
    let known = metadata
        .keys()
        .find(|known| known.eq_ignore_ascii_case(name))
        .cloned();
    metadata.insert(known.unwrap_or_else(|| name.to_owned()), value);
}

/// A string as the JSON text of that string, in a JSON string.
fn quoted(text: &str) -> Value {
    Value::String(Value::from(text).to_string())
}

fn parsed(text: &str) -> Value {
    // Our own JSON text; a number too large for this type is the only thing that could fail.
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// The result that the history shows: the compact JSON text of the return value, rewritten as the
/// host rewrites it. Null is no result at all.
fn result(return_value: &Value) -> Result<Option<String>, ReadError> {
    let mut value = match return_value {
        Value::Null => return Ok(None),
        value => json::read(&value.to_string(), Dates::Convert)?,
    };
    if let Json::Object(members) = &mut value
        && members.first().is_some_and(|(name, _)| name == "$type")
    {
        members.remove(0);
    }
    Ok(Some(value.to_compact()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bound(input: Option<&str>) -> (Value, Value) {
        let bound = bind("input", "abc", input).expect("JSON");
        (Value::Object(bound.data), Value::Object(bound.metadata))
    }

    #[test]
    fn an_absent_input_is_null_on_one_level() {
        let (data, metadata) = bound(None);
        assert_eq!(data, json!({"input": "null"}));
        assert_eq!(metadata, json!({"instanceId": "\"abc\""}));
    }

    #[test]
    fn a_string_input_needs_three_parses() {
        let (data, metadata) = bound(Some("\"Tokyo\""));
        assert_eq!(data, json!({"input": r#""\"Tokyo\"""#}));
        assert_eq!(
            metadata,
            json!({"instanceId": "\"abc\"", "input": r#""\"Tokyo\"""#, "data": "\"Tokyo\""})
        );
    }

    #[test]
    fn members_of_an_object_overwrite_the_metadata() {
        let (_, metadata) = bound(Some(
            r#"{"InstanceId":"evil","list":[1],"on":true,"none":null,"o":{"a":1},"queueTrigger":1,"when":"2024-01-02T03:04:05+02:00","d":100.0}"#,
        ));
        assert_eq!(metadata["instanceId"], json!("\"evil\""));
        assert_eq!(metadata["on"], json!("\"True\""));
        assert_eq!(metadata["none"], json!("null"));
        assert_eq!(metadata["o"], json!({"a": 1}));
        assert_eq!(metadata["when"], json!("\"01/02/2024 01:04:05\""));
        assert_eq!(metadata["d"], json!("\"100\""));
        assert!(metadata.get("list").is_none());
        assert!(metadata.get("queueTrigger").is_none());
    }

    #[test]
    fn a_result_is_the_compact_text_and_null_is_none() {
        assert_eq!(result(&Value::Null).expect("JSON"), None);
        assert_eq!(
            result(&json!({"$type": "System.String", "a": 1})).expect("JSON"),
            Some(r#"{"a":1}"#.to_owned())
        );
        assert_eq!(result(&json!("")).expect("JSON"), Some("\"\"".to_owned()));
    }
}
