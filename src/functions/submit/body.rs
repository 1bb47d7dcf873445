//! The JSON body of `POST /api/submit`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::range::{Bounds, Refusal};

/// No more of a member's name than this is repeated to the client, in characters.
const MAX_NAME: usize = 64;

/// Reads the bounds from a body. A bound that is absent or null is empty; one that is no string is malformed.
pub(super) fn read(content_type: Option<&[u8]>, body: &[u8]) -> Result<Bounds, Refusal> {
    if !content_type.is_none_or(is_json) {
        return Err(Refusal::NotJson);
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::EmptyBody);
    }
    let members: Body = serde_json::from_slice(body).map_err(|error| Refusal::InvalidJson {
        line: error.line(),
        column: error.column(),
    })?;
    let Body::Members(members) = members else {
        return Err(Refusal::NotAnObject);
    };
    let (mut start, mut end) = (None, None);
    for (name, value) in members {
        let (known, slot) = match name.as_str() {
            "start" => ("start", &mut start),
            "end" => ("end", &mut end),
            _ => {
                return Err(Refusal::UnknownMember(
                    name.chars().take(MAX_NAME).collect(),
                ));
            }
        };
        if slot.replace(text(value)).is_some() {
            return Err(Refusal::MemberTwice(known));
        }
    }
    Ok(Bounds {
        start: start.unwrap_or_default(),
        end: end.unwrap_or_default(),
    })
}

/// `application/json` or `application/…+json`, with or without parameters.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    essence == b"application/json"
        || (essence.starts_with(b"application/") && essence.ends_with(b"+json"))
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        // Its JSON text is never a date.
        other => other.to_string(),
    }
}

/// A body with its members in order, so that one that is given twice is seen.
enum Body {
    Members(Vec<(String, Value)>),
    Other,
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Body::Members(members))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Body, A::Error> {
        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Body::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_unit<E>(self) -> Result<Body, E> {
        Ok(Body::Other)
    }
}
