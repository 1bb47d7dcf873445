//! One value of `Data` or `Metadata`, and the rules by which the host wrote it. These rules live
//! here and nowhere else: whoever needs a value of an invocation goes through [`Value`].
//!
//! The host writes a .NET object as a JSON object, a byte array as a base64 string, a date as an
//! ISO string, and everything else (strings, numbers, booleans, null, arrays) as a JSON *string
//! that contains the JSON text* of the value. The text `hello` therefore arrives as `"\"hello\""`.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// One value of `Data` or `Metadata` of an [`Invocation`](crate::Invocation), borrowed from its body.
///
/// Which method to use follows from the binding:
///
/// | Binding | Method |
/// |---|---|
/// | trigger or input of `dataType` string (the default): queue message, activity input, `durableClient`, orchestration and entity triggers | [`text`](Self::text), or [`json`](Self::json) for the JSON in that text |
/// | objects (timer, Cosmos DB document), arrays (`cardinality` many), numbers | [`json`](Self::json) |
/// | `dataType` binary | [`bytes`](Self::bytes) |
#[derive(Clone, Copy)]
pub struct Value<'a> {
    section: &'static str,
    name: &'a str,
    raw: &'a str,
}

/// A value of an invocation is not of the kind that was asked for.
///
/// The message names the value (`Data.msg`) and says what was expected. It may quote a short part
/// of the value, as serde's messages do.
#[derive(Debug, thiserror::Error)]
#[error("{section}.{name}: {problem}")]
pub struct ValueError {
    section: &'static str,
    name: String,
    problem: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ValueError {
    /// The binding's name, or the member's name in `Metadata`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A JSON string, borrowed when it has no escapes.
#[derive(Deserialize)]
struct JsonStr<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Value<'a> {
    pub(crate) fn new(section: &'static str, name: &'a str, raw: &'a str) -> Self {
        Self { section, name, raw }
    }

    /// The JSON text on the wire, as the host sent it.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The value as text: a .NET string, decoded. `None` is .NET's null.
    ///
    /// A date, number, boolean or array gives the text the host wrote for it (`5`, `true`,
    /// `2024-10-24T12:34:56`, `["a","b"]`).
    ///
    /// Text without escapes is borrowed from the request: an orchestration history of several
    /// megabytes is not copied.
    ///
    /// # Errors
    /// The value is a JSON object (use [`json`](Self::json)) or not in the host's encoding.
    pub fn text(&self) -> Result<Option<Cow<'a, str>>, ValueError> {
        if let Some(text) = unescaped_text(self.raw) {
            return Ok(Some(Cow::Borrowed(text)));
        }
        match self.raw.as_bytes().first() {
            Some(b'"') => {}
            Some(b'{' | b'[') => {
                return Err(self.error(
                    "expected text, found an object or array; read it as JSON",
                    None,
                ));
            }
            _ if self.raw == "null" => return Ok(None),
            _ => return Ok(Some(Cow::Borrowed(self.raw))),
        }
        let wire = self.wire_string()?;
        if wire == "null" {
            Ok(None)
        } else if wire.starts_with('"') {
            let JsonStr(text) = serde_json::from_str(&wire).map_err(|e| {
                self.error("not in the host's encoding of a string", Some(e.into()))
            })?;
            Ok(Some(Cow::Owned(text.into_owned())))
        } else {
            Ok(Some(wire))
        }
    }

    /// The value as JSON: an object as it is; for everything else the JSON text inside the string
    /// on the wire.
    ///
    /// `T` is first read from the value itself, so `String` reads a .NET string. When the value is
    /// a .NET string and `T` cannot be read from a string, `T` is read from the JSON text *in* that
    /// string: a queue message `{"id":7}` can be read as a struct, the `durableClient` too, and a
    /// query parameter `5` in `Metadata` as a number. Use [`text`](Self::text) and serde_json where
    /// the difference matters, as for the input of an activity, which is always JSON text.
    ///
    /// # Errors
    /// `T` cannot be read from the value; the message is serde's.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ValueError> {
        let fail = |e: serde_json::Error| self.error(&e.to_string(), None);
        if !self.raw.starts_with('"') {
            return serde_json::from_str(self.raw).map_err(fail);
        }
        let wire = self.wire_string()?;
        match serde_json::from_str(&wire) {
            Ok(value) => Ok(value),
            Err(error) if wire.starts_with('"') => match serde_json::from_str::<JsonStr<'_>>(&wire)
            {
                Ok(JsonStr(text)) => match serde_json::from_str(&text) {
                    Ok(value) => Ok(value),
                    // The text is not JSON at all. The useful error is that `T` is not a string.
                    Err(inner) if !inner.is_data() => Err(fail(error)),
                    Err(inner) => Err(fail(inner)),
                },
                Err(_) => Err(fail(error)),
            },
            // A date or base64 text: not JSON inside, so the string on the wire is the value.
            Err(_) if serde_json::from_str::<IgnoredAny>(&wire).is_err() => {
                serde_json::from_str(self.raw).map_err(fail)
            }
            Err(error) => Err(fail(error)),
        }
    }

    /// The bytes of a value whose binding has `"dataType": "binary"`: base64 on the wire.
    /// `None` is .NET's null.
    ///
    /// The host writes null and the three bytes `9E E9 65` alike (`"null"`); it is read as null,
    /// which is what a missing blob gives.
    ///
    /// # Errors
    /// The value is not base64: the binding lacks `"dataType": "binary"`.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, ValueError> {
        if self.raw == "null" {
            return Ok(None);
        }
        if !self.raw.starts_with('"') {
            return Err(self.error("expected base64, found no string", None));
        }
        let wire = self.wire_string()?;
        if wire == "null" {
            return Ok(None);
        }
        STANDARD.decode(wire.as_bytes()).map(Some).map_err(|e| {
            self.error(
                "expected base64; the binding needs \"dataType\": \"binary\"",
                Some(e.into()),
            )
        })
    }

    fn wire_string(&self) -> Result<Cow<'a, str>, ValueError> {
        serde_json::from_str(self.raw)
            .map(|JsonStr(text)| text)
            .map_err(|e| self.error("not a valid JSON string", Some(e.into())))
    }

    fn error(
        &self,
        problem: &str,
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    ) -> ValueError {
        ValueError {
            section: self.section,
            name: self.name.to_owned(),
            problem: problem.to_owned(),
            source,
        }
    }
}

/// The text of `"\"text\""` when nothing in it is escaped.
///
/// `raw` is valid JSON, so without a backslash the text holds no quote and no control character
/// either, and the inner JSON string is exactly what stands between its quotes.
fn unescaped_text(raw: &str) -> Option<&str> {
    let text = raw.strip_prefix("\"\\\"")?.strip_suffix("\\\"\"")?;
    (!text.contains('\\')).then_some(text)
}

/// Shows name and size: a value may hold keys (`durableClient`) or personal data.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{} ({} bytes)",
            self.section,
            self.name,
            self.raw.len()
        )
    }
}

#[cfg(test)]
mod tests;
