//! The JSON body of `POST /api/submit`.
//!
//! Invariant: reading a body takes no more memory than the body itself. It ends at the first unknown member.

use std::fmt;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::range::{Bounds, Refusal};

/// The largest body in bytes: a thousand times the size of a valid request.
pub(super) const MAX_BYTES: usize = 64 << 10;
/// How many characters of an unknown member's name are repeated to the client.
const MAX_NAME: usize = 64;

/// Reads the bounds from a body. A bound that is absent or null is empty. A bound that is not a string is malformed.
pub(super) fn read(body: &[u8]) -> Result<Bounds, Refusal> {
    let Some(first) = body.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return Err(Refusal::EmptyBody);
    };
    if *first != b'{' {
        let json = serde_json::from_slice::<IgnoredAny>(body);
        return Err(json.map_or_else(|error| invalid(&error), |_| Refusal::NotAnObject));
    }
    let mut refusal = None;
    let mut json = serde_json::Deserializer::from_slice(body);
    let members = Members {
        refusal: &mut refusal,
    };
    json.deserialize_map(members)
        .and_then(|bounds| json.end().map(|()| bounds))
        .map_err(|error| refusal.unwrap_or_else(|| invalid(&error)))
}

fn invalid(error: &serde_json::Error) -> Refusal {
    Refusal::InvalidJson {
        line: error.line(),
        column: error.column(),
    }
}

/// The text of a bound. A value that is not a string gives its JSON text, which is never a date.
fn text(value: &RawValue) -> Result<String, serde_json::Error> {
    match value.get() {
        "null" => Ok(String::new()),
        text if text.starts_with('"') => serde_json::from_str(text),
        other => Ok(other.to_owned()),
    }
}

/// Reads the members in order, to see a member that is given twice. `refusal` says why reading stopped.
struct Members<'r> {
    refusal: &'r mut Option<Refusal>,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Bounds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bounds, A::Error> {
        let (mut start, mut end) = (None, None);
        while let Some(name) = map.next_key::<String>()? {
            let (known, slot) = match name.as_str() {
                "start" => ("start", &mut start),
                "end" => ("end", &mut end),
                _ => {
                    let name = name.chars().take(MAX_NAME).collect();
                    *self.refusal = Some(Refusal::UnknownMember(name));
                    return Err(A::Error::custom("a member is not known"));
                }
            };
            let value: &RawValue = map.next_value()?;
            if slot
                .replace(text(value).map_err(A::Error::custom)?)
                .is_some()
            {
                *self.refusal = Some(Refusal::MemberTwice(known));
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(Bounds {
            start: start.unwrap_or_default(),
            end: end.unwrap_or_default(),
        })
    }
}
