//! The names that a worker makes up for its messages to entities: request ids and label timestamps.
//!
//! The recorded worker chose other names than we do, so each of its names is replaced by the one that
//! we gave to the same action. Invariant: the names map one to one, so that a name of ours in a wrong
//! place is noticed.

use std::collections::HashMap;

use durable_protocol::messages::{
    EntityMessageType, OrchestratorAction, OrchestratorActionType, OrchestratorResponse,
    SendEventAction,
};
use serde_json::Value;

/// Our name for each recorded one, in one case.
#[derive(Default)]
pub(crate) struct Names {
    ours: HashMap<String, String>,
}

/// The length of an id as text.
const ID: usize = 36;

impl Names {
    /// Learns from two answers to the same turn.
    pub(crate) fn learn(&mut self, recorded: &OrchestratorResponse, ours: &OrchestratorResponse) {
        for action in &recorded.actions {
            let Some(our) = ours.actions.iter().find(|our| our.id == action.id) else {
                continue;
            };
            for (theirs, ours) in made_up(action).into_iter().zip(made_up(our)) {
                self.pair(theirs, ours);
            }
        }
    }

    fn pair(&mut self, theirs: String, ours: String) {
        match self.ours.get(&theirs) {
            Some(known) => assert_eq!(*known, ours, "{theirs} is two names of ours"),
            None => {
                let taken = self.ours.values().any(|known| *known == ours);
                assert!(!taken, "{ours} is two recorded names");
                self.ours.insert(theirs, ours);
            }
        }
    }

    /// A request as it would be if its history were ours. The ids are replaced in the bytes, which keep
    /// their length, because replies are matched by them. Labels stay: nothing is matched by them.
    pub(crate) fn in_request(&self, mut request: Vec<u8>) -> Vec<u8> {
        for (theirs, ours) in self.ours.iter().filter(|(theirs, _)| theirs.len() == ID) {
            assert_eq!(ours.len(), ID);
            let mut from = 0;
            while let Some(found) = position(&request[from..], theirs.as_bytes()) {
                let start = from + found;
                request[start..start + ID].copy_from_slice(ours.as_bytes());
                from = start + ID;
            }
        }
        request
    }

    pub(crate) fn in_line(&self, mut line: String) -> String {
        for (theirs, ours) in &self.ours {
            if line.contains(theirs) {
                line = line.replace(theirs, ours);
            }
        }
        line
    }
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// The id of a message to an entity and the timestamp of its label, as far as it has them.
fn made_up(action: &OrchestratorAction) -> Vec<String> {
    match action.orchestrator_action_type.as_ref() {
        Some(OrchestratorActionType::SendEvent(sent)) if to_entity(sent) => {
            let message = message(sent);
            let texts = ["id", "Timestamp"].map(|key| message[key].as_str().map(str::to_owned));
            texts.into_iter().flatten().collect()
        }
        Some(OrchestratorActionType::SendEntityMessage(message)) => {
            let id = match message.entity_message_type.as_ref().unwrap() {
                EntityMessageType::EntityOperationSignaled(signal) => &signal.request_id,
                EntityMessageType::EntityOperationCalled(call) => &call.request_id,
                EntityMessageType::EntityLockRequested(lock) => &lock.critical_section_id,
                EntityMessageType::EntityUnlockSent(unlock) => &unlock.critical_section_id,
            };
            vec![id.clone()]
        }
        _ => Vec::new(),
    }
}

pub(crate) fn to_entity(sent: &SendEventAction) -> bool {
    let target = sent.instance.as_ref();
    target.is_some_and(|target| target.instance_id.starts_with('@'))
}

pub(crate) fn message(sent: &SendEventAction) -> Value {
    serde_json::from_str(sent.data.as_ref().unwrap()).unwrap()
}
