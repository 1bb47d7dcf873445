//! The answer to a turn: what the orchestrator decided, as actions for the host.

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CompleteOrchestrationAction, EventRaisedEvent, EventType, HistoryEvent, OrchestrationStatus,
    OrchestratorAction, OrchestratorActionType,
};

use super::payload::Source;
use super::state::{ContinuedAsNew, Raised};
use crate::Failure;

/// How an execution ended.
#[derive(Debug, Clone)]
pub(crate) enum Completion {
    /// The output as JSON text.
    Completed(String),
    Failed(Failure),
    /// The reason as the client gave it.
    Terminated(Option<String>),
    ContinuedAsNew {
        next: Box<ContinuedAsNew>,
        /// The events that the next execution begins with.
        events: Vec<Raised>,
    },
}

/// The completion action. It must be the last action of an answer: the host carries out what comes
/// after it, and repeats the turn without end if that is an action it does not support there.
pub(crate) fn completion(
    id: i32,
    completion: &mut Completion,
    now: Timestamp,
    source: &Source,
) -> OrchestratorAction {
    let action = match completion {
        Completion::Completed(result) => CompleteOrchestrationAction {
            orchestration_status: OrchestrationStatus::Completed.into(),
            result: Some(std::mem::take(result)),
            ..Default::default()
        },
        Completion::Failed(failure) => CompleteOrchestrationAction {
            orchestration_status: OrchestrationStatus::Failed.into(),
            failure_details: Some(failure.to_details()),
            ..Default::default()
        },
        Completion::Terminated(reason) => CompleteOrchestrationAction {
            orchestration_status: OrchestrationStatus::Terminated.into(),
            result: reason.take(),
            ..Default::default()
        },
        Completion::ContinuedAsNew { next, events } => CompleteOrchestrationAction {
            orchestration_status: OrchestrationStatus::ContinuedAsNew.into(),
            result: next.input.clone(),
            new_version: next.version.clone(),
            carryover_events: events
                .iter()
                .map(|event| carried(event, now, source))
                .collect(),
            ..Default::default()
        },
    };
    OrchestratorAction {
        id,
        orchestrator_action_type: Some(OrchestratorActionType::CompleteOrchestration(Box::new(
            action,
        ))),
    }
}

fn carried(event: &Raised, now: Timestamp, source: &Source) -> HistoryEvent {
    HistoryEvent {
        event_id: -1,
        timestamp: Some(now.into()),
        event_type: Some(EventType::EventRaised(EventRaisedEvent {
            name: event.name.clone(),
            input: source
                .text(&event.input)
                .map(|input| String::from_utf8_lossy(input).into_owned()),
        })),
    }
}

/// A completion that fails the instance.
pub(crate) fn failed(id: i32, failure: &Failure) -> OrchestratorAction {
    completion(
        id,
        &mut Completion::Failed(failure.clone()),
        Timestamp::default(),
        &Source::default(),
    )
}
