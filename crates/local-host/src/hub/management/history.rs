//! `historyEvents` of a status: the history in the form of the extension, with its members in their order.
//!
//! An outcome takes the place of the event that scheduled it, and says when that was. What is scheduled and has no
//! outcome stays.

use std::collections::HashMap;

use durable_protocol::messages::{EventType, HistoryEvent, TaskFailureDetails};
use prost_types::value::Kind;

use super::status::{moment, stored};
use crate::hub::Extension;
use crate::json::{Json, JsonObject, parse_payload};

/// What to show.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) inputs: bool,
    pub(super) outputs: bool,
    pub(super) extension: Extension,
}

/// `None` when an action id was used twice: a real host cannot show such a history.
pub(super) fn events(history: &[HistoryEvent], shown: Shown) -> Option<Vec<Json>> {
    let mut list: Vec<Option<JsonObject>> = Vec::new();
    let mut scheduled: HashMap<(bool, i32), Scheduled> = HashMap::new();
    for event in history {
        let Some(kind) = &event.event_type else {
            continue;
        };
        let mut out = JsonObject::new();
        match kind {
            EventType::TaskScheduled(task) => {
                out.insert("EventType", "TaskScheduled");
                out.insert("Name", task.name.as_str());
                shown.input(&mut out, task.input.as_deref());
                out.insert("ParentTraceContext", Json::Null);
                out.insert("Tags", tags(&task.tags));
                let one = Scheduled::new(list.len(), event, &task.name, task.input.clone());
                if scheduled.insert((false, event.event_id), one).is_some() {
                    return None;
                }
            }
            EventType::SubOrchestrationInstanceCreated(child) => {
                out.insert("EventType", "SubOrchestrationInstanceCreated");
                out.insert("Name", child.name.as_str());
                out.insert("InstanceId", child.instance_id.as_str());
                shown.input(&mut out, child.input.as_deref());
                out.insert("ClientSpanId", Json::Null);
                out.insert("Tags", tags(&child.tags));
                let one = Scheduled {
                    child: Some(child.instance_id.clone()),
                    ..Scheduled::new(list.len(), event, &child.name, child.input.clone())
                };
                if scheduled.insert((true, event.event_id), one).is_some() {
                    return None;
                }
            }
            EventType::TaskCompleted(done) => {
                let begun = scheduled.get(&(false, done.task_scheduled_id));
                out.insert("EventType", "TaskCompleted");
                shown.result(&mut out, done.result.as_deref());
                finish(&mut list, &mut out, event, begun, shown);
                list.push(Some(out));
                continue;
            }
            EventType::TaskFailed(failed) => {
                let begun = scheduled.get(&(false, failed.task_scheduled_id));
                out.insert("EventType", "TaskFailed");
                let name = begun.map_or("", |it| it.name.as_str());
                let details = failed.failure_details.as_ref();
                let reason = format!("Function '{name}' failed with an unhandled exception.");
                out.insert("Reason", details.map_or(Json::Null, |_| reason.into()));
                out.insert("Details", Json::Null);
                out.insert("FailureDetails", failure(details, true));
                finish(&mut list, &mut out, event, begun, shown);
                list.push(Some(out));
                continue;
            }
            EventType::SubOrchestrationInstanceCompleted(done) => {
                let begun = scheduled.get(&(true, done.task_scheduled_id));
                out.insert("EventType", "SubOrchestrationInstanceCompleted");
                shown.result(&mut out, done.result.as_deref());
                finish(&mut list, &mut out, event, begun, shown);
                list.push(Some(out));
                continue;
            }
            EventType::SubOrchestrationInstanceFailed(failed) => {
                let begun = scheduled.get(&(true, failed.task_scheduled_id));
                out.insert("EventType", "SubOrchestrationInstanceFailed");
                out.insert("Reason", Json::Null);
                out.insert("Details", Json::Null);
                out.insert(
                    "FailureDetails",
                    failure(failed.failure_details.as_ref(), false),
                );
                finish(&mut list, &mut out, event, begun, shown);
                list.push(Some(out));
                continue;
            }
            other => {
                if !plain(other, &mut out, event, shown) {
                    continue;
                }
                list.push(Some(out));
                continue;
            }
        }
        out.insert("Timestamp", moment(event.timestamp));
        list.push(Some(out));
    }
    Some(list.into_iter().flatten().map(Json::Object).collect())
}

/// Something that an outcome is expected for.
struct Scheduled {
    place: usize,
    at: Option<prost_types::Timestamp>,
    name: String,
    input: Option<String>,
    child: Option<String>,
}

impl Scheduled {
    fn new(place: usize, event: &HistoryEvent, name: &str, input: Option<String>) -> Self {
        Self {
            place,
            at: event.timestamp,
            name: name.to_owned(),
            input,
            child: None,
        }
    }
}

/// Adds what the scheduled event says, and removes that event.
fn finish(
    list: &mut [Option<JsonObject>],
    out: &mut JsonObject,
    event: &HistoryEvent,
    begun: Option<&Scheduled>,
    shown: Shown,
) {
    out.insert("Timestamp", moment(event.timestamp));
    let Some(begun) = begun else {
        return;
    };
    if let Some(scheduled) = list.get_mut(begun.place) {
        *scheduled = None;
    }
    let at = moment(begun.at);
    out.insert(
        "ScheduledTime",
        format!("{}+00:00", at.trim_end_matches('Z')),
    );
    out.insert("FunctionName", begun.name.as_str());
    if let Some(child) = &begun.child
        && shown.extension >= Extension::V3_19
    {
        out.insert("InstanceId", child.as_str());
    }
    shown.input(out, begun.input.as_deref());
}

