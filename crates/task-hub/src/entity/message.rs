//! Messages to entities: JSON texts in events that orchestrations send, and their form in the store.
//!
//! Invariant: a message is read completely when its sender's turn is planned, so an entity never finds one
//! that it cannot process.

use std::borrow::Cow;

use durable_protocol::entity_message::{self, RELEASE, REQUEST, Release};
use durable_protocol::messages::{EntityMessageType, OrchestrationInstance};
use durable_protocol::{EntityId, NEVER, Timestamp};
use prost::Message as _;
use prost::bytes::Bytes;

/// A message to an entity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Message {
    /// An operation or a lock.
    Request {
        request: Request,
        /// When it is due, if it is scheduled.
        due: Option<Timestamp>,
        /// It has a label, which orders the messages of its sender. A real host drops an orchestration's
        /// request without a label as a duplicate.
        labelled: bool,
    },
    /// `parent` releases its lock.
    Release { parent: String },
}

/// An operation or a lock, as it waits in the store.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Request {
    /// The id of the request; the answer has it as the name of its event.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(string, tag = "2")]
    pub(crate) operation: String,
    /// JSON text.
    #[prost(string, optional, tag = "3")]
    pub(crate) input: Option<String>,
    /// It needs no answer.
    #[prost(bool, tag = "4")]
    pub(crate) signal: bool,
    /// The orchestration that sent it; `None` for signals of clients and entities.
    #[prost(message, optional, tag = "5")]
    pub(crate) parent: Option<OrchestrationInstance>,
    /// It asks for a lock of `lock_set`.
    #[prost(bool, tag = "6")]
    pub(crate) is_lock: bool,
    /// The ids of the entities to lock, in order.
    #[prost(string, repeated, tag = "7")]
    pub(crate) lock_set: Vec<String>,
    /// The index of the entity in it that has the request now.
    #[prost(uint64, tag = "8")]
    pub(crate) position: u64,
    /// Its sender held the lock of the entity when it arrived, so it is taken before others.
    #[prost(bool, tag = "9")]
    pub(crate) from_holder: bool,
}

impl Request {
    /// A signal that no orchestration sent.
    pub(crate) fn signal(id: String, operation: String, input: Option<String>) -> Self {
        Self {
            id,
            operation,
            input,
            signal: true,
            ..Self::default()
        }
    }

    pub(crate) fn encoded(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// See [`crate::history::decode`].
    pub(crate) fn decoded(bytes: &Bytes) -> Self {
        Self::decode(bytes.clone()).unwrap_or_default()
    }
}

/// Reads the event that an orchestration sends to an entity.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(name: &str, data: Option<&str>) -> Result<Message, String> {
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
    let is_lock = text.lockset.is_some();
    Ok(Message::Request {
        labelled: text
            .timestamp
            .as_ref()
            .is_some_and(|time| !time.starts_with(NEVER)),
        due: due.max(delivered),
        request: Request {
            id: text.id.into_owned(),
            operation: text.op.unwrap_or_default().into_owned(),
            input: text.input.map(Cow::into_owned),
            signal: text.signal.unwrap_or_default(),
            parent: text.parent.map(|instance_id| OrchestrationInstance {
                instance_id: instance_id.into_owned(),
                execution_id: text.parent_execution.map(Cow::into_owned),
            }),
            is_lock,
            lock_set: text
                .lockset
                .into_iter()
                .flatten()
                .map(|entity| entity.to_string())
                .collect(),
            position: text.pos.map_or(0, |position| position as u64),
            from_holder: false,
        },
    })
}

fn time_of(text: &str) -> Option<Timestamp> {
    text.parse::<prost_types::Timestamp>()
        .ok()
        .map(|time| Timestamp::from(time).in_ticks())
}

/// When a scheduled event is to be delivered, by its name.
pub(crate) fn delivery_time(name: &str) -> Option<Timestamp> {
    name.split_once('@').and_then(|(_, time)| time_of(time))
}

