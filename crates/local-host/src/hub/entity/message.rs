//! Messages to entities: JSON texts in events that orchestrations send.

use std::borrow::Cow;
use std::time::Duration;

use durable_protocol::NEVER;
use durable_protocol::entity_message::{self, RELEASE, REQUEST, Release};
use durable_protocol::messages::{EntityMessageType, OrchestrationInstance};
use prost_types::Timestamp;
use serde::Serialize;

use super::super::clock;
use crate::json::JsonDate;

/// A message to an entity.
#[derive(Clone, Debug)]
pub(in crate::hub) enum Message {
    Request(Request),
    /// `parent` releases its lock.
    Release {
        parent: String,
    },
}

/// An operation or a lock.
#[derive(Clone, Debug, Default)]
pub(in crate::hub) struct Request {
    /// The id of the request; the answer has it as the name of its event.
    pub(super) id: String,
    pub(super) operation: String,
    /// JSON text.
    pub(super) input: Option<String>,
    /// It needs no answer.
    pub(super) signal: bool,
    /// The orchestration that sent it; `None` for signals of clients and entities.
    pub(super) parent: Option<OrchestrationInstance>,
    /// The ids of the entities to lock, in order, for a lock.
    pub(super) lock_set: Option<Vec<String>>,
    /// The index of the entity in it that has the request now.
    pub(super) position: usize,
    /// When it is due, if it is scheduled.
    pub(super) due: Option<Timestamp>,
    /// It has a label, which orders the messages of its sender. A real host drops an orchestration's request
    /// without a label as a duplicate.
    pub(super) labelled: bool,
}

impl Request {
    /// A signal that no orchestration sent.
    pub(in crate::hub) fn signal(
        id: String,
        operation: String,
        input: Option<String>,
        due: Option<Timestamp>,
    ) -> Self {
        Self {
            id,
            operation,
            input,
            signal: true,
            due,
            ..Self::default()
        }
    }
}

/// Reads the event that an orchestration sends to an entity.
///
/// # Errors
/// What is wrong with it.
pub(in crate::hub) fn read(name: &str, data: Option<&str>) -> Result<Message, String> {
    let data = data.unwrap_or_default();
    let not_json = |error: serde_json::Error| format!("its data cannot be read: {error}");
    if name.eq_ignore_ascii_case(RELEASE) {
        let release: Release = serde_json::from_str(data).map_err(not_json)?;
        return Ok(Message::Release {
            parent: release.parent.into_owned(),
        });
    }
    let delivered = match name.split_once('@') {
        None if name.eq_ignore_ascii_case(REQUEST) => None,
        Some((start, time)) if start.eq_ignore_ascii_case(REQUEST) => {
            Some(time_of(time).ok_or_else(|| format!("'{time}' is not a UTC time"))?)
        }
        _ => {
            return Err(format!(
                "entities know the events '{REQUEST}', '{REQUEST}@<UTC time>' and '{RELEASE}', not \
                 '{name}'"
            ));
        }
    };
    let text: entity_message::Request = serde_json::from_str(data).map_err(not_json)?;
    let due = match &text.due {
        None => None,
        Some(due) => Some(time_of(due).ok_or_else(|| format!("due: '{due}' is not a UTC time"))?),
    };
    Ok(Message::Request(Request {
        id: text.id.into_owned(),
        operation: text.op.unwrap_or_default().into_owned(),
        input: text.input.map(Cow::into_owned),
        signal: text.signal.unwrap_or_default(),
        parent: text.parent.map(|instance_id| OrchestrationInstance {
            instance_id: instance_id.into_owned(),
            execution_id: text.parent_execution.map(Cow::into_owned),
        }),
        lock_set: text
            .lockset
            .map(|set| set.into_iter().map(|entity| entity.to_string()).collect()),
        position: text.pos.unwrap_or_default(),
        due: match (due, delivered) {
            (Some(due), Some(delivered)) => Some(clock::later(due, delivered)),
            (due, delivered) => due.or(delivered),
        },
        labelled: text.timestamp.is_some_and(|time| !time.starts_with(NEVER)),
    }))
}

fn time_of(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(clock::cut)
}

/// Whether the event is scheduled further ahead than a storage queue can hide a message.
pub(in crate::hub) fn is_too_far(name: &str, now: Timestamp, longest: Duration) -> bool {
    name.split_once('@')
        .and_then(|(_, time)| time_of(time))
        .is_some_and(|time| clock::until(now, time) > longest)
}

