//! `OrchestratorRequest` as a view: who it is for, and its events in order.

use super::event::Event;
use super::reader::{Reader, WireError};

/// One turn's request. Past events come first, whatever their order on the wire.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) instance_id: &'a str,
    /// Past events, then new events.
    pub(crate) events: Vec<Event<'a>>,
    /// How many of [`Self::events`] are past events.
    pub(crate) past: usize,
    /// The property `defaultVersion`: what host.json gives to sub-orchestrations.
    pub(crate) default_version: Option<&'a str>,
    /// Whether the host left the history out, because it believes that the worker keeps it. It says
    /// so with the property `IncludeState`, in older versions `IncludePastEvents`.
    pub(crate) without_history: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, WireError> {
        let mut instance_id = "";
        // The smallest event of a real history takes some 28 bytes.
        let mut events = Vec::with_capacity(message.len() / 28 + 1);
        let mut new_events = Vec::new();
        let mut past = 0;
        let mut default_version = None;
        let mut without_history = false;
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.next()? {
            match number {
                1 => instance_id = field.string(number)?,
                3 => {
                    events.push(Event::read(field.bytes(number)?)?);
                    past += 1;
                }
                4 => new_events.push(Event::read(field.bytes(number)?)?),
                7 => match property(field.bytes(number)?)? {
                    ("defaultVersion", Some(Property::Text(version))) => {
                        default_version = Some(version);
                    }
                    ("IncludeState" | "IncludePastEvents", Some(Property::Flag(included))) => {
                        without_history = !included;
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        events.append(&mut new_events);
        Ok(Request {
            instance_id,
            events,
            past,
            default_version,
            without_history,
        })
    }
}

/// The kinds of property that the engine reads.
enum Property<'a> {
    Text(&'a str),
    Flag(bool),
}

/// An entry of the map `properties`: its name, and its value if that is a text or a flag.
fn property(entry: &[u8]) -> Result<(&str, Option<Property<'_>>), WireError> {
    const STRING_VALUE: u32 = 3;
    const BOOL_VALUE: u32 = 4;
    let mut name = "";
    let mut value = None;
    let mut reader = Reader::new(entry);
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => name = field.string(number)?,
            2 => {
                let mut inner = Reader::new(field.bytes(number)?);
                while let Some((number, field)) = inner.next()? {
                    match number {
                        STRING_VALUE => value = Some(Property::Text(field.string(number)?)),
                        BOOL_VALUE => value = Some(Property::Flag(field.int64(number)? != 0)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok((name, value))
}
