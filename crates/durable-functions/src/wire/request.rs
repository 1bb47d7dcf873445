//! `OrchestratorRequest` as a view: who it is for, and its events in order.

use std::time::Duration;

use super::event::{Event, EventKind};
use super::reader::{Reader, WireError, bytes_field, double_field, varint_field};

const INSTANCE_ID: u32 = bytes_field(1);
const EXECUTION_ID: u32 = bytes_field(2);
const PAST_EVENT: u32 = bytes_field(3);
const NEW_EVENT: u32 = bytes_field(4);
const PROPERTY: u32 = bytes_field(7);

/// One turn's request, or the rest of one whose beginning is known. Past events come first, whatever
/// the order of the fields in the message is.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) instance_id: &'a str,
    /// Past events, then new events.
    pub(crate) events: Vec<Event<'a>>,
    /// How many of [`Self::events`] are past events.
    pub(crate) past: usize,
    pub(crate) properties: Properties<'a>,
    /// Whether names, past events, new events and the rest follow each other in this order.
    pub(crate) in_order: bool,
    message: &'a [u8],
}

impl<'a> Request<'a> {
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, WireError> {
        let mut instance_id = "";
        // The events of real histories take 30 to 50 bytes each.
        let mut events = Vec::with_capacity(message.len() / 32 + 1);
        let mut past = 0;
        let mut late_past = Vec::new();
        let mut properties = Properties::default();
        let mut stage = Stage::Names;
        let mut in_order = true;
        let mut reader = Reader::new(message);
        loop {
            let tag = reader.tag();
            let stage_of = match tag {
                0 => break,
                PAST_EVENT | NEW_EVENT => {
                    let event = Event::read(&mut reader);
                    if tag == NEW_EVENT {
                        events.push(event);
                        Stage::New
                    } else {
                        if stage <= Stage::Past {
                            events.push(event);
                            past += 1;
                        } else {
                            late_past.push(event);
                        }
                        Stage::Past
                    }
                }
                INSTANCE_ID => {
                    instance_id = reader.string();
                    Stage::Names
                }
                EXECUTION_ID => {
                    reader.skip(tag);
                    Stage::Names
                }
                PROPERTY => {
                    properties.read(reader.bytes())?;
                    Stage::Rest
                }
                tag => {
                    reader.skip(tag);
                    Stage::Rest
                }
            };
            in_order &= stage_of >= stage;
            stage = stage.max(stage_of);
        }
        reader.finish()?;
        if !late_past.is_empty() {
            let behind = past;
            past += late_past.len();
            events.splice(behind..behind, late_past);
        }
        Ok(Request {
            instance_id,
            events,
            past,
            properties,
            in_order,
            message,
        })
    }

    /// The beginning of the message up to its last event, as the next request will begin: with all
    /// of them as past events. `None` when the order is not the usual one.
    pub(crate) fn as_past(&self) -> Option<Vec<u8>> {
        if !self.in_order {
            return None;
        }
        let mut reader = Reader::new(self.message);
        let mut end = 0;
        let mut new_events = Vec::new();
        loop {
            let start = self.message.len() - reader.remaining();
            let tag = reader.tag();
            match tag {
                0 => break,
                NEW_EVENT => new_events.push(start),
                _ => {}
            }
            reader.skip(tag);
            if matches!(tag, PAST_EVENT | NEW_EVENT) {
                end = self.message.len() - reader.remaining();
            }
        }
        let mut past = self.message.get(..end)?.to_vec();
        for tag in new_events {
            *past.get_mut(tag)? = PAST_EVENT as u8;
        }
        Some(past)
    }

    /// Whether this cannot be replayed: the history was left out, and it is not the first turn.
    pub(crate) fn lacks_history(&self) -> bool {
        let started = |event: &Event<'_>| event.kind == EventKind::ExecutionStarted;
        self.properties.leaves_out_past && !self.events.iter().any(started)
    }

    /// The instance id of the request that begins with `start`, which may be cut off anywhere.
    pub(crate) fn instance_id_at(start: &[u8]) -> Option<&str> {
        let mut reader = Reader::new(start);
        if reader.tag() != INSTANCE_ID {
            return None;
        }
        let id = reader.string();
        (!id.is_empty() && reader.finish().is_ok()).then_some(id)
    }
}

/// The parts of a request in the order in which hosts write them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Names,
    Past,
    New,
    Rest,
}

/// What a request says about the host.
#[derive(Debug, Default)]
pub(crate) struct Properties<'a> {
    /// `defaultVersion`: what host.json gives to sub-orchestrations.
    pub(crate) default_version: Option<&'a str>,
    /// `HttpDefaultAsyncRequestSleepTimeMilliseconds`: how long host.json waits between two polls of a
    /// durable HTTP call.
    pub(crate) http_poll_interval: Option<Duration>,
    /// Whether the host left the past events out because it believes that the worker keeps them. It
    /// says so with `IncludeState`, in older versions `IncludePastEvents`.
    pub(crate) leaves_out_past: bool,
}

impl<'a> Properties<'a> {
    #[inline(never)]
    fn read(&mut self, entry: &'a [u8]) -> Result<(), WireError> {
        match property(entry)? {
            ("defaultVersion", Property::Text(version)) => self.default_version = Some(version),
            ("HttpDefaultAsyncRequestSleepTimeMilliseconds", Property::Number(milliseconds)) => {
                self.http_poll_interval = Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
            }
            ("IncludeState" | "IncludePastEvents", Property::Bool(included)) => {
                self.leaves_out_past = !included;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The value of a property, of the kinds that are needed.
enum Property<'a> {
    Text(&'a str),
    Number(f64),
    Bool(bool),
    Other,
}

/// An entry of the map `properties`, whose values are `google.protobuf.Value`s.
fn property(entry: &[u8]) -> Result<(&str, Property<'_>), WireError> {
    const NUMBER_VALUE: u32 = double_field(2);
    const STRING_VALUE: u32 = bytes_field(3);
    const BOOL_VALUE: u32 = varint_field(4);
    let mut name = "";
    let mut value = Property::Other;
    let mut reader = Reader::new(entry);
    loop {
        match reader.tag() {
            0 => break,
            tag if tag == bytes_field(1) => name = reader.string(),
            tag if tag == bytes_field(2) => {
                let mut inner = Reader::new(reader.bytes());
                loop {
                    match inner.tag() {
                        0 => break,
                        NUMBER_VALUE => value = Property::Number(inner.double()),
                        STRING_VALUE => value = Property::Text(inner.string()),
                        BOOL_VALUE => value = Property::Bool(inner.varint() != 0),
                        tag => inner.skip(tag),
                    }
                }
                inner.finish()?;
            }
            tag => reader.skip(tag),
        }
    }
    reader.finish()?;
    Ok((name, value))
}