/// The event that extension 3.x sends for a `sendEntityMessage` action: target, name, data. It has no label.
pub(in crate::hub) fn from_action(message: EntityMessageType) -> (Option<String>, String, String) {
    let unlabelled = || entity_message::Request {
        timestamp: Some(NEVER.into()),
        predecessor: Some(NEVER.into()),
        ..entity_message::Request::default()
    };
    let text = |text: Option<String>| text.map(Cow::Owned);
    let schedule = |time: Option<Timestamp>| match time.map(clock::round_trip) {
        None => (REQUEST.to_owned(), None),
        Some(time) => {
            let due =
                JsonDate::recognise(time.clone()).map_or_else(|raw| raw, |date| date.to_iso());
            (format!("{REQUEST}@{time}"), Some(Cow::Owned(due)))
        }
    };
    match message {
        EntityMessageType::EntityOperationSignaled(signal) => {
            let (name, due) = schedule(signal.scheduled_time);
            let data = entity_message::Request {
                op: Some(signal.operation.into()),
                signal: Some(true),
                input: text(signal.input),
                id: signal.request_id.into(),
                due,
                ..unlabelled()
            };
            (signal.target_instance_id, name, to_json(&data))
        }
        EntityMessageType::EntityOperationCalled(call) => {
            let (name, due) = schedule(call.scheduled_time);
            let data = entity_message::Request {
                op: Some(call.operation.into()),
                input: text(call.input),
                id: call.request_id.into(),
                parent: text(call.parent_instance_id),
                parent_execution: text(call.parent_execution_id),
                due,
                ..unlabelled()
            };
            (call.target_instance_id, name, to_json(&data))
        }
        EntityMessageType::EntityLockRequested(lock) => {
            let entities = lock.lock_set.iter().filter_map(|id| id.parse().ok());
            let data = entity_message::Request {
                id: lock.critical_section_id.into(),
                parent: text(lock.parent_instance_id),
                lockset: Some(entities.collect()),
                ..unlabelled()
            };
            let first = lock.lock_set.into_iter().next();
            (first, REQUEST.to_owned(), to_json(&data))
        }
        EntityMessageType::EntityUnlockSent(unlock) => {
            let data = Release {
                parent: text(unlock.parent_instance_id).unwrap_or_default(),
                id: unlock.critical_section_id.into(),
            };
            (
                unlock.target_instance_id,
                RELEASE.to_owned(),
                to_json(&data),
            )
        }
    }
}

fn to_json(message: &impl Serialize) -> String {
    // Texts and numbers always serialise.
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use durable_protocol::messages::{EntityLockRequestedEvent, EntityOperationSignaledEvent};

    use super::*;

    fn request(name: &str, data: &str) -> Request {
        match read(name, Some(data)) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn recorded_requests_are_read() {
        let call = request(
            "op",
            r#"{"op":"add","signal":false,"input":"5","id":"6b9e","parent":"p","parentExecution":"e","Timestamp":"2026-11-21T06:24:48.630Z","Predecessor":"0001-01-01T00:00:00"}"#,
        );
        assert_eq!((call.operation.as_str(), call.signal), ("add", false));
        assert_eq!(call.input.as_deref(), Some("5"));
        assert!(call.labelled);
        let parent = call.parent.unwrap();
        assert_eq!(parent.instance_id, "p");
        assert_eq!(parent.execution_id.as_deref(), Some("e"));

        let lock = request(
            "op",
            r#"{"op":null,"id":"ff83","parent":"p","lockset":[{"name":"counter","key":"a"},{"name":"counter","key":"b"}],"pos":1,"Timestamp":"0001-01-01T00:00:00"}"#,
        );
        assert_eq!(lock.lock_set.unwrap(), ["@counter@a", "@counter@b"]);
        assert_eq!((lock.position, lock.labelled), (1, false));

        let scheduled = request(
            "op@2026-11-21T06:24:51.0660000Z",
            r#"{"op":"add","signal":true,"id":"84f5","due":"2026-11-21T06:24:51.066Z"}"#,
        );
        assert_eq!(scheduled.due.unwrap().nanos, 66_000_000);
    }

    #[test]
    fn a_message_that_no_entity_can_read_is_an_error() {
        for (name, data, why) in [
            ("other", Some("{}"), "not 'other'"),
            ("op", None, "cannot be read"),
            ("op", Some("{\"op\":\"get\"}"), "id"),
            (
                "op@soon",
                Some("{\"id\":\"1\"}"),
                "'soon' is not a UTC time",
            ),
            ("op", Some("{\"id\":\"1\",\"due\":\"x\"}"), "due"),
            ("release", Some("{}"), "parent"),
        ] {
            let error = read(name, data).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    /// Ignores the order of members.
    fn assert_same_json(found: &str, expected: &str) {
        let read = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(found), read(expected));
    }

    #[test]
    fn actions_become_the_recorded_events() {
        let time: Timestamp = "2026-11-21T06:24:51.066Z".parse().unwrap();
        let signal = EntityOperationSignaledEvent {
            request_id: "84f5".into(),
            operation: "add".into(),
            scheduled_time: Some(time),
            input: Some("3".into()),
            target_instance_id: Some("@counter@k".into()),
        };
        let (target, name, data) =
            from_action(EntityMessageType::EntityOperationSignaled(Box::new(signal)));
        assert_eq!(target.as_deref(), Some("@counter@k"));
        assert_eq!(name, "op@2026-11-21T06:24:51.0660000Z");
        assert_same_json(
            &data,
            r#"{"op":"add","signal":true,"input":"3","id":"84f5","due":"2026-11-21T06:24:51.066Z","Timestamp":"0001-01-01T00:00:00","Predecessor":"0001-01-01T00:00:00"}"#,
        );
        let lock = EntityLockRequestedEvent {
            critical_section_id: "45b2".into(),
            lock_set: vec!["@counter@a".into(), "@counter@b".into()],
            position: 0,
            parent_instance_id: Some("p".into()),
        };
        let (target, _, data) = from_action(EntityMessageType::EntityLockRequested(Box::new(lock)));
        assert_eq!(target.as_deref(), Some("@counter@a"));
        assert_same_json(
            &data,
            r#"{"op":null,"id":"45b2","parent":"p","Timestamp":"0001-01-01T00:00:00","Predecessor":"0001-01-01T00:00:00","lockset":[{"name":"counter","key":"a"},{"name":"counter","key":"b"}]}"#,
        );
    }
}
