//! `OrchestratorRequest` as a view: who it is for, and its events in order.

use std::time::Duration;

use super::event::Event;
use super::reader::{Field, Reader, WireError};

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
    /// The property `HttpDefaultAsyncRequestSleepTimeMilliseconds`: how long host.json waits between
    /// two polls of a durable HTTP call.
    pub(crate) http_poll_interval: Option<Duration>,
}

/// The value of a property, of the kinds that the host sends.
enum Property<'a> {
    Text(&'a str),
    Number(f64),
}

impl<'a> Request<'a> {
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, WireError> {
        let mut instance_id = "";
        // The smallest event of a real history takes some 28 bytes.
        let mut events = Vec::with_capacity(message.len() / 28 + 1);
        let mut new_events = Vec::new();
        let mut past = 0;
        let mut default_version = None;
        let mut http_poll_interval = None;
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
                    (
                        "HttpDefaultAsyncRequestSleepTimeMilliseconds",
                        Some(Property::Number(milliseconds)),
                    ) => {
                        http_poll_interval =
                            Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
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
            http_poll_interval,
        })
    }
}

/// An entry of the map `properties`: its name, and its value if that is a text or a number.
fn property(entry: &[u8]) -> Result<(&str, Option<Property<'_>>), WireError> {
    const NUMBER_VALUE: u32 = 2;
    const STRING_VALUE: u32 = 3;
    let mut name = "";
    let mut value = None;
    let mut reader = Reader::new(entry);
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => name = field.string(number)?,
            2 => {
                let mut inner = Reader::new(field.bytes(number)?);
                while let Some((number, field)) = inner.next()? {
                    match (number, field) {
                        (NUMBER_VALUE, Field::Fixed64(bits)) => {
                            value = Some(Property::Number(f64::from_bits(bits)));
                        }
                        (STRING_VALUE, field) => {
                            value = Some(Property::Text(field.string(number)?))
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok((name, value))
}