/// The event that extension 3.x sends for a `sendEntityMessage` action: target, name, data. It has no label.
pub(crate) fn from_action(message: EntityMessageType) -> (Option<String>, String, String) {
    let unlabelled = || entity_message::Request {
        timestamp: Some(NEVER.into()),
        predecessor: Some(NEVER.into()),
        ..entity_message::Request::default()
    };
    let text = |text: Option<String>| text.map(Cow::Owned);
    let schedule = |time: Option<prost_types::Timestamp>| match time {
        None => (REQUEST.to_owned(), None),
        Some(time) => {
            let time = Timestamp::from(time).round_trip();
            let due = iso(&time);
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
            let data = LockRequest {
                request: entity_message::Request {
                    id: lock.critical_section_id.into(),
                    parent: text(lock.parent_instance_id),
                    ..unlabelled()
                },
                lockset: entities.collect(),
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

/// The data of a lock request in the order in which .NET writes its members.
#[derive(serde::Serialize)]
struct LockRequest<'a> {
    #[serde(flatten)]
    request: entity_message::Request<'a>,
    lockset: Vec<EntityId>,
}

/// A round-trip time as Newtonsoft writes it in JSON: without the zeros at the end of its fraction.
fn iso(time: &str) -> String {
    let digits = time.trim_end_matches('Z').trim_end_matches('0');
    format!("{}Z", digits.trim_end_matches('.'))
}

fn to_json(message: &impl serde::Serialize) -> String {
    // Texts and numbers always serialise.
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use durable_protocol::messages::{EntityLockRequestedEvent, EntityOperationSignaledEvent};

    use super::*;

    fn request(name: &str, data: &str) -> (Request, Option<Timestamp>, bool) {
        match read(name, Some(data)) {
            Ok(Message::Request {
                request,
                due,
                labelled,
            }) => (request, due, labelled),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn recorded_requests_are_read() {
        let (call, _, labelled) = request(
            "op",
            r#"{"op":"add","signal":false,"input":"5","id":"6b9e","parent":"p","parentExecution":"e","Timestamp":"2026-11-21T06:24:48.630Z","Predecessor":"0001-01-01T00:00:00"}"#,
        );
        assert_eq!((call.operation.as_str(), call.signal), ("add", false));
        assert_eq!(call.input.as_deref(), Some("5"));
        assert!(labelled);
        let parent = call.parent.unwrap();
        assert_eq!(parent.instance_id, "p");
        assert_eq!(parent.execution_id.as_deref(), Some("e"));

        let (lock, _, labelled) = request(
            "op",
            r#"{"op":null,"id":"ff83","parent":"p","lockset":[{"name":"counter","key":"a"},{"name":"counter","key":"b"}],"pos":1,"Timestamp":"0001-01-01T00:00:00"}"#,
        );
        assert_eq!(lock.lock_set, ["@counter@a", "@counter@b"]);
        assert_eq!((lock.position, labelled), (1, false));

        let (_, due, _) = request(
            "op@2026-11-21T06:24:51.0660000Z",
            r#"{"op":"add","signal":true,"id":"84f5","due":"2026-11-21T06:24:51.066Z"}"#,
        );
        assert_eq!(due.unwrap().nanos, 66_000_000);
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

    #[test]
    fn actions_become_the_recorded_events() {
        let time: prost_types::Timestamp = "2026-11-21T06:24:51.066Z".parse().unwrap();
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
        assert_eq!(
            data,
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
        assert_eq!(
            data,
            r#"{"op":null,"id":"45b2","parent":"p","Timestamp":"0001-01-01T00:00:00","Predecessor":"0001-01-01T00:00:00","lockset":[{"name":"counter","key":"a"},{"name":"counter","key":"b"}]}"#,
        );
    }

    #[test]
    fn a_time_has_no_zeros_at_the_end_of_its_fraction() {
        assert_eq!(iso("2026-11-21T06:24:50.0000000Z"), "2026-11-21T06:24:50Z");
        assert_eq!(
            iso("2026-11-21T06:24:50.0660000Z"),
            "2026-11-21T06:24:50.066Z"
        );
    }

    #[test]
    fn a_request_comes_out_of_the_store_as_it_went_in() {
        let (request, _, _) = request("op", r#"{"op":"add","input":"","id":"1","parent":"p"}"#);
        assert_eq!(Request::decoded(&request.encoded()), request);
    }
}
