//! The JSON of the events between orchestrations and entities.

use durable_protocol::EntityId;
use durable_protocol::entity_message::{RELEASE, REQUEST, Release, Reply, Request};
use durable_protocol::messages::{
    EventType, OrchestratorActionType, OrchestratorRequest, OrchestratorResponse,
};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::captures::turns;

/// All events of the histories and of the answers: name, target if it is one that was sent, data.
fn events() -> Vec<(String, Option<String>, String)> {
    let mut events = Vec::new();
    for turn in turns() {
        let request = OrchestratorRequest::decode(turn.request.as_slice()).unwrap();
        for event in request.past_events.into_iter().chain(request.new_events) {
            match event.event_type {
                Some(EventType::EventSent(sent)) => {
                    events.push((
                        sent.name,
                        Some(sent.instance_id),
                        sent.input.unwrap_or_default(),
                    ));
                }
                Some(EventType::EventRaised(raised)) => {
                    events.push((raised.name, None, raised.input.unwrap_or_default()));
                }
                _ => {}
            }
        }
        let answer = turn.answer.unwrap_or_default();
        let answer = OrchestratorResponse::decode(answer.as_slice()).unwrap();
        for action in answer.actions {
            if let Some(OrchestratorActionType::SendEvent(sent)) = action.orchestrator_action_type {
                let target = sent.instance.map(|instance| instance.instance_id);
                events.push((sent.name, target, sent.data.unwrap_or_default()));
            }
        }
    }
    events
}

/// Null members count as absent: the two sides differ in what they leave out.
fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
        for member in members.values_mut() {
            *member = without_nulls(member.take());
        }
    }
    value
}

fn assert_nothing_is_lost<T: DeserializeOwned + Serialize>(data: &str) {
    let read: T = serde_json::from_str(data).unwrap_or_else(|error| panic!("{data}: {error}"));
    let recorded = without_nulls(serde_json::from_str(data).unwrap());
    let written = without_nulls(serde_json::to_value(read).unwrap());
    assert_eq!(written, recorded);
}

#[test]
fn every_recorded_message_to_an_entity_is_written_as_it_was_read() {
    let (mut requests, mut releases) = (0, 0);
    for (name, target, data) in events() {
        if target.is_none_or(|target| target.parse::<EntityId>().is_err()) {
            continue;
        }
        if name == RELEASE {
            assert_nothing_is_lost::<Release>(&data);
            releases += 1;
        } else if name == REQUEST || name.starts_with("op@") {
            assert_nothing_is_lost::<Request>(&data);
            requests += 1;
        }
    }
    assert!(requests > 20 && releases > 1, "{requests} {releases}");
}

#[test]
fn every_recorded_answer_of_an_entity_is_written_as_it_was_read() {
    let mut answers = 0;
    for (name, target, data) in events() {
        // The name of an answer is the id of the request, a GUID.
        let is_answer = target.is_none() && name.len() == 36 && data.starts_with(r#"{"result""#);
        if is_answer {
            assert_nothing_is_lost::<Reply>(&data);
            answers += 1;
        }
    }
    assert!(answers > 20, "{answers}");
}
