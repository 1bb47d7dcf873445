//! Our messages to entities against what the host's entities take.

use std::collections::HashMap;

use durable_protocol::messages::{
    EventSentEvent, EventType, OrchestratorActionType, OrchestratorRequest, SendEventAction,
};
use prost::Message;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::captures::case;
use crate::captures::names::{Names, message, to_entity};
use crate::captures::replay;

/// The cases whose orchestrators use entities.
fn cases() -> impl Iterator<Item = String> {
    let names = case::names().into_iter();
    names.filter(|name| name.starts_with("entity-"))
}

/// What our orchestrators send to entities in one case: instance, action id and message, in order.
fn sent(name: &str) -> Vec<(String, i32, SendEventAction)> {
    let mut names = Names::default();
    let mut all = Vec::new();
    for turn in &case::load(name).turns {
        let (_, ours) = replay::answers(name, turn, &mut names);
        for action in ours.actions {
            if let Some(OrchestratorActionType::SendEvent(sent)) = action.orchestrator_action_type
                && to_entity(&sent)
            {
                all.push((turn.instance.clone(), action.id, *sent));
            }
        }
    }
    all
}

/// What the histories of a case say that was sent to entities, under our names.
fn recorded(name: &str) -> HashMap<(String, i32), EventSentEvent> {
    let mut names = Names::default();
    let mut all = HashMap::new();
    for turn in &case::load(name).turns {
        let request = names.in_request(turn.request());
        let request = OrchestratorRequest::decode(request.as_slice()).unwrap();
        for event in request.past_events {
            if let Some(EventType::EventSent(sent)) = event.event_type
                && sent.instance_id.starts_with('@')
            {
                all.insert((turn.instance.clone(), event.event_id), *sent);
            }
        }
        replay::answers(name, turn, &mut names);
    }
    all
}

/// The recorded worker sent entity actions in some cases, and events that it wrote itself in the
/// others. In both, the history holds the event that the host sent. It equals ours, except for the
/// label and for members that may be missing.
#[test]
fn the_host_sends_to_entities_what_we_send() {
    let mut compared = 0;
    for name in cases() {
        let recorded = recorded(&name);
        for (instance, action, ours) in sent(&name) {
            let Some(theirs) = recorded.get(&(instance, action)) else {
                // The last turn of an instance: no history follows that would hold what it sent.
                continue;
            };
            compared += 1;
            assert_eq!(theirs.name, ours.name, "{name} #{action}");
            let target = &ours.instance.as_ref().unwrap().instance_id;
            assert_eq!(theirs.instance_id, *target, "{name} #{action}");
            let theirs = serde_json::from_str(theirs.input.as_ref().unwrap()).unwrap();
            assert_eq!(
                comparable(message(&ours)),
                comparable(theirs),
                "{name} #{action}"
            );
        }
    }
    assert_eq!(compared, 23);
}

/// Without what may be missing: a label, a value that stands for nothing, and of signals and locks
/// the sender's names.
fn comparable(mut message: Value) -> Value {
    let call = message["op"].is_string() && message["signal"] != true;
    let members = message.as_object_mut().unwrap();
    members.retain(|key, value| match key.as_str() {
        "Timestamp" | "Predecessor" => false,
        "signal" => *value != json!(false),
        "pos" => *value != json!(0),
        "parent" | "parentExecution" => call,
        _ => true,
    });
    if let Some(due) = members.get_mut("due") {
        let time = OffsetDateTime::parse(due.as_str().unwrap(), &Rfc3339).unwrap();
        *due = json!(time.unix_timestamp_nanos().to_string());
    }
    message
}

/// An entity waits for the message that a label names. It takes a message that is not later for a
/// duplicate.
#[test]
fn every_label_is_later_than_the_one_before_and_names_it() {
    const NEVER: &str = "0001-01-01T00:00:00";
    let mut labels = 0;
    for name in cases() {
        let mut last: HashMap<(String, String), String> = HashMap::new();
        for (instance, action, sent) in sent(&name) {
            // Releases and scheduled signals have none.
            if sent.name != "op" {
                continue;
            }
            labels += 1;
            let target = sent.instance.as_ref().unwrap().instance_id.clone();
            let message = message(&sent);
            let text = |key: &str| message[key].as_str().unwrap().to_owned();
            let before = last.insert((instance, target), text("Timestamp"));
            let before = before.unwrap_or_else(|| NEVER.to_owned());
            assert_eq!(text("Predecessor"), before, "{name} #{action}");
            assert!(text("Timestamp") > before, "{name} #{action}");
        }
    }
    assert_eq!(labels, 27);
}
