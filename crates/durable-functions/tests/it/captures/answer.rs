//! Answers as lines of text, one for each action, so that two can be compared and read.

use std::collections::BTreeMap;

use durable_protocol::messages::{
    CompleteOrchestrationAction, EventType, HistoryEvent, OrchestrationStatus, OrchestratorAction,
    OrchestratorActionType, OrchestratorResponse, TaskFailureDetails,
};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What our failures do not have, inside JSON: in the recorded worker's own form, and in that of the
/// replies of entities.
const STACK_TRACE: [&str; 2] = ["stackTrace", "StackTrace"];
const PROPERTIES: [&str; 2] = ["properties", "Properties"];

/// How much of an answer can be compared. What the recorded worker could not express is left out of
/// ours; everything else must be equal.
#[derive(Default)]
pub(crate) struct Form {
    /// The recorded worker's clock had milliseconds, ours has the host's 100 ns.
    whole_milliseconds: bool,
    /// The recorded orchestrator put stack traces (its own and .NET's) into its result. Our failures
    /// have none.
    stack_traces: bool,
}

impl Form {
    pub(crate) fn of(recorded: &OrchestratorResponse) -> Self {
        let actions = || {
            let actions = recorded.actions.iter();
            actions.filter_map(|action| action.orchestrator_action_type.as_ref())
        };
        Form {
            whole_milliseconds: actions().all(|action| match action {
                OrchestratorActionType::CreateTimer(timer) => {
                    timer.fire_at.is_none_or(|time| time.nanos % 1_000_000 == 0)
                }
                _ => true,
            }),
            stack_traces: actions().any(|action| match action {
                OrchestratorActionType::CompleteOrchestration(end) => {
                    end.result.as_deref().is_some_and(has_stack_traces)
                }
                _ => false,
            }),
        }
    }

    /// All that the host reads of an answer, which is not the instance id.
    pub(crate) fn describe(&self, answer: &OrchestratorResponse) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(status) = &answer.custom_status {
            lines.push(format!("status {status}"));
        }
        if answer.requires_history {
            lines.push("requires history".to_owned());
        }
        lines.extend(answer.actions.iter().map(|action| self.action(action)));
        lines
    }

    fn action(&self, action: &OrchestratorAction) -> String {
        let id = action.id;
        match action.orchestrator_action_type.as_ref() {
            Some(OrchestratorActionType::ScheduleTask(task)) => {
                let mut line = format!("#{id} activity {} {}", task.name, payload(&task.input));
                push(&mut line, "version", &task.version);
                push_tags(&mut line, &task.tags);
                line
            }
            Some(OrchestratorActionType::CreateSubOrchestration(child)) => {
                let mut line = format!(
                    "#{id} child '{}' {} {}",
                    child.instance_id,
                    child.name,
                    payload(&child.input)
                );
                push(&mut line, "version", &child.version);
                push_tags(&mut line, &child.tags);
                line
            }
            Some(OrchestratorActionType::CreateTimer(timer)) => {
                format!("#{id} timer {}", self.time(timer.fire_at))
            }
            Some(OrchestratorActionType::SendEvent(sent)) => {
                let target = sent.instance.as_ref().map(|target| &target.instance_id);
                let data = payload(&sent.data);
                format!("#{id} event {} to {target:?} {data}", sent.name)
            }
            Some(OrchestratorActionType::CompleteOrchestration(end)) => {
                format!("#{id} {}", self.completion(end))
            }
            other => format!("#{id} {other:?}"),
        }
    }

    fn completion(&self, end: &CompleteOrchestrationAction) -> String {
        let status = OrchestrationStatus::try_from(end.orchestration_status).unwrap();
        let result = match &end.result {
            Some(result) if self.stack_traces => without_stack_traces(result),
            result => payload(result).to_owned(),
        };
        let mut line = format!("{status:?} {result}");
        push(&mut line, "details", &end.details);
        push(&mut line, "version", &end.new_version);
        push_tags(&mut line, &end.tags);
        let mut failure = end.failure_details.as_ref();
        while let Some(details) = failure {
            line.push_str(&describe_failure(details));
            failure = details.inner_failure.as_deref();
        }
        end.carryover_events
            .iter()
            .for_each(|event| line.push_str(&carried(event)));
        line
    }

    fn time(&self, time: Option<prost_types::Timestamp>) -> String {
        let Some(time) = time else {
            return "-".to_owned();
        };
        let mut nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        if self.whole_milliseconds {
            nanos -= nanos.rem_euclid(1_000_000);
        }
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
        time.format(&Rfc3339).unwrap()
    }
}

/// Stack trace and properties are left out: our failures have neither.
pub(crate) fn describe_failure(failure: &TaskFailureDetails) -> String {
    let flag = if failure.is_non_retriable {
        " (non-retriable)"
    } else {
        ""
    };
    format!("; {}: {}{flag}", failure.error_type, failure.error_message)
}

/// Only the time is left out: the worker chooses it.
fn carried(event: &HistoryEvent) -> String {
    match event.event_type.as_ref().unwrap() {
        EventType::EventRaised(raised) => {
            format!(", carries {} {}", raised.name, payload(&raised.input))
        }
        other => panic!("only raised events are carried over: {other:?}"),
    }
}

pub(crate) fn payload(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or("-")
}

pub(crate) fn push(line: &mut String, name: &str, value: &Option<String>) {
    if let Some(value) = value {
        line.push_str(&format!(" {name} '{value}'"));
    }
}

fn push_tags(line: &mut String, tags: &BTreeMap<String, String>) {
    if !tags.is_empty() {
        line.push_str(&format!(" tags {tags:?}"));
    }
}

fn has_stack_traces(json: &str) -> bool {
    let mut keys = STACK_TRACE.iter();
    keys.any(|key| json.contains(&format!(r#""{key}":"#)))
}

/// In an order that does not depend on how this build of serde_json keeps objects.
fn without_stack_traces(json: &str) -> String {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                let kept = std::mem::take(members).into_iter();
                let kept = kept.filter(|(key, _)| {
                    ![STACK_TRACE, PROPERTIES]
                        .as_flattened()
                        .contains(&key.as_str())
                });
                members.extend(kept.collect::<BTreeMap<_, _>>());
                members.values_mut().for_each(strip);
            }
            Value::Array(elements) => elements.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(json).unwrap();
    strip(&mut value);
    value.to_string()
}
