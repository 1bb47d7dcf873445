//! The fields of each kind of event, for reading and writing alike.
//!
//! Kinds that the extension never writes (those of entities in newer protocols) keep their kind only.

use durable_protocol::messages::{
    EventType, HistoryEvent, OrchestrationInstance, ParentInstanceInfo, TaskFailureDetails,
};
use serde_json::{Map, Value};

use super::json::{Fields, Reader, Writer};

/// An event in protobuf's JSON form.
pub(super) fn write(event: &HistoryEvent) -> Map<String, Value> {
    let mut event = event.clone();
    let mut writer = Writer::default();
    // Ids of 0 are written too: a reader of the file should not have to know that they are the default.
    writer.set("eventId", Value::from(event.event_id));
    writer.time("timestamp", &mut event.timestamp);
    if let Some(kind) = &mut event.event_type {
        writer.object(name(kind), |inner| fields(kind, inner));
    }
    writer.into_fields()
}

/// The event in protobuf's JSON form.
pub(super) fn read(value: &Value) -> Result<HistoryEvent, String> {
    let Value::Object(map) = value else {
        return Err("it is not a JSON object".to_owned());
    };
    let mut reader = Reader::new(map);
    let mut event = HistoryEvent::default();
    reader.int("eventId", &mut event.event_id);
    reader.time("timestamp", &mut event.timestamp);
    let Some(mut kind) = map.keys().find_map(|key| of_name(key)) else {
        return Err("it has no kind that is known".to_owned());
    };
    reader.object(name(&kind), |inner| fields(&mut kind, inner));
    event.event_type = Some(kind);
    reader.finish().map(|()| event)
}

/// The kinds with their names in protobuf's JSON form.
macro_rules! kinds {
    ($($name:literal => $variant:ident,)*) => {
        fn name(kind: &EventType) -> &'static str {
            match kind {
                $(EventType::$variant(_) => $name,)*
            }
        }

        fn of_name(name: &str) -> Option<EventType> {
            match name {
                $($name => Some(EventType::$variant(Default::default())),)*
                _ => None,
            }
        }
    };
}

kinds! {
    "executionStarted" => ExecutionStarted,
    "executionCompleted" => ExecutionCompleted,
    "executionTerminated" => ExecutionTerminated,
    "taskScheduled" => TaskScheduled,
    "taskCompleted" => TaskCompleted,
    "taskFailed" => TaskFailed,
    "subOrchestrationInstanceCreated" => SubOrchestrationInstanceCreated,
    "subOrchestrationInstanceCompleted" => SubOrchestrationInstanceCompleted,
    "subOrchestrationInstanceFailed" => SubOrchestrationInstanceFailed,
    "timerCreated" => TimerCreated,
    "timerFired" => TimerFired,
    "orchestratorStarted" => OrchestratorStarted,
    "orchestratorCompleted" => OrchestratorCompleted,
    "eventSent" => EventSent,
    "eventRaised" => EventRaised,
    "genericEvent" => GenericEvent,
    "historyState" => HistoryState,
    "continueAsNew" => ContinueAsNew,
    "executionSuspended" => ExecutionSuspended,
    "executionResumed" => ExecutionResumed,
    "entityOperationSignaled" => EntityOperationSignaled,
    "entityOperationCalled" => EntityOperationCalled,
    "entityOperationCompleted" => EntityOperationCompleted,
    "entityOperationFailed" => EntityOperationFailed,
    "entityLockRequested" => EntityLockRequested,
    "entityLockGranted" => EntityLockGranted,
    "entityUnlockSent" => EntityUnlockSent,
    "executionRewound" => ExecutionRewound,
}

