//! Persists a turn and carries out what it decided.

use std::sync::Arc;

use durable_protocol::messages::{
    EventType, ExecutionCompletedEvent, ExecutionStartedEvent, HistoryEvent, OrchestrationInstance,
    OrchestrationState, OrchestrationStatus, ParentInstanceInfo,
};
use prost_types::Timestamp;
use uuid::Uuid;

use super::actions::{Completion, Plan};
use super::failure::HostFailure;
use super::history::NewEvents;
use super::instance::{Instance, Message, Turn, Work};
use super::{Inner, clock, effects, events};
use crate::log::LogLevel;

/// A turn that the orchestrator decided.
pub(super) fn decided(
    hub: &Arc<Inner>,
    instance: &Arc<Instance>,
    turn: Turn,
    plan: Plan,
    custom_status: Option<String>,
) {
    let now = clock::later(clock::now(), turn.began);
    // A turn without a custom status resets it; storage shows the text `null`.
    let custom_status = Some(custom_status.unwrap_or_else(|| "null".to_owned()));
    let parent = turn.start.parent_instance.clone();
    let mut unread = Vec::new();
    let ended = {
        let Some(mut work) = instance.work_of(&turn) else {
            report_void(hub, instance, &turn);
            return;
        };
        persist(&mut work, turn.events, &turn.messages, &plan.events, now);
        match plan.completion {
            None => {
                instance.update(|state| {
                    state.last_updated_timestamp = Some(now);
                    state.custom_status = custom_status;
                    update_running(state, &turn.messages);
                });
                None
            }
            Some(end) if end.status == OrchestrationStatus::ContinuedAsNew => {
                continue_as_new(instance, &mut work, &turn.start, end, custom_status, now);
                None
            }
            Some(end) => {
                unread = work.end(end.status);
                instance.update(|state| {
                    state.last_updated_timestamp = Some(now);
                    state.custom_status = custom_status;
                    state.set_orchestration_status(end.status);
                    state.output = output(&end);
                });
                Some(end)
            }
        }
    };
    for effect in plan.effects {
        effects::carry_out(hub, instance, &turn.execution, &turn.start, effect);
    }
    if let Some(end) = ended {
        report_unread(hub, &instance.id, &unread);
        if end.status == OrchestrationStatus::Failed {
            hub.log(
                LogLevel::Warning,
                format!(
                    "Orchestration '{}' ({}) failed: {}",
                    instance.id,
                    turn.start.name,
                    output(&end).unwrap_or_default()
                ),
            );
        }
        if let Some(parent) = parent {
            notify_parent(hub, &instance.id, &parent, end, now);
        }
    }
}

/// An instance that the host fails.
pub(super) fn failed(
    hub: &Arc<Inner>,
    instance: &Arc<Instance>,
    turn: Turn,
    failure: &HostFailure,
) {
    let now = clock::later(clock::now(), turn.began);
    // Numbered as an action: a real host does so.
    let completed = events::event(
        0,
        now,
        EventType::ExecutionCompleted(Box::new(ExecutionCompletedEvent {
            orchestration_status: OrchestrationStatus::Failed.into(),
            result: Some(failure.output()),
            failure_details: None,
        })),
    );
    let unread = {
        let Some(mut work) = instance.work_of(&turn) else {
            report_void(hub, instance, &turn);
            return;
        };
        persist(&mut work, turn.events, &turn.messages, &[completed], now);
        let unread = work.end(OrchestrationStatus::Failed);
        instance.update(|state| {
            state.last_updated_timestamp = Some(now);
            state.custom_status = Some("null".to_owned());
            state.set_orchestration_status(OrchestrationStatus::Failed);
            state.output = Some(failure.output());
        });
        unread
    };
    hub.log(
        LogLevel::Error,
        format!(
            "Orchestration '{}' ({}) failed: {}",
            instance.id,
            turn.start.name,
            failure.summary()
        ),
    );
    report_unread(hub, &instance.id, &unread);
    if let Some(parent) = &turn.start.parent_instance {
        answer_parent(hub, parent, |task| events::child_failed(now, task, None));
    }
}

/// Logs a turn whose decision is dropped: the execution has ended or was replaced meanwhile.
fn report_void(hub: &Inner, instance: &Instance, turn: &Turn) {
    hub.log(
        LogLevel::Warning,
        format!(
            "A turn of orchestration '{}' ({}) was thrown away: its execution ended while the turn \
             was under way.",
            instance.id, turn.start.name
        ),
    );
}

