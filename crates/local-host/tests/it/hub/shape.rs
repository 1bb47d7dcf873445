//! History events without the parts that differ from run to run: times, GUIDs, stack traces.

use durable_protocol::messages::{
    EventType, HistoryEvent, OrchestrationInstance, TaskFailureDetails,
};

pub(crate) fn all(events: &[HistoryEvent]) -> Vec<String> {
    events.iter().map(of).collect()
}

pub(crate) fn of(event: &HistoryEvent) -> String {
    let mut event = event.clone();
    assert!(event.timestamp.take().is_some(), "{event:?} has no time");
    match event.event_type.as_mut().unwrap() {
        EventType::ExecutionStarted(started) => {
            execution(started.orchestration_instance.as_mut());
            if let Some(parent) = started.parent_instance.as_mut() {
                execution(parent.orchestration_instance.as_mut());
            }
            if let Some(time) = started.scheduled_start_timestamp.as_mut() {
                *time = prost_types::Timestamp::default();
            }
        }
        EventType::EventSent(sent) => {
            if let Some(data) = &mut sent.input {
                *data = without_execution(data);
            }
        }
        EventType::TimerCreated(timer) => timer.fire_at = timer.fire_at.take().map(|_| zero()),
        EventType::TimerFired(timer) => timer.fire_at = timer.fire_at.take().map(|_| zero()),
        EventType::TaskFailed(failed) => failure(failed.failure_details.as_mut()),
        EventType::SubOrchestrationInstanceFailed(failed) => {
            failure(failed.failure_details.as_mut());
        }
        _ => {}
    }
    format!("{event:?}")
}

fn zero() -> prost_types::Timestamp {
    prost_types::Timestamp::default()
}

/// The data of a message to an entity names the execution that sent it.
fn without_execution(data: &str) -> String {
    const NAME: &str = "\"parentExecution\":\"";
    match data.split_once(NAME) {
        Some((before, after)) => {
            let (_, rest) = after.split_once('"').unwrap();
            format!("{before}{NAME}\"{rest}")
        }
        None => data.to_owned(),
    }
}

/// Keeps the form of an execution id: with hyphens or without.
fn execution(instance: Option<&mut OrchestrationInstance>) {
    if let Some(id) = instance.and_then(|it| it.execution_id.as_mut()) {
        *id = match (id.len(), id.contains('-')) {
            (36, true) => "GUID with hyphens".to_owned(),
            (32, false) => "32 hex digits".to_owned(),
            _ => panic!("an odd execution id: {id}"),
        };
    }
}

/// The messages of the host and of its JSON library stay; those of the .NET runtime do not.
fn failure(details: Option<&mut TaskFailureDetails>) {
    let Some(details) = details else { return };
    // Only the host's failures have .NET stack traces.
    if details.error_type.starts_with("Microsoft.") || details.error_type.starts_with("System.") {
        details.stack_trace = None;
    }
    if details.error_type.starts_with("Newtonsoft.") {
        details.stack_trace = None;
    }
    if details.error_type == "System.Net.Http.HttpIOException" {
        details.error_message.clear();
    }
    failure(details.inner_failure.as_deref_mut());
}
