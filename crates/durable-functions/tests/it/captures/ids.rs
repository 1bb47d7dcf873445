//! The case `action-ids`: action ids that start at 1, at 100 or below 0, or that repeat.
//!
//! A worker chooses its ids, and ours count up from 0. So this case is replayed with its histories
//! renumbered to our ids, and answers are compared without ids. With the histories as they were
//! recorded, the engine must fail instead of mistaking one action for another.

use std::collections::{HashMap, VecDeque};

use durable_protocol::messages::{
    EventType, HistoryEvent, OrchestratorActionType, OrchestratorRequest, OrchestratorResponse,
};
use prost::Message;

use crate::captures::{case, replay};

pub(crate) const CASE: &str = "action-ids";

/// The request as it would be if the actions of its history had the ids 0, 1, 2, … The end of an
/// action is that of the oldest open action of its id.
pub(crate) fn renumbered(request: &[u8]) -> Vec<u8> {
    let mut request = OrchestratorRequest::decode(request).unwrap();
    let mut next = 0;
    let mut open: HashMap<i32, VecDeque<i32>> = HashMap::new();
    for event in request
        .past_events
        .iter_mut()
        .chain(&mut request.new_events)
    {
        if matches!(
            event.event_type,
            Some(EventType::TaskScheduled(_) | EventType::TimerCreated(_))
        ) {
            open.entry(event.event_id).or_default().push_back(next);
            event.event_id = next;
            next += 1;
        } else if let Some(id) = ended_action(event) {
            *id = open.get_mut(id).unwrap().pop_front().unwrap();
        }
    }
    request.encode_to_vec()
}

fn ended_action(event: &mut HistoryEvent) -> Option<&mut i32> {
    match event.event_type.as_mut()? {
        EventType::TaskCompleted(end) => Some(&mut end.task_scheduled_id),
        EventType::TimerFired(end) => Some(&mut end.timer_id),
        _ => None,
    }
}

pub(crate) fn without_ids(mut answer: OrchestratorResponse) -> OrchestratorResponse {
    answer.actions.iter_mut().for_each(|action| action.id = 0);
    answer
}

#[test]
fn a_history_with_foreign_action_ids_is_refused_not_misread() {
    let case = case::load(CASE);
    let later = || {
        let turns = case.turns.iter();
        turns.filter(|turn| !turn.decoded_request().past_events.is_empty())
    };
    assert_eq!(later().count(), 11);
    for turn in later() {
        let answer = replay::answer(turn, &turn.request());
        let [action] = answer.actions.as_slice() else {
            panic!("turn {}: {answer:?}", turn.n);
        };
        let Some(OrchestratorActionType::CompleteOrchestration(end)) =
            &action.orchestrator_action_type
        else {
            panic!("turn {}: {action:?}", turn.n);
        };
        let failure = end.failure_details.as_ref().unwrap();
        assert_eq!(failure.error_type, "NonDeterminism", "turn {}", turn.n);
    }
}
