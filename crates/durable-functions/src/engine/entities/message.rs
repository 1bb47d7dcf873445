//! Messages from an orchestration to an entity: names and data of the events that carry them.

use std::borrow::Cow;
use std::time::Duration;

use durable_protocol::entity_message::{RELEASE, REQUEST, Release, Request};
use durable_protocol::messages::{OrchestratorAction, OrchestratorActionType};
use durable_protocol::{EntityId, NEVER, Timestamp, nonchars};
use serde::Serialize;
use uuid::Uuid;

use super::label::Label;

/// How far ahead a message may be due: Azure Storage cannot hide one for more than seven days. An
/// entity that gets a message early sends it to itself again.
const LONGEST_DELAY: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// The name of the event of a signal that is due at a time.
pub(crate) fn scheduled_request(due: Timestamp, now: Timestamp) -> String {
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
    to_json(&Request {
        op: Some(operation.into()),
        signal: Some(signal),
        input: input.map(Cow::from),
        ..labelled(id, sender, label)
    })
}

/// An entity does not sort scheduled signals, so they have neither sender nor label.
pub(super) fn scheduled_signal(
    id: Uuid,
    operation: &str,
    input: Option<&str>,
    due: Timestamp,
) -> String {
    to_json(&Request {
        op: Some(operation.into()),
        signal: Some(true),
        input: input.map(Cow::from),
        id: id.to_string().into(),
        due: Some(due.round_trip().into()),
        timestamp: Some(NEVER.into()),
        predecessor: Some(NEVER.into()),
        ..Request::default()
    })
}

/// Goes to the first entity of the lock set; each passes it on to the next.
pub(super) fn lock(id: Uuid, sender: Sender<'_>, entities: &[EntityId], label: Label) -> String {
    to_json(&Request {
        lockset: Some(entities.to_vec()),
        pos: Some(0),
        ..labelled(id, sender, label)
    })
}

pub(super) fn release(lock: Uuid, instance_id: &str) -> String {
    to_json(&Release {
        parent: instance_id.into(),
        id: lock.to_string().into(),
    })
}

/// Whether an action releases a lock.
pub(in crate::engine) fn is_release(action: &OrchestratorAction) -> bool {
    matches!(
        &action.orchestrator_action_type,
        Some(OrchestratorActionType::SendEvent(sent)) if sent.name == RELEASE
            && sent.instance.as_ref().is_some_and(|to| to.instance_id.starts_with('@'))
    )
}

fn labelled<'a>(id: Uuid, sender: Sender<'a>, label: Label) -> Request<'a> {
    Request {
        id: id.to_string().into(),
        parent: Some(sender.instance_id.into()),
        parent_execution: sender.execution_id.map(Cow::from),
        timestamp: Some(label.timestamp.round_trip().into()),
        predecessor: Some(
            label
                .predecessor
                .map_or(NEVER.into(), |before| before.round_trip().into()),
        ),
        ..Request::default()
    }
}

/// Structs of texts and numbers always serialise.
fn to_json(message: &impl Serialize) -> String {
    nonchars::to_json(message).unwrap_or_default()
}
