//! Activities: the input in the host's encoding, the result in the form that the host stores, and failures
//! with the texts of a real host.

use std::sync::Arc;

use durable_protocol::messages::TaskFailureDetails;
use task_hub::changes::Activity;
use task_hub::work::ActivityOutcome;

use super::failure::{self, Cause, INVALID_OPERATION};
use super::http_activity::{self, Problem};
use super::lease::Lease;
use super::{DurableFunction, DurableKind, Inner, InputSource, nonchars};
use crate::binding_data::BindingData;
use crate::invoke::{Invoke, InvokeError};
use crate::json::{Json, JsonError, JsonObject, parse_payload};
use crate::log::LogLevel;

/// Runs an activity.
pub(super) async fn run(hub: Arc<Inner>, invoke: Arc<dyn Invoke>, task: Activity, lease: Lease) {
    let outcome = outcome(&hub, &*invoke, &task).await;
    let refused = nonchars::failure_for(&hub, &task.instance, &task.name, &outcome);
    lease.end_activity(refused.map_or(outcome, |details| ActivityOutcome::Failed(Some(details))));
}

async fn outcome(hub: &Inner, invoke: &dyn Invoke, task: &Activity) -> ActivityOutcome {
    if is_built_in(&task.name) {
        return built_in(hub, task).await;
    }
    let Some(function) = hub.functions.activity(&task.name) else {
        hub.log(
            LogLevel::Error,
            format!(
                "Orchestration '{}': {}",
                task.instance,
                failure::unknown_function(
                    &task.name,
                    "an activity",
                    "activity",
                    &hub.functions.names(DurableKind::Activity)
                )
            ),
        );
        hub.explain_missing(&task.name, DurableKind::Activity);
        return ActivityOutcome::Failed(None);
    };
    let bound = match bind(function, &task.instance, task.input.as_deref()) {
        Ok(mut bound) => {
            add_inputs(hub, function, &mut bound.data);
            bound
        }
        Err(error) => {
            let cause = binding_failed(&function.binding, &error);
            let details = failure::activity(&function.folder, cause);
            let why = failure::with_causes(&details);
            return failed(hub, task, details, &why);
        }
    };
    let invocation = invoke.invoke(&function.folder, bound.data, bound.metadata);
    match invocation.await {
        Ok(answer) => ActivityOutcome::Completed(result(answer.return_value)),
        // The work is done again, as by a real host after a restart.
        Err(InvokeError::Stopping) => ActivityOutcome::Abandoned,
        Err(error) => {
            let details = failure::activity(&function.folder, Cause::from(&error));
            // The line about the end of the invocation has the text of the failure.
            failed(hub, task, details, "its invocation says why")
        }
    }
}

