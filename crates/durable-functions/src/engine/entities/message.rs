//! Messages from an orchestration to an entity: names and JSON texts of the events that carry them.

use std::time::Duration;

use durable_protocol::messages::{OrchestratorAction, OrchestratorActionType};
use durable_protocol::{EntityId, Timestamp, nonchars};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::label::Label;

/// The event that asks for an operation or a lock.
pub(super) const REQUEST: &str = "op";
/// The event that gives a lock back.
pub(in crate::engine) const RELEASE: &str = "release";

/// .NET's smallest time, which stands for none.
const NEVER: &str = "0001-01-01T00:00:00";

/// How far ahead a message may be due: Azure Storage cannot hide one for more than seven days. An
/// entity that gets a message early sends it to itself again.
const LONGEST_DELAY: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// The name of the event of a signal that is due at a time.
pub(super) fn scheduled_request(due: Timestamp, now: Timestamp) -> String {
    let delivered = due.min(now.after(LONGEST_DELAY));
    format!("{REQUEST}@{}", delivered.round_trip())
}

/// Who sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender<'a> {
    pub(super) instance_id: &'a str,
    pub(super) execution_id: Option<&'a str>,
}

pub(super) fn operation(
    id: Uuid,
    sender: Sender<'_>,
    operation: &str,
    signal: bool,
    input: Option<&str>,
    label: Label,
) -> String {
    Request {
        op: Some(operation),
        signal: Some(signal),
        input,
        ..Request::labelled(id, sender, label)
    }
    .to_json()
}

/// Nobody sorts scheduled signals, so they have neither sender nor label.
pub(super) fn scheduled_signal(
    id: Uuid,
    operation: &str,
    input: Option<&str>,
    due: Timestamp,
) -> String {
    Request {
        op: Some(operation),
        signal: Some(true),
        input,
        id,
        parent: None,
        parent_execution: None,
        due: Some(due.round_trip()),
        lockset: None,
        pos: None,
        timestamp: NEVER.to_owned(),
        predecessor: NEVER.to_owned(),
    }
    .to_json()
}

/// Goes to the first entity of the lock set; each passes it on to the next.
pub(super) fn lock(id: Uuid, sender: Sender<'_>, entities: &[EntityId], label: Label) -> String {
    Request {
        lockset: Some(entities),
        pos: Some(0),
        ..Request::labelled(id, sender, label)
    }
    .to_json()
}

pub(super) fn release(lock: Uuid, instance_id: &str) -> String {
    to_json(&Release {
        parent: instance_id,
        id: lock,
    })
}

/// Whether an action gives a lock back.
pub(in crate::engine) fn is_release(action: &OrchestratorAction) -> bool {
    matches!(
        &action.orchestrator_action_type,
        Some(OrchestratorActionType::SendEvent(sent)) if sent.name == RELEASE
            && sent.instance.as_ref().is_some_and(|to| to.instance_id.starts_with('@'))
    )
}

/// The keys are those that the entity scheduler of the extension reads.
#[derive(Serialize)]
struct Request<'a> {
    op: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<bool>,
    /// JSON text inside the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    #[serde(serialize_with = "as_text")]
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    #[serde(rename = "parentExecution", skip_serializing_if = "Option::is_none")]
    parent_execution: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lockset: Option<&'a [EntityId]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pos: Option<u32>,
    #[serde(rename = "Timestamp")]
    timestamp: String,
    #[serde(rename = "Predecessor")]
    predecessor: String,
}

impl<'a> Request<'a> {
    fn labelled(id: Uuid, sender: Sender<'a>, label: Label) -> Self {
        Request {
            op: None,
            signal: None,
            input: None,
            id,
            parent: Some(sender.instance_id),
            parent_execution: sender.execution_id,
            due: None,
            lockset: None,
            pos: None,
            timestamp: label.timestamp.round_trip(),
            predecessor: label
                .predecessor
                .map_or_else(|| NEVER.to_owned(), Timestamp::round_trip),
        }
    }

    fn to_json(&self) -> String {
        to_json(self)
    }
}

#[derive(Serialize)]
struct Release<'a> {
    parent: &'a str,
    #[serde(serialize_with = "as_text")]
    id: Uuid,
}

fn as_text<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// Structs of texts and numbers always serialise.
fn to_json(message: &impl Serialize) -> String {
    nonchars::to_json(message).unwrap_or_default()
}
