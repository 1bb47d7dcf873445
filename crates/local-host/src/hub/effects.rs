//! Carries out what a persisted turn decided: activities, timers, sub-orchestrations, events.

use std::sync::Arc;

use durable_protocol::messages::{
    CreateSubOrchestrationAction, EventType, ExecutionStartedEvent, OrchestrationInstance,
    ParentInstanceInfo,
};
use uuid::Uuid;

use super::actions::Effect;
use super::instance::{Delivery, Instance, Message, blocks_start};
use super::{Inner, activity, clock, events, timers};
use crate::log::LogLevel;

/// `start` is the start of the execution that decided.
pub(super) fn carry_out(
    hub: &Arc<Inner>,
    instance: &Arc<Instance>,
    execution: &str,
    start: &ExecutionStartedEvent,
    effect: Effect,
) {
    match effect {
        Effect::Activity { id, name, input } => {
            let task = activity::Task {
                instance_id: instance.id.clone(),
                execution: execution.to_owned(),
                id,
                name,
                input,
            };
            hub.spawn(activity::run(Arc::clone(hub), task));
        }
        Effect::Timer {
            id,
            created,
            fire_at,
        } => {
            let message = Message {
                execution: Some(execution.to_owned()),
                event: events::timer_fired(created, id, fire_at),
            };
            timers::set(hub, instance, execution, fire_at, message);
        }
        Effect::Child { id, action } => start_child(hub, instance, execution, start, id, *action),
        Effect::Event { target, event } => send_event(hub, instance, target, event),
        Effect::Entity { id, message } => hub.deliver_to_entity(&id, message),
    }
}

fn start_child(
    hub: &Arc<Inner>,
    parent: &Instance,
    execution: &str,
    parent_start: &ExecutionStartedEvent,
    id: i32,
    action: CreateSubOrchestrationAction,
) {
    // The parent's tags are inherited; the child's own value wins.
    let mut tags = parent_start.tags.clone();
    tags.extend(action.tags);
    let child = action.instance_id;
    let start = ExecutionStartedEvent {
        name: action.name,
        version: action.version,
        input: action.input,
        orchestration_instance: Some(OrchestrationInstance {
            instance_id: child.clone(),
            execution_id: Some(Uuid::new_v4().simple().to_string()),
        }),
        parent_instance: Some(ParentInstanceInfo {
            task_scheduled_id: id,
            name: Some(parent_start.name.clone()),
            version: parent_start.version.clone(),
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: parent.id.clone(),
                execution_id: Some(execution.to_owned()),
            }),
        }),
        tags,
        ..ExecutionStartedEvent::default()
    };
    if hub.start(&child, start, blocks_start) {
        return;
    }
    // The id was free when the turn was persisted; it has been taken since.
    hub.log(
        LogLevel::Error,
        format!(
            "Sub-orchestration '{child}' of '{}' was not started: an instance with this id runs. A \
             real host would let the two overwrite each other.",
            parent.id
        ),
    );
    hub.deliver(
        &parent.id,
        Message {
            execution: Some(execution.to_owned()),
            event: events::child_failed(clock::now(), id, None),
        },
    );
}

fn send_event(
    hub: &Arc<Inner>,
    sender: &Instance,
    target: OrchestrationInstance,
    event: durable_protocol::messages::HistoryEvent,
) {
    let name = match &event.event_type {
        Some(EventType::EventRaised(raised)) => raised.name.clone(),
        _ => String::new(),
    };
    let message = Message {
        execution: target.execution_id.filter(|id| !id.is_empty()),
        event,
    };
    let why = match hub.deliver(&target.instance_id, message) {
        Some(Delivery::Start | Delivery::Queued) => return,
        Some(Delivery::Dropped) => "has ended",
        None => "does not exist",
    };
    hub.log(
        LogLevel::Warning,
        format!(
            "Event '{name}' from orchestration '{}' was dropped: its target '{}' {why}. A real host \
             drops it silently.",
            sender.id, target.instance_id
        ),
    );
}
