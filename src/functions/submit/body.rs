//! The JSON body of `POST /api/submit`, and of a message.
//!
//! Invariant: reading a body takes no more memory than the body itself. It ends at the first unknown member.

use std::fmt;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::range::{Bounds, Refusal};

/// The largest body in bytes: a thousand times the size of a valid request.
pub(in crate::functions) const MAX_BYTES: usize = 64 << 10;
/// How many characters of an unknown member's name are repeated to the client.
const MAX_NAME: usize = 64;

/// The value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::functions) enum Member {
    /// There is none, or it is null.
    Absent,
    /// A string.
    Text(String),
    /// The JSON text of a value of any other kind.
    Other(String),
}

impl Member {
    /// The text of a bound: empty without one. A value that is not a string gives its JSON text, which is never a date.
    pub(in crate::functions) fn into_bound(self) -> String {
        match self {
            Self::Absent => String::new(),
            Self::Text(text) | Self::Other(text) => text,
        }
    }

    fn of(value: &RawValue) -> Result<Self, serde_json::Error> {
        Ok(match value.get() {
            "null" => Self::Absent,
            text if text.starts_with('"') => Self::Text(serde_json::from_str(text)?),
            other => Self::Other(other.to_owned()),
        })
    }
}

/// Reads the bounds from a body. A bound that is absent or null is empty. A bound that is not a string is malformed.
pub(super) fn read(body: &[u8]) -> Result<Bounds, Refusal> {
    let [start, end] = members(body, &["start", "end"])?.map(Member::into_bound);
    Ok(Bounds { start, end })
}

/// Reads an object that has no other members than these.
pub(in crate::functions) fn members<const N: usize>(
    body: &[u8],
    names: &[&'static str; N],
) -> Result<[Member; N], Refusal> {
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
        names,
        refusal: &mut refusal,
    };
    json.deserialize_map(members)
        .and_then(|members| json.end().map(|()| members))
        .map_err(|error| refusal.unwrap_or_else(|| invalid(&error)))
}

fn invalid(error: &serde_json::Error) -> Refusal {
    Refusal::InvalidJson {
        line: error.line(),
        column: error.column(),
    }
}

/// Reads the members in order, to see a member that is given twice. `refusal` says why reading stopped.
struct Members<'r, const N: usize> {
    names: &'r [&'static str; N],
    refusal: &'r mut Option<Refusal>,
}

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = [Member; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [const { None }; N];
        while let Some(name) = map.next_key::<String>()? {
            let mut known = self.names.iter().zip(&mut found);
            let Some((known, slot)) = known.find(|(known, _)| **known == name) else {
                let name = name.chars().take(MAX_NAME).collect();
                *self.refusal = Some(Refusal::UnknownMember(name));
                return Err(A::Error::custom("a member is not known"));
            };
            let value = Member::of(map.next_value()?).map_err(A::Error::custom)?;
            if slot.replace(value).is_some() {
                *self.refusal = Some(Refusal::MemberTwice(known));
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(found.map(|value| value.unwrap_or(Member::Absent)))
    }
}
