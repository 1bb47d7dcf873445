//! Rewinds, which a sidecar leaves to its worker.
//!
//! When a client rewinds a failed instance, the sidecar sends a turn with an `ExecutionRewound` event, and
//! the history still ends with the failure. The worker answers with the history to go on from. The sidecar
//! stores it, rewinds the failed children in it, and sends another turn.
//!
//! The Durable extension does this by itself: it puts a generic event in the place of each failed
//! activity, of its call, of each failed child's end and of the execution's end. The worker writes the same,
//! because the engine knows such histories, those with retries included. Other workers remove these events;
//! then no later turn could tell which calls belong to a path that was left.

use std::collections::HashSet;

use durable_protocol::messages::{
    EventType, GenericEvent, HistoryEvent, OrchestratorAction, OrchestratorActionType,
    OrchestratorResponse, RewindOrchestrationAction,
};
use prost::{DecodeError, Message};

use super::turn::{EXECUTION_COMPLETED, EXECUTION_REWOUND, ORCHESTRATOR_STARTED, RawTurn, kind_of};

/// The answer to a turn that asks for a rewind; `None` for any other turn.
///
/// # Errors
/// The history cannot be read.
pub(super) fn answer(turn: &RawTurn) -> Option<Result<OrchestratorResponse, DecodeError>> {
    let mut new = turn.new_events.iter().rev();
    let mut past = turn.past_events.iter().rev();
    // After the rewind, the past does not end with the end of the execution.
    let rewound = new.any(|event| kind_of(event) == Some(EXECUTION_REWOUND))
        && past.any(|event| kind_of(event) == Some(EXECUTION_COMPLETED));
    rewound.then(|| {
        Ok(OrchestratorResponse {
            instance_id: turn.instance_id.clone(),
            actions: vec![OrchestratorAction {
                id: -1,
                orchestrator_action_type: Some(OrchestratorActionType::RewindOrchestration(
                    RewindOrchestrationAction {
                        new_history: new_history(turn)?,
                    },
                )),
            }],
            ..Default::default()
        })
    })
}

/// The history without its failures. The id of the execution stays: the engine derives the ids of children
/// from it.
fn new_history(turn: &RawTurn) -> Result<Vec<HistoryEvent>, DecodeError> {
    let events = turn.past_events.iter().chain(&turn.new_events);
    let mut events = events
        .map(|event| HistoryEvent::decode(event.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let failed: HashSet<i32> = events
        .iter()
        .filter_map(|event| match &event.event_type {
            Some(EventType::TaskFailed(failed)) => Some(failed.task_scheduled_id),
            _ => None,
        })
        .collect();
    for event in &mut events {
        let is_undone = match &event.event_type {
            Some(EventType::TaskScheduled(_)) => failed.contains(&event.event_id),
            Some(
                EventType::TaskFailed(_)
                | EventType::SubOrchestrationInstanceFailed(_)
                | EventType::ExecutionCompleted(_),
            ) => true,
            _ => false,
        };
        if is_undone {
            event.event_type = Some(EventType::GenericEvent(GenericEvent { data: None }));
        }
    }
    Ok(events)
}

/// The rewind as the extension writes it: a generic event with the reason.
pub(super) fn translated(event: HistoryEvent) -> HistoryEvent {
    let event_type = event.event_type.map(|kind| match kind {
        EventType::ExecutionRewound(rewound) => EventType::GenericEvent(GenericEvent {
            data: rewound.reason,
        }),
        other => other,
    });
    HistoryEvent {
        event_type,
        ..event
    }
}

/// Makes the turn that follows a rewind look like that of the extension, in which the rewind is a new event.
///
/// A sidecar that has stored the new history sends the rewind as the last event of the past.
pub(super) fn reopen(turn: &mut RawTurn) {
    let is = |kind| move |event: &prost::bytes::Bytes| kind_of(event) == Some(kind);
    if !turn.past_events.last().is_some_and(is(EXECUTION_REWOUND)) {
        return;
    }
    if let Some(begin) = turn.past_events.iter().rposition(is(ORCHESTRATOR_STARTED)) {
        let rewound = turn.past_events.split_off(begin);
        turn.new_events.splice(..0, rewound);
    }
}
