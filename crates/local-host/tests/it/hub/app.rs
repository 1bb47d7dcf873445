//! The activities of a recorded app: which turn gets which result, and the functions of the app.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{EventType, HistoryEvent, OrchestratorActionType};
use local_host::hub::{DurableFunction, DurableKind};
use serde_json::{Map, Value};

use super::fixture::{Answer, Exchange, Fixture};
use super::script::{Script, decoded};
use super::support::decode_request;

/// The hub runs at least this number of activities at a time.
const PLACES: usize = 10;

pub(crate) struct Activity {
    pub(crate) function: String,
    pub(crate) data: Map<String, Value>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) answer: Answer,
    /// The instance and the turn that gets the result; the answer waits for the turns before it.
    pub(crate) gate: Option<(String, usize)>,
    pub(crate) used: bool,
}

/// Which turn gets the result of which activity.
pub(crate) fn assign_gates(scripts: &HashMap<String, Script>, activities: &mut [Activity]) {
    let mut taken: Vec<(String, usize, i32, usize)> = Vec::new();
    for activity in activities {
        'search: for (id, script) in scripts {
            for (index, turn) in script.turns.iter().enumerate() {
                let Some(decoded) = decoded(&turn.answer) else {
                    continue;
                };
                for (position, action) in decoded.actions.iter().enumerate() {
                    let Some(OrchestratorActionType::ScheduleTask(task)) =
                        &action.orchestrator_action_type
                    else {
                        continue;
                    };
                    let key = (id.clone(), index, action.id, position);
                    let instance = activity.metadata["instanceId"].as_str().unwrap();
                    let mine = instance == format!("\"{id}\"") || instance == "\"evil\"";
                    if !mine || taken.contains(&key) || !same_input(task.input.as_deref(), activity)
                    {
                        continue;
                    }
                    let reader = script.turns.iter().skip(index + 1).position(|later| {
                        later.execution == turn.execution
                            && later
                                .request
                                .new_events
                                .iter()
                                .any(|event| is_result(event, action.id))
                    });
                    // A waiting answer occupies a place. With more activities than places, those it waits for
                    // could not run, so none waits then.
                    let gate = if decoded.actions.len() > PLACES {
                        0
                    } else {
                        reader.map_or(script.turns.len(), |at| at + index + 1)
                    };
                    activity.gate = Some((id.clone(), gate));
                    taken.push(key);
                    break 'search;
                }
            }
        }
        assert!(activity.gate.is_some(), "nobody scheduled this activity");
    }
}

pub(crate) fn same_input(input: Option<&str>, activity: &Activity) -> bool {
    let sent: Value = serde_json::from_str(activity.data["input"].as_str().unwrap()).unwrap();
    match (input, sent.as_str()) {
        (None, None) => true,
        (Some(input), Some(sent)) => {
            let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
            parse(input).is_some_and(|input| parse(sent).is_some_and(|sent| same(&input, &sent)))
        }
        _ => false,
    }
}

pub(crate) fn is_result(event: &HistoryEvent, id: i32) -> bool {
    match &event.event_type {
        Some(EventType::TaskCompleted(completed)) => completed.task_scheduled_id == id,
        Some(EventType::TaskFailed(failed)) => failed.task_scheduled_id == id,
        _ => false,
    }
}

pub(crate) fn same_members(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    same(&Value::Object(a.clone()), &Value::Object(b.clone()))
}

/// Whether two values are equal. The recorder stored numbers as doubles.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, value)| b.get(name).is_some_and(|other| same(value, other)))
        }
        (a, b) => a == b,
    }
}

/// The functions that the recorded app had, as far as the case shows.
pub(crate) fn functions(fixture: &Fixture) -> Vec<DurableFunction> {
    let mut functions: Vec<DurableFunction> = Vec::new();
    let mut scheduled: Vec<String> = Vec::new();
    let mut add = |folder: &str, name: String, kind, binding: &str| {
        let function = DurableFunction {
            folder: folder.to_owned(),
            name,
            kind,
            binding: binding.to_owned(),
            inputs: Vec::new(),
        };
        if !functions
            .iter()
            .any(|it| it.kind == kind && it.folder == function.folder)
        {
            functions.push(function);
        }
    };
    for name in &fixture.entities {
        add(name, name.clone(), DurableKind::Entity, "entity");
    }
    for exchange in &fixture.exchanges {
        if let Exchange::Turn {
            function,
            request,
            answer,
            ..
        } = exchange
        {
            let request = decode_request(&STANDARD.decode(request).unwrap());
            let name =
                super::support::history(&request).find_map(|event| match &event.event_type {
                    Some(EventType::ExecutionStarted(started)) => Some(started.name.clone()),
                    _ => None,
                });
            add(
                function,
                name.unwrap(),
                DurableKind::Orchestrator,
                "context",
            );
            for action in decoded(answer).unwrap_or_default().actions {
                if let Some(OrchestratorActionType::ScheduleTask(task)) =
                    action.orchestrator_action_type
                {
                    scheduled.push(task.name);
                }
            }
        }
    }
    for exchange in &fixture.exchanges {
        if let Exchange::Activity { function, .. } = exchange {
            let same = scheduled
                .iter()
                .find(|name| name.eq_ignore_ascii_case(function));
            // A function whose binding gives it another name.
            let other = scheduled.iter().find(|name| name.starts_with("renamed"));
            let name = same.or(other).unwrap().clone();
            add(function, name, DurableKind::Activity, "input");
        }
    }
    functions
}