fn persist(
    work: &mut Work,
    mut events: NewEvents,
    messages: &[Message],
    actions: &[HistoryEvent],
    now: Timestamp,
) {
    for event in actions {
        events.push(event);
    }
    // The first turn of a continued execution has its own `OrchestratorCompleted`; a real host never writes
    // two in a row.
    let marked = actions.is_empty()
        && messages.last().is_some_and(|message| {
            matches!(
                message.event.event_type,
                Some(EventType::OrchestratorCompleted(_))
            )
        });
    if !marked {
        events.push(&events::orchestrator_completed(now));
    }
    work.execution.history.append(events);
}

/// The status after a turn that did not end the execution. Suspend and resume leave their reason in
/// the output, as the Azure Storage provider does.
fn update_running(state: &mut OrchestrationState, messages: &[Message]) {
    for message in messages {
        match &message.event.event_type {
            // Only a start makes an instance Running: one that was rewound stays Pending until it ends.
            Some(EventType::ExecutionStarted(_)) => {
                state.set_orchestration_status(OrchestrationStatus::Running);
            }
            Some(EventType::ExecutionSuspended(event)) => {
                state.set_orchestration_status(OrchestrationStatus::Suspended);
                state.output.clone_from(&event.input);
            }
            Some(EventType::ExecutionResumed(event)) => {
                state.set_orchestration_status(OrchestrationStatus::Running);
                state.output.clone_from(&event.input);
            }
            _ => {}
        }
    }
}

fn output(end: &Completion) -> Option<String> {
    match &end.failure {
        Some(failure) if end.status == OrchestrationStatus::Failed => {
            Some(format!("{}: {}", failure.error_type, failure.error_message))
        }
        _ => end.result.clone(),
    }
}

/// Starts the next execution of the instance. Its first turn has the start, the carried-over events and, as
/// in a real host, an `OrchestratorCompleted` at the end.
fn continue_as_new(
    instance: &Instance,
    work: &mut Work,
    old: &ExecutionStartedEvent,
    end: Completion,
    custom_status: Option<String>,
    now: Timestamp,
) {
    let start = ExecutionStartedEvent {
        name: old.name.clone(),
        version: end.new_version.or_else(|| old.version.clone()),
        input: end.result,
        orchestration_instance: Some(OrchestrationInstance {
            instance_id: instance.id.clone(),
            execution_id: Some(Uuid::new_v4().simple().to_string()),
        }),
        parent_instance: old.parent_instance.clone(),
        tags: old.tags.clone(),
        ..ExecutionStartedEvent::default()
    };
    let execution = start
        .orchestration_instance
        .as_ref()
        .and_then(|it| it.execution_id.clone());
    let first = events::host_event(now, EventType::ExecutionStarted(Box::new(start.clone())));
    let messages = std::iter::once(first)
        .chain(end.carryover)
        .chain(std::iter::once(events::orchestrator_completed(now)))
        .map(|event| Message {
            execution: execution.clone(),
            event,
        })
        .collect();
    work.continue_as_new(&start, messages);
    instance.update(|state| {
        state.version = start.version;
        state.input = start.input;
        state.output = None;
        state.custom_status = custom_status;
        state.created_timestamp = Some(now);
        state.last_updated_timestamp = Some(now);
        state.set_orchestration_status(OrchestrationStatus::Running);
    });
}

fn notify_parent(
    hub: &Arc<Inner>,
    child: &str,
    parent: &ParentInstanceInfo,
    end: Completion,
    now: Timestamp,
) {
    answer_parent(hub, parent, |task| match end.status {
        OrchestrationStatus::Completed => events::child_completed(now, task, end.result),
        OrchestrationStatus::Canceled => {
            hub.log(
                LogLevel::Error,
                format!(
                    "Sub-orchestration '{child}' completed as {}. local-host reports a failure to \
                     its parent; a real host reports nothing, and the parent waits for ever.",
                    end.status.as_str()
                ),
            );
            events::child_failed(now, task, None)
        }
        _ => events::child_failed(now, task, end.failure),
    });
}

/// Sends an event to the parent; `event` builds it from the id of the parent's action.
fn answer_parent(
    hub: &Arc<Inner>,
    parent: &ParentInstanceInfo,
    event: impl FnOnce(i32) -> HistoryEvent,
) {
    let Some(target) = &parent.orchestration_instance else {
        return;
    };
    hub.deliver(
        &target.instance_id,
        Message {
            execution: target.execution_id.clone(),
            event: event(parent.task_scheduled_id),
        },
    );
}

/// Logs external events that were not read. Results that come too late are normal and not logged.
fn report_unread(hub: &Inner, id: &str, messages: &[Message]) {
    for message in messages {
        if let Some(EventType::EventRaised(event)) = &message.event.event_type {
            hub.log(
                LogLevel::Warning,
                format!(
                    "Event '{}' for orchestration '{id}' was dropped: it came while the \
                     orchestration ended. A real host drops it silently.",
                    event.name
                ),
            );
        }
    }
}
