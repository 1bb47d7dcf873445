//! What two engines must agree on: everything in an answer except ids and the wording of failures.

use durable_protocol::messages::{
    CompleteOrchestrationAction, EventType, OrchestrationStatus, OrchestratorAction,
    OrchestratorActionType, OrchestratorResponse, TaskFailureDetails,
};
use serde_json::{Value, json};

use crate::oracle::program::{RETRIED_ACTIVITY, RETRIED_CHILD};
use crate::support::START;

/// Drops what `theirs` asks for after its end: durabletask schedules the retries that results of the same
/// turn lead to, although the orchestrator has ended.
pub(crate) fn without_retries_after_the_end(
    mut theirs: OrchestratorResponse,
    ours: &OrchestratorResponse,
) -> OrchestratorResponse {
    let is_end = |action: &OrchestratorAction| end(action).is_some();
    let Some(place) = theirs.actions.iter().position(is_end) else {
        return theirs;
    };
    if theirs.actions.len() > place + 1 {
        assert!(theirs.actions.split_off(place + 1).iter().all(is_retry));
    }
    // The completion of a continue-as-new is made last.
    let wanted = ours.actions.len().saturating_sub(1);
    if wanted < place && theirs.actions[wanted..place].iter().all(is_retry) {
        theirs.actions.drain(wanted..place);
    }
    theirs
}

fn is_retry(action: &OrchestratorAction) -> bool {
    match action.orchestrator_action_type.as_ref() {
        Some(OrchestratorActionType::ScheduleTask(task)) => task.name == RETRIED_ACTIVITY,
        Some(OrchestratorActionType::CreateSubOrchestration(child)) => child.name == RETRIED_CHILD,
        Some(OrchestratorActionType::CreateTimer(_)) => true,
        _ => false,
    }
}

pub(crate) fn end(action: &OrchestratorAction) -> Option<&CompleteOrchestrationAction> {
    match action.orchestrator_action_type.as_ref()? {
        OrchestratorActionType::CompleteOrchestration(end) => Some(end),
        _ => None,
    }
}

/// The answer in a form that is equal for equal decisions.
pub(crate) fn normalised(answer: &OrchestratorResponse) -> Value {
    if let Some(end) = answer.actions.last().and_then(end)
        && let Some(failure) = &end.failure_details
        && is_non_determinism(failure)
    {
        // What changed code asks for besides is dropped here and sent by durabletask.
        return json!("non-determinism");
    }
    let actions: Vec<_> = answer.actions.iter().map(action).collect();
    json!({ "actions": actions, "status": parsed(answer.custom_status.as_deref()) })
}

pub(crate) fn is_non_determinism(failure: &TaskFailureDetails) -> bool {
    failure.error_type == "NonDeterminism" || failure.error_type.ends_with("NonDeterminismError")
}

fn action(action: &OrchestratorAction) -> Value {
    match action.orchestrator_action_type.as_ref().unwrap() {
        OrchestratorActionType::ScheduleTask(task) => json!({
            "call": task.name,
            "input": parsed(task.input.as_deref()),
            "tags": task.tags,
            "version": task.version,
        }),
        OrchestratorActionType::CreateSubOrchestration(child) => json!({
            "child": child.name,
            "id": given(&child.instance_id),
            "input": parsed(child.input.as_deref()),
            "version": child.version,
        }),
        OrchestratorActionType::CreateTimer(timer) => {
            let at = timer.fire_at.unwrap();
            json!({ "timer": [at.seconds - START, at.nanos] })
        }
        OrchestratorActionType::SendEvent(sent) => json!({
            "send": sent.name,
            "to": sent.instance.as_ref().map(|to| &to.instance_id),
            "data": parsed(sent.data.as_deref()),
        }),
        OrchestratorActionType::CompleteOrchestration(end) => completion(end),
        other => panic!("an action that no program asks for: {other:?}"),
    }
}

fn completion(end: &CompleteOrchestrationAction) -> Value {
    let status = OrchestrationStatus::try_from(end.orchestration_status).unwrap();
    // durabletask carries events over grouped by their case-folded names, we in the order of
    // arrival: the same for each name.
    let mut carried: Vec<_> = end
        .carryover_events
        .iter()
        .map(|event| match event.event_type.as_ref().unwrap() {
            EventType::EventRaised(raised) => {
                (raised.name.to_lowercase(), parsed(raised.input.as_deref()))
            }
            other => panic!("the host carries no such event over: {other:?}"),
        })
        .collect();
    carried.sort_by(|a, b| a.0.cmp(&b.0));
    json!({
        "end": format!("{status:?}"),
        "result": parsed(end.result.as_deref()),
        "failure": end.failure_details.as_ref().map(failure),
        "carried": carried,
    })
}

/// Whose failure it is, and its text without the frame that names the task.
fn failure(details: &TaskFailureDetails) -> Value {
    let message = details.error_message.as_str();
    match message.split_once(" failed: ") {
        Some((task, text)) => {
            let task = task.to_lowercase();
            let whose = ["sub-orchestration", "activity"]
                .into_iter()
                .find(|kind| task.contains(kind));
            json!([whose, text])
        }
        None => {
            let kind = details.error_type.rsplit('.').next();
            json!([kind, message])
        }
    }
}

/// The id of a child that the program chose. Generated ids differ between the engines.
fn given(id: &str) -> &str {
    assert!(
        !id.is_empty(),
        "the host repeats the message of an empty instance id without end"
    );
    let generated = id.rsplit_once(':').is_some_and(|(_, number)| {
        number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    if generated { "<generated>" } else { id }
}

/// JSON by its meaning; absent is null.
fn parsed(json: Option<&str>) -> Value {
    json.map_or(Value::Null, |json| {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json} is no JSON: {error}"))
    })
}