/// Whether the host itself runs the activity: its name has the prefix of built-in ones.
fn is_built_in(name: &str) -> bool {
    const PREFIX: &str = "BuiltIn::";
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

async fn built_in(hub: &Inner, task: &Activity) -> ActivityOutcome {
    let result = if task.name.eq_ignore_ascii_case(http_activity::NAME) {
        http_activity::run(&hub.http, task.input.as_deref()).await
    } else {
        Err(Problem::Logged(
            "the host has no such activity of its own".to_owned(),
        ))
    };
    match result {
        Ok(result) => ActivityOutcome::Completed(Some(result)),
        Err(Problem::Reported(cause)) => {
            let details = cause.into_details();
            let why = failure::with_causes(&details);
            failed(hub, task, details, &why)
        }
        Err(Problem::Logged(why)) => {
            hub.log(
                LogLevel::Error,
                format!(
                    "Activity '{}' of orchestration '{}' failed: {why}. Like a real host, local-host \
                     gives the orchestrator no reason.",
                    task.name, task.instance
                ),
            );
            ActivityOutcome::Failed(None)
        }
    }
}

fn binding_failed(binding: &str, error: &JsonError) -> Cause {
    Cause::new(
        INVALID_OPERATION,
        format!("Exception binding parameter '{binding}'"),
    )
    .over(Cause::new(
        "Newtonsoft.Json.JsonReaderException",
        error.to_string(),
    ))
}

/// `why` is for the log.
fn failed(hub: &Inner, task: &Activity, details: TaskFailureDetails, why: &str) -> ActivityOutcome {
    hub.log(
        LogLevel::Error,
        format!(
            "Activity '{}' of orchestration '{}' failed: {why}",
            task.name, task.instance,
        ),
    );
    ActivityOutcome::Failed(Some(details))
}

/// `Data` and `Metadata` of an invocation.
struct Bound {
    data: JsonObject,
    metadata: JsonObject,
}

/// As in a real host, the members of an object replace all other entries, `instanceId` and `sys` included.
fn bind(
    function: &DurableFunction,
    instance_id: &str,
    input: Option<&str>,
) -> Result<Bound, JsonError> {
    let mut metadata = BindingData::new();
    metadata.insert("instanceId", instance_id);
    let parsed = input.map(parse_payload).transpose()?;
    let value = match &parsed {
        None => Json::Null,
        Some(parsed) => {
            // Dates are rewritten in the copied members only.
            let input = parsed.clone().with_dates_as_written();
            let text = input.to_compact();
            metadata.insert(&function.binding, text.as_str());
            metadata.insert("data", input);
            Json::String(text)
        }
    };
    metadata.insert_system(&function.folder);
    if let Some(Json::Object(members)) = &parsed {
        metadata.insert_members(members);
    }
    Ok(Bound {
        data: JsonObject::from_iter([(function.binding.as_str(), value.double_encoded())]),
        metadata: metadata.into_metadata(),
    })
}

/// Adds the inputs beside the trigger, which a real host sends after it. local-host provides `durableClient`; others are
/// null.
fn add_inputs(hub: &Inner, function: &DurableFunction, data: &mut JsonObject) {
    for input in &function.inputs {
        let value = match &input.source {
            InputSource::DurableClient {
                task_hub,
                connection,
            } => Json::from(hub.client_binding(task_hub.as_deref(), connection.as_deref())),
            InputSource::Unknown => Json::Null,
        };
        data.insert(&input.name, value.double_encoded());
    }
}

/// The result for the history: the compact JSON text of the return value. As in a real host, null is no
/// result, and a leading `$type` is lost.
fn result(return_value: Option<Json>) -> Option<String> {
    let mut value = return_value?;
    if let Json::Object(members) = &mut value {
        members.remove_first("$type");
    }
    Some(value.to_compact())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(input: Option<&str>) -> (String, JsonObject) {
        let function = DurableFunction {
            folder: "inspect".into(),
            name: "inspect".into(),
            kind: DurableKind::Activity,
            binding: "input".into(),
            inputs: Vec::new(),
        };
        let bound = bind(&function, "abc", input).unwrap();
        (Json::Object(bound.data).to_compact(), bound.metadata)
    }

    fn text(metadata: &JsonObject, name: &str) -> Option<String> {
        metadata.get(name).map(Json::to_compact)
    }

    #[test]
    fn an_absent_input_is_null_on_one_level() {
        let (data, metadata) = bound(None);
        assert_eq!(data, r#"{"input":"null"}"#);
        assert_eq!(
            text(&metadata, "instanceId").as_deref(),
            Some(r#""\"abc\"""#)
        );
        assert_eq!(metadata.get("input"), None);
        assert_eq!(metadata.get("data"), None);
    }

    #[test]
    fn a_string_input_needs_three_parses() {
        let (data, metadata) = bound(Some("\"Tokyo\""));
        assert_eq!(data, r#"{"input":"\"\\\"Tokyo\\\"\""}"#);
        assert_eq!(
            text(&metadata, "input").as_deref(),
            Some(r#""\"\\\"Tokyo\\\"\"""#)
        );
        assert_eq!(text(&metadata, "data").as_deref(), Some(r#""\"Tokyo\"""#));
    }

    #[test]
    fn only_copied_members_have_their_dates_changed() {
        let (data, metadata) = bound(Some(r#"{"when":"2024-01-02T03:04:05+02:00","d":1.50}"#));
        assert_eq!(
            data,
            r#"{"input":"\"{\\\"when\\\":\\\"2024-01-02T03:04:05+02:00\\\",\\\"d\\\":1.5}\""}"#
        );
        assert_eq!(
            text(&metadata, "data").as_deref(),
            Some(r#"{"when":"2024-01-02T03:04:05+02:00","d":1.5}"#)
        );
        assert_eq!(
            text(&metadata, "when").as_deref(),
            Some(r#""\"01/02/2024 01:04:05\"""#)
        );
    }

    #[test]
    fn a_result_is_the_compact_text_and_null_is_none() {
        let read = |text| result(Some(crate::json::parse_document(text).unwrap()));
        assert_eq!(result(None), None);
        assert_eq!(
            read(r#"{"$type": "System.String", "a": 1}"#).as_deref(),
            Some(r#"{"a":1}"#)
        );
        assert_eq!(
            read(r#"{"a": 1, "$type": "x"}"#).as_deref(),
            Some(r#"{"a":1,"$type":"x"}"#)
        );
        assert_eq!(read("\"\"").as_deref(), Some("\"\""));
    }
}