/// Events that stand for themselves. `false` for those that are not shown.
fn plain(kind: &EventType, out: &mut JsonObject, event: &HistoryEvent, shown: Shown) -> bool {
    let time = moment(event.timestamp);
    match kind {
        EventType::ExecutionStarted(start) => {
            out.insert("EventType", "ExecutionStarted");
            shown.input(out, start.input.as_deref());
            out.insert("Correlation", Json::Null);
            out.insert("ParentTraceContext", Json::Null);
            let scheduled = start.scheduled_start_timestamp;
            let scheduled = scheduled.map_or(Json::Null, |time| moment(Some(time)).into());
            out.insert("ScheduledStartTime", scheduled);
            out.insert("Generation", 0_u64);
            out.insert("GenerateNewTrace", false);
            out.insert("Timestamp", time);
            out.insert("FunctionName", start.name.as_str());
            return true;
        }
        EventType::GenericEvent(generic) => {
            out.insert("Data", text(generic.data.as_deref()));
            out.insert("EventType", "GenericEvent");
        }
        EventType::ExecutionCompleted(end) => {
            out.insert("EventType", "ExecutionCompleted");
            out.insert("OrchestrationStatus", end.orchestration_status().as_str());
            shown.result(out, end.result.as_deref());
            out.insert(
                "FailureDetails",
                failure(end.failure_details.as_ref(), false),
            );
        }
        EventType::ExecutionTerminated(end) => {
            out.insert("EventType", "ExecutionTerminated");
            shown.input(out, end.input.as_deref());
        }
        EventType::ExecutionSuspended(change) => {
            out.insert("EventType", "ExecutionSuspended");
            out.insert("Reason", text(change.input.as_deref()));
        }
        EventType::ExecutionResumed(change) => {
            out.insert("EventType", "ExecutionResumed");
            out.insert("Reason", text(change.input.as_deref()));
        }
        EventType::TimerCreated(timer) => {
            out.insert("EventType", "TimerCreated");
            out.insert("FireAt", moment(timer.fire_at));
        }
        EventType::TimerFired(timer) => {
            out.insert("EventType", "TimerFired");
            out.insert("FireAt", moment(timer.fire_at));
        }
        EventType::EventSent(sent) => {
            out.insert("EventType", "EventSent");
            out.insert("InstanceId", sent.instance_id.as_str());
            out.insert("Name", sent.name.as_str());
            shown.input(out, sent.input.as_deref());
        }
        EventType::EventRaised(raised) => {
            out.insert("EventType", "EventRaised");
            out.insert("Name", raised.name.as_str());
            shown.input(out, raised.input.as_deref());
            out.insert("ParentTraceContext", Json::Null);
        }
        EventType::ContinueAsNew(end) => {
            out.insert("EventType", "ContinueAsNew");
            shown.result(out, end.input.as_deref());
        }
        _ => return false,
    }
    out.insert("Timestamp", time);
    true
}

impl Shown {
    /// Inputs are texts.
    fn input(self, out: &mut JsonObject, input: Option<&str>) {
        if self.inputs {
            out.insert("Input", text(input));
        }
    }

    /// Results are JSON.
    fn result(self, out: &mut JsonObject, result: Option<&str>) {
        if self.outputs {
            out.insert("Result", stored(result));
        }
    }
}

fn text(text: Option<&str>) -> Json {
    text.map_or(Json::Null, Json::from)
}

fn tags(tags: &std::collections::BTreeMap<String, String>) -> JsonObject {
    JsonObject::from_iter(
        tags.iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
}

/// `of_host`: the host itself made it of an exception, which has no properties.
fn failure(details: Option<&TaskFailureDetails>, of_host: bool) -> Json {
    let Some(details) = details else {
        return Json::Null;
    };
    let mut out = JsonObject::new();
    out.insert("ErrorType", details.error_type.as_str());
    out.insert("ErrorMessage", details.error_message.as_str());
    out.insert("StackTrace", text(details.stack_trace.as_deref()));
    let inner = failure(details.inner_failure.as_deref(), of_host);
    out.insert("InnerFailure", inner);
    out.insert("IsNonRetriable", details.is_non_retriable);
    let properties = details.properties.iter();
    let properties: JsonObject = properties
        .map(|(name, value)| (name.as_str(), property(value)))
        .collect();
    let properties = if of_host {
        Json::Null
    } else {
        Json::Object(properties)
    };
    out.insert("Properties", properties);
    Json::Object(out)
}

fn property(value: &prost_types::Value) -> Json {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(*value),
        // Every number is a double, also one without a fraction.
        Some(Kind::NumberValue(number)) => {
            parse_payload(&format!("{number:?}")).unwrap_or(Json::Null)
        }
        Some(Kind::StringValue(text)) => Json::from(text.as_str()),
        Some(Kind::ListValue(list)) => Json::Array(list.values.iter().map(property).collect()),
        Some(Kind::StructValue(object)) => {
            let members = object.fields.iter();
            Json::Object(
                members
                    .map(|(name, value)| (name.as_str(), property(value)))
                    .collect(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use durable_protocol::messages::TaskScheduledEvent;

    use super::*;

    /// As on a real host, which fails the whole request.
    #[test]
    fn a_history_in_which_an_action_id_comes_twice_cannot_be_shown() {
        let scheduled = |event_id| HistoryEvent {
            event_id,
            timestamp: None,
            event_type: Some(EventType::TaskScheduled(
                TaskScheduledEvent::default().into(),
            )),
        };
        let shown = Shown {
            inputs: true,
            outputs: true,
            extension: Extension::V3_19,
        };
        assert!(events(&[scheduled(0), scheduled(1)], shown).is_some());
        assert!(events(&[scheduled(0), scheduled(0)], shown).is_none());
    }
}
