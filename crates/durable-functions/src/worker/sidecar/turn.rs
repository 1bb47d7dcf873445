//! A turn as a sidecar sends it, and as the engine reads it.
//!
//! The engine knows histories in the form of the Durable extension. A sidecar writes some events in another
//! form: those about entities ([`entities`]), and those of a rewind ([`rewind`]). Here they are translated.
//! A turn without such events is handed on as it arrived.
//!
//! Invariant: the same history is translated to the same bytes in every turn. Otherwise no kept instance
//! could be continued.

use durable_protocol::Timestamp;
use durable_protocol::messages::{EventType, HistoryEvent, StreamInstanceHistoryRequest};
use prost::Message;
use prost::bytes::Bytes;
use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
use prost_types::value::Kind;

use super::{entities, rewind};

/// An `OrchestratorRequest` whose events are not decoded.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RawTurn {
    #[prost(string, tag = "1")]
    pub(super) instance_id: String,
    #[prost(message, optional, tag = "2")]
    execution_id: Option<String>,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub(super) past_events: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub(super) new_events: Vec<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    entity_parameters: Option<Bytes>,
    #[prost(bool, tag = "6")]
    pub(super) requires_history_streaming: bool,
    #[prost(message, repeated, tag = "7")]
    properties: Vec<Property>,
    #[prost(bytes = "bytes", optional, tag = "8")]
    trace_context: Option<Bytes>,
}

/// An entry of the map `properties`.
#[derive(Clone, PartialEq, Message)]
struct Property {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    value: Option<prost_types::Value>,
}

/// A part of a history whose events are not decoded.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RawChunk {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    events: Vec<Bytes>,
}

/// What the `ExecutionStarted` event says.
pub(super) struct Started {
    pub(super) name: String,
    pub(super) version: Option<String>,
}

const EXECUTION_STARTED: u32 = 3;
pub(super) const EXECUTION_COMPLETED: u32 = 4;
pub(super) const ORCHESTRATOR_STARTED: u32 = 14;
const ENTITY_EVENTS: std::ops::RangeInclusive<u32> = 23..=29;
pub(super) const EXECUTION_REWOUND: u32 = 30;

/// How to fetch the history that a sidecar left out of a turn.
pub(super) fn history_of(turn: &RawTurn) -> StreamInstanceHistoryRequest {
    StreamInstanceHistoryRequest {
        instance_id: turn.instance_id.clone(),
        execution_id: turn.execution_id.clone(),
        for_work_item_processing: true,
    }
}

impl RawTurn {
    /// Takes the history that was fetched.
    pub(super) fn add_history(&mut self, chunks: Vec<RawChunk>) {
        self.past_events = chunks.into_iter().flat_map(|chunk| chunk.events).collect();
        self.requires_history_streaming = false;
    }

    /// What the execution was started with; `None` when the history does not say so.
    pub(super) fn started(&self) -> Option<Started> {
        let mut events = self.past_events.iter().chain(&self.new_events);
        let started = events.find(|event| kind_of(event) == Some(EXECUTION_STARTED))?;
        match HistoryEvent::decode(started.clone()).ok()?.event_type? {
            EventType::ExecutionStarted(started) => Some(Started {
                name: started.name,
                version: started.version.filter(|version| !version.is_empty()),
            }),
            _ => None,
        }
    }

    /// Gives sub-orchestrations a version, unless the sidecar gives them one.
    pub(super) fn set_default_version(&mut self, version: &str) {
        const NAME: &str = "defaultVersion";
        if self.properties.iter().all(|it| it.name != NAME) {
            self.properties.push(Property {
                name: NAME.to_owned(),
                value: Some(prost_types::Value {
                    kind: Some(Kind::StringValue(version.to_owned())),
                }),
            });
        }
    }

    /// Translates what the sidecar writes in another form than the extension; false when there is nothing.
    pub(super) fn translate(&mut self) -> bool {
        let mut events = self.past_events.iter().chain(&self.new_events);
        if !events.any(|event| kind_of(event).is_some_and(is_translated)) {
            return false;
        }
        rewind::reopen(self);
        // The time of the turn that an event belongs to.
        let mut now = Timestamp::default();
        for bytes in self.past_events.iter_mut().chain(&mut self.new_events) {
            let kind = kind_of(bytes).unwrap_or_default();
            if kind != ORCHESTRATOR_STARTED && !is_translated(kind) {
                continue;
            }
            // What cannot be decoded is for the engine to refuse.
            let Ok(event) = HistoryEvent::decode(bytes.clone()) else {
                continue;
            };
            if kind == ORCHESTRATOR_STARTED {
                now = event.timestamp.unwrap_or_default().into();
                continue;
            }
            let event = match kind {
                EXECUTION_REWOUND => rewind::translated(event),
                _ => entities::translated(event, now),
            };
            *bytes = event.encode_to_vec().into();
        }
        true
    }
}

fn is_translated(kind: u32) -> bool {
    kind == EXECUTION_REWOUND || ENTITY_EVENTS.contains(&kind)
}

/// The field of the event's kind.
pub(super) fn kind_of(event: &Bytes) -> Option<u32> {
    let mut rest: &[u8] = event;
    let mut kind = None;
    while !rest.is_empty() {
        let (field, wire_type) = decode_key(&mut rest).ok()?;
        if wire_type == WireType::LengthDelimited && field >= EXECUTION_STARTED {
            kind = Some(field);
        }
        skip_field(wire_type, field, &mut rest, DecodeContext::default()).ok()?;
    }
    kind
}
