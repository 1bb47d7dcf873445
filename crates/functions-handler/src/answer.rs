//! The answer of a function without an HTTP trigger. What the host would refuse or silently change is
//! refused here, where the function can still react.

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::{RawValue, to_raw_value};

/// The deepest output that a host reads.
const MAX_OUTPUT_DEPTH: usize = 64;
/// The deepest return value: the host reads 256 levels of the whole answer, which is one itself.
const MAX_RETURN_VALUE_DEPTH: usize = 255;

/// What a function hands back to the host: values for its output bindings, and a return value.
///
/// The host turns every string that is exactly an ISO date-time into a date of its own and writes
/// it differently (`2024-01-02T03:04:05.120Z` becomes `…05.12Z`), in outputs and return values and
/// inside objects; numbers pass through .NET (`1.0` becomes `1`). JSON that has to arrive as it is
/// belongs in a string.
#[derive(Debug, Default)]
#[must_use]
pub struct Answer {
    outputs: Vec<(String, Box<RawValue>)>,
    return_value: Option<Box<RawValue>>,
}

/// A value cannot be an output or return value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// serde could not turn the value into JSON.
    #[error("{place}: the value cannot be written as JSON")]
    #[non_exhaustive]
    NotJson {
        /// `ReturnValue` or `Outputs.NAME`.
        place: String,
        /// serde's error.
        #[source]
        source: serde_json::Error,
    },
    /// The value is nested deeper than the host reads.
    #[error("{place}: the value is nested {depth} levels deep, the host reads {limit}")]
    #[non_exhaustive]
    TooDeep {
        /// `ReturnValue` or `Outputs.NAME`.
        place: String,
        /// Levels of objects and arrays in the value.
        depth: usize,
        /// Levels that the host reads.
        limit: usize,
    },
    /// The host ignores `Outputs["$return"]`.
    #[error("the output binding `$return` is set with Answer::return_value, not as an output")]
    ReturnIsNoOutput,
}

impl Answer {
    /// An answer without outputs: the function succeeded and that is all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the return value: the value of a `$return` output binding, the result of an activity,
    /// the actions of an orchestrator.
    ///
    /// Without a `$return` binding the members of an *object* are also taken as outputs, by name.
    /// With one, a string that looks like base64 is decoded, see [`output`](Self::output).
    ///
    /// # Errors
    /// The value cannot be written as JSON, or is nested too deep.
    pub fn return_value(mut self, value: impl Serialize) -> Result<Self, AnswerError> {
        self.return_value = Some(to_json("ReturnValue", value, MAX_RETURN_VALUE_DEPTH)?);
        Ok(self)
    }

    /// Sets the value of the output binding `name` (spelled as in function.json); a second value
    /// for one name replaces the first. An array sends one message per element.
    ///
    /// **The base64 trap.** A string that could be base64 (a length divisible by four, letters and
    /// digits only: `test`, `1234`, `order123`, `true`, the empty string) reaches the binding as
    /// the *decoded bytes*, unless the binding has `"dataType": "binary"`. The crate cannot know
    /// function.json, so it sends the string and logs a warning. Set `"dataType": "binary"` on the
    /// output, or send an array of one string, or base64 of the text.
    ///
    /// # Errors
    /// The value cannot be written as JSON, is nested more than 64 levels deep, or `name` is
    /// `$return`.
    pub fn output(mut self, name: &str, value: impl Serialize) -> Result<Self, AnswerError> {
        if name == "$return" {
            return Err(AnswerError::ReturnIsNoOutput);
        }
        let value = to_json(&format!("Outputs.{name}"), value, MAX_OUTPUT_DEPTH)?;
        if looks_like_base64(value.get()) {
            tracing::warn!(
                output = name,
                "the value looks like base64: the host decodes it unless the binding has \"dataType\": \"binary\""
            );
        }
        self.outputs.retain(|(existing, _)| existing != name);
        self.outputs.push((name.to_owned(), value));
        Ok(self)
    }

    pub(crate) fn outputs(&self) -> impl Serialize + '_ {
        Outputs(&self.outputs)
    }

    pub(crate) fn returned(&self) -> Option<&RawValue> {
        self.return_value.as_deref()
    }
}

struct Outputs<'a>(&'a [(String, Box<RawValue>)]);

impl Serialize for Outputs<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn to_json(place: &str, value: impl Serialize, limit: usize) -> Result<Box<RawValue>, AnswerError> {
    let json = to_raw_value(&value).map_err(|source| AnswerError::NotJson {
        place: place.to_owned(),
        source,
    })?;
    match depth(json.get()) {
        depth if depth > limit => Err(AnswerError::TooDeep {
            place: place.to_owned(),
            depth,
            limit,
        }),
        _ => Ok(json),
    }
}

/// The levels of objects and arrays in a valid JSON text.
fn depth(json: &str) -> usize {
    // The usual large value is one string (an orchestrator's answer): no need to walk it.
    if json.starts_with('"') {
        return 0;
    }
    let (mut depth, mut deepest, mut in_string) = (0_usize, 0, false);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            // Occurs in strings only.
            b'\\' => {
                bytes.next();
            }
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Whether the JSON is a string that .NET's base64 decoder takes: four characters at a time, white
/// space ignored, at most two `=` at the end.
fn looks_like_base64(json: &str) -> bool {
    let Some(text) = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return false;
    };
    let (mut length, mut padding) = (0_usize, 0_usize);
    let mut escaped = false;
    for byte in text.bytes() {
        match (escaped, byte) {
            // Base64 may hold white space, so its escapes are allowed. serde_json does not escape `/`.
            (true, b'n' | b'r' | b't') => escaped = false,
            (false, b'\\') => escaped = true,
            (false, b' ') => {}
            (false, b'=') => padding += 1,
            (false, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/') if padding == 0 => {
                length += 1;
            }
            _ => return false,
        }
    }
    padding <= 2 && (length + padding).is_multiple_of(4)
}

#[cfg(test)]
mod tests;
