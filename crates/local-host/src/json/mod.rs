//! JSON as the Functions host reads and writes it.
//!
//! The host's parser is lenient (comments, single quotes, trailing commas, a byte order mark) and
//! not neutral: a string that is exactly an ISO date-time becomes a date, numbers become .NET
//! numbers, and both are written in .NET's form afterwards. Configuration files, the handler's
//! answers and the JSON bodies of clients all pass through it, so this module is the one place that
//! knows those rules. It keeps the order of members, which `serde_json::Value` does not.

mod date;
mod number;
mod parse;
mod write;

pub use date::{DateKind, JsonDate};
pub use number::JsonNumber;
pub use parse::{JsonError, parse_document, parse_prefix};

use serde_json::Value;

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
    Date(JsonDate),
    /// Any other string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, members in order.
    Object(JsonObject),
}

/// An object: members in the order in which they were first set, names unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonObject(Vec<(String, Json)>);

impl JsonObject {
    /// An empty object.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member; an equal name (case counts) keeps its place and loses its value.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Json>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name, value)),
        }
    }

    /// Sets a member; a name that differs only in case counts as the same member and keeps its
    /// spelling, as in the host's case-insensitive dictionaries.
    pub fn insert_ignoring_case(&mut self, name: &str, value: impl Into<Json>) {
        let value = value.into();
        match self
            .0
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// The member with exactly this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// The member of this name in any case; of several the last, as .NET binds them.
    #[must_use]
    pub fn get_ignoring_case(&self, name: &str) -> Option<&Json> {
        self.0
            .iter()
            .rev()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Removes the member of this name in any case.
    pub fn remove_ignoring_case(&mut self, name: &str) {
        self.0
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<Json>> FromIterator<(N, V)> for JsonObject {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(members: I) -> Self {
        let mut object = Self::new();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }
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

    /// The value rule of `Data` and `Metadata`: objects travel as they are, everything else as a
    /// string that holds JSON text.
    #[must_use]
    pub fn double_encoded(self) -> Self {
        match self {
            Self::Object(_) => self,
            other => Self::String(other.to_compact()),
        }
    }

    /// Converts for code that works on `serde_json`; dates take the form in which the host would
    /// write them. An integer beyond 64 bits becomes the nearest float.
    #[must_use]
    pub fn to_serde(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => number.to_serde(),
            Self::Date(date) => Value::String(date.to_iso()),
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_serde).collect()),
            Self::Object(object) => Value::Object(
                object
                    .iter()
                    .map(|(name, value)| (name.to_owned(), value.to_serde()))
                    .collect(),
            ),
        }
    }
}

impl From<Value> for Json {
    /// Strings stay strings, also those that look like dates: the value is already in the host's
    /// encoding.
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(flag),
            Value::Number(number) => Self::Number(JsonNumber::from_text(&number.to_string())),
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(object) => Self::Object(object.into_iter().collect()),
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
    fn members_keep_their_order_and_the_last_of_equal_names_wins() {
        let json = parse_document(r#"{"z":1,"a":2,"z":3}"#).unwrap();
        assert_eq!(json.to_compact(), r#"{"z":3,"a":2}"#);
    }

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
    fn serde_values_come_back_unchanged() {
        let value = serde_json::json!({"a": [1, -2.5, true, null, "2024-10-24T12:00:00+02:00"]});
        assert_eq!(Json::from(value.clone()).to_serde(), value);
    }
}
