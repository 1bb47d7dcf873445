//! JSON as the Functions host reads and writes it.
//!
//! The host's parser is lenient: it reads comments, single quotes, trailing commas, a byte order mark, `NaN`.
//! It also changes values: a string that is exactly an ISO date-time becomes a date, numbers become .NET
//! numbers, and both are written in .NET's form. Configuration files, the handler's answers, the JSON bodies
//! of clients and the payloads of orchestrations all pass through it. This module owns these rules. A
//! development host without them would hide the changes until the first deployment.

mod date;
mod number;
mod object;
mod parse;
mod text;
mod write;

pub use date::JsonDate;
pub use number::JsonNumber;
pub use object::JsonObject;
pub use parse::{JsonError, parse_document};

pub(crate) use parse::{parse_members, parse_payload, parse_prefix, place_of};
pub(crate) use write::write_member;

/// A JSON value with .NET's view of dates and numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number in .NET's form.
    Number(JsonNumber),
    /// A string that the host takes for a date-time.
    Date(Box<JsonDate>),
    /// Any other string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, members in order.
    Object(JsonObject),
}

impl Json {
    /// The object, if it is one.
    #[must_use]
    pub fn as_object(&self) -> Option<&JsonObject> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The array, if it is one.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a string as it was written (also of one that looks like a date).
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Date(date) => Some(date.raw()),
            _ => None,
        }
    }

    /// How deep objects and arrays are nested: 0 for a scalar, 1 for `{}`.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(object) => 1 + object.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The first date-time whose text changes when the host writes this value as JSON.
    #[must_use]
    pub fn rewritten_date(&self) -> Option<&JsonDate> {
        match self {
            Self::Date(date) => (date.to_iso() != date.raw()).then_some(date),
            Self::Array(items) => items.iter().find_map(Self::rewritten_date),
            Self::Object(object) => object.iter().find_map(|(_, v)| v.rewritten_date()),
            _ => None,
        }
    }

    /// The value with every date-time turned back into the string that it was read from.
    #[must_use]
    pub fn with_dates_as_written(self) -> Self {
        match self {
            Self::Date(date) => Self::String(date.into_raw()),
            Self::Array(items) => {
                Self::Array(items.into_iter().map(Self::with_dates_as_written).collect())
            }
            Self::Object(object) => Self::Object(object.map(Self::with_dates_as_written)),
            other => other,
        }
    }

    /// The value rule of `Data` and `Metadata`: objects travel as they are, everything else as a
    /// string that holds JSON text.
    #[must_use]
    pub fn double_encoded(self) -> Self {
        match self {
            Self::Object(_) => self,
            other => Self::String(other.to_compact()),
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Json {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Number(JsonNumber::Integer(number.to_string()))
    }
}

impl From<JsonObject> for Json {
    fn from(object: JsonObject) -> Self {
        Self::Object(object)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::Array(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_escape_double_encoding() {
        let encode = |text: &str| parse_document(text).unwrap().double_encoded().to_compact();
        assert_eq!(encode(r#"{"a":1}"#), r#"{"a":1}"#);
        assert_eq!(encode(r#""hello""#), r#""\"hello\"""#);
        assert_eq!(encode("5"), r#""5""#);
        assert_eq!(encode("null"), r#""null""#);
        assert_eq!(encode(r#"["a"]"#), r#""[\"a\"]""#);
    }

    #[test]
    fn dates_can_be_turned_back_into_what_was_written() {
        let text = r#"{"when":"2024-01-02T03:04:05.1200000+02:00","d":1.50,"l":["/Date(0)/"]}"#;
        let read = parse_document(text).unwrap();
        assert_eq!(
            read.with_dates_as_written().to_compact(),
            r#"{"when":"2024-01-02T03:04:05.1200000+02:00","d":1.5,"l":["/Date(0)/"]}"#
        );
    }
}
