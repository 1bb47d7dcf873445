//! The messages between orchestrations and entities, as tests look at them.

use durable_protocol::messages::{OrchestratorActionType, OrchestratorResponse};
use serde_json::{Value, json};

use super::Host;

/// What an answer sends to entities: `(action id, target, event name, message)`.
pub(crate) fn messages(answer: &OrchestratorResponse) -> Vec<(i32, String, String, Value)> {
    let sent = answer.actions.iter().filter_map(|action| {
        match action.orchestrator_action_type.as_ref().unwrap() {
            OrchestratorActionType::SendEvent(sent) => Some((
                action.id,
                sent.instance.as_ref().unwrap().instance_id.clone(),
                sent.name.clone(),
                serde_json::from_str(sent.data.as_ref().unwrap()).unwrap(),
            )),
            _ => None,
        }
    });
    sent.collect()
}

/// The messages in short: `op add to @counter@a`, `release to @counter@a`.
pub(crate) fn sent(answer: &OrchestratorResponse) -> Vec<String> {
    let short = |(_, target, event, message): (i32, String, String, Value)| {
        let what = match (&message["op"], &message["lockset"]) {
            (Value::String(op), _) => format!("{op} "),
            (_, Value::Array(_)) => "lock ".to_owned(),
            _ => String::new(),
        };
        format!("{event} {what}to {target}")
    };
    messages(answer).into_iter().map(short).collect()
}

/// The id under which the `index`-th message of an answer waits for its reply.
pub(crate) fn request_id(answer: &OrchestratorResponse, index: usize) -> String {
    messages(answer)[index].3["id"].as_str().unwrap().to_owned()
}

pub(crate) fn replied(host: &mut Host, id: &str, result: &str) {
    host.raised(id, Some(&json!({ "result": result }).to_string()));
}

pub(crate) fn granted(host: &mut Host, id: &str) {
    replied(host, id, "Lock Acquisition Completed");
}