fn fields(kind: &mut EventType, it: &mut impl Fields) {
    match kind {
        EventType::ExecutionStarted(event) => {
            it.text("name", &mut event.name);
            it.optional_text("version", &mut event.version);
            it.optional_text("input", &mut event.input);
            instance(it, &mut event.orchestration_instance);
            parent(it, &mut event.parent_instance);
            it.time(
                "scheduledStartTimestamp",
                &mut event.scheduled_start_timestamp,
            );
            it.tags("tags", &mut event.tags);
        }
        EventType::ExecutionCompleted(event) => {
            it.status("orchestrationStatus", &mut event.orchestration_status);
            it.optional_text("result", &mut event.result);
            failure(it, "failureDetails", &mut event.failure_details);
        }
        EventType::ExecutionTerminated(event) => {
            it.optional_text("input", &mut event.input);
            it.flag("recurse", &mut event.recurse);
        }
        EventType::TaskScheduled(event) => {
            it.text("name", &mut event.name);
            it.optional_text("version", &mut event.version);
            it.optional_text("input", &mut event.input);
            it.tags("tags", &mut event.tags);
        }
        EventType::TaskCompleted(event) => {
            it.int("taskScheduledId", &mut event.task_scheduled_id);
            it.optional_text("result", &mut event.result);
        }
        EventType::TaskFailed(event) => {
            it.int("taskScheduledId", &mut event.task_scheduled_id);
            failure(it, "failureDetails", &mut event.failure_details);
        }
        EventType::SubOrchestrationInstanceCreated(event) => {
            it.text("instanceId", &mut event.instance_id);
            it.text("name", &mut event.name);
            it.optional_text("version", &mut event.version);
            it.optional_text("input", &mut event.input);
            it.tags("tags", &mut event.tags);
        }
        EventType::SubOrchestrationInstanceCompleted(event) => {
            it.int("taskScheduledId", &mut event.task_scheduled_id);
            it.optional_text("result", &mut event.result);
        }
        EventType::SubOrchestrationInstanceFailed(event) => {
            it.int("taskScheduledId", &mut event.task_scheduled_id);
            failure(it, "failureDetails", &mut event.failure_details);
        }
        EventType::TimerCreated(event) => it.time("fireAt", &mut event.fire_at),
        EventType::TimerFired(event) => {
            it.time("fireAt", &mut event.fire_at);
            it.int("timerId", &mut event.timer_id);
        }
        EventType::EventSent(event) => {
            it.text("instanceId", &mut event.instance_id);
            it.text("name", &mut event.name);
            it.optional_text("input", &mut event.input);
        }
        EventType::EventRaised(event) => {
            it.text("name", &mut event.name);
            it.optional_text("input", &mut event.input);
        }
        EventType::GenericEvent(event) => it.optional_text("data", &mut event.data),
        EventType::ContinueAsNew(event) => it.optional_text("input", &mut event.input),
        EventType::ExecutionSuspended(event) => it.optional_text("input", &mut event.input),
        EventType::ExecutionResumed(event) => it.optional_text("input", &mut event.input),
        EventType::ExecutionRewound(event) => {
            it.optional_text("reason", &mut event.reason);
            it.optional_text("parentExecutionId", &mut event.parent_execution_id);
            it.optional_text("instanceId", &mut event.instance_id);
            it.optional_text("name", &mut event.name);
            it.optional_text("version", &mut event.version);
            it.optional_text("input", &mut event.input);
            parent(it, &mut event.parent_instance);
            it.tags("tags", &mut event.tags);
        }
        _ => {}
    }
}

fn instance(it: &mut impl Fields, value: &mut Option<OrchestrationInstance>) {
    it.message("orchestrationInstance", value, |it, instance| {
        it.text("instanceId", &mut instance.instance_id);
        it.optional_text("executionId", &mut instance.execution_id);
    });
}

fn parent(it: &mut impl Fields, value: &mut Option<ParentInstanceInfo>) {
    it.message("parentInstance", value, |it, parent| {
        it.int("taskScheduledId", &mut parent.task_scheduled_id);
        it.optional_text("name", &mut parent.name);
        it.optional_text("version", &mut parent.version);
        instance(it, &mut parent.orchestration_instance);
    });
}

fn failure(it: &mut impl Fields, name: &str, value: &mut Option<TaskFailureDetails>) {
    it.message(name, value, |it, details| {
        it.text("errorType", &mut details.error_type);
        it.text("errorMessage", &mut details.error_message);
        it.optional_text("stackTrace", &mut details.stack_trace);
        it.flag("isNonRetriable", &mut details.is_non_retriable);
        // `inner_failure` is a box, because a message cannot hold itself.
        let mut inner = details.inner_failure.take().map(|inner| *inner);
        failure(it, "innerFailure", &mut inner);
        details.inner_failure = inner.map(Box::new);
    });
}
