//! Binding data: what becomes `Metadata` of an invocation.
//!
//! Names do not depend on case, and a later value replaces an earlier one. The host's own entry is `sys`: it
//! becomes `$sys` when the trigger brings a `sys`, and is replaced by one that is copied from a trigger's
//! value. Functions must not trust `Metadata`: a client can set most of it.

use std::hash::{Hash, Hasher};
use std::time::SystemTime;

use durable_protocol::Timestamp;
use indexmap::{Equivalent, IndexMap};
use uuid::Uuid;

use crate::json::{Json, JsonError, JsonObject, parse_members, write_member};

/// The host's entry in the binding data.
const SYSTEM: &str = "sys";

/// The binding data of one invocation: entries in the order in which they were first set, each in
/// its first spelling.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BindingData(IndexMap<Name<Box<str>>, Entry>);

/// A value of the binding data.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    /// All but objects are double-encoded.
    Value(Json),
    /// A text that is not: a date of .NET's types, whose text the host does not quote again.
    Plain(Box<str>),
}

impl Entry {
    fn encoded(self) -> Json {
        match self {
            Self::Value(value) => value.double_encoded(),
            Self::Plain(text) => Json::String(text.into_string()),
        }
    }
}

/// A name that keeps its spelling and is compared without case. A client's JSON body can have millions of
/// names, so none is stored twice.
#[derive(Clone, Debug)]
struct Name<T>(T);

impl<T: AsRef<str>> Name<T> {
    fn lower(&self) -> impl Iterator<Item = char> {
        self.0.as_ref().chars().flat_map(char::to_lowercase)
    }
}

impl<T: AsRef<str>> Hash for Name<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for letter in self.lower() {
            letter.hash(state);
        }
    }
}

impl<T: AsRef<str>> PartialEq for Name<T> {
    fn eq(&self, other: &Self) -> bool {
        self.lower().eq(other.lower())
    }
}

impl<T: AsRef<str>> Eq for Name<T> {}

impl Equivalent<Name<Box<str>>> for Name<&str> {
    fn equivalent(&self, key: &Name<Box<str>>) -> bool {
        self.lower().eq(key.lower())
    }
}

impl BindingData {
    /// No entries.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets an entry.
    pub(crate) fn insert(&mut self, name: &str, value: impl Into<Json>) {
        // An equal name keeps its place and its spelling.
        self.0.insert(Name(name.into()), Entry::Value(value.into()));
    }

    /// Sets an entry that goes on the wire as this text.
    pub(crate) fn insert_plain(&mut self, name: &str, text: String) {
        self.0.insert(Name(name.into()), Entry::Plain(text.into()));
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.shift_remove(&Name(name));
    }

    /// Whether there is an entry of this name.
    #[must_use]
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(&Name(name))
    }

    /// Copies the members of a JSON object: scalars as text, objects unchanged. Arrays and nulls are left
    /// out.
    pub(crate) fn insert_members(&mut self, object: &JsonObject) {
        for (name, value) in object.iter() {
            self.insert_member(name, value.clone());
        }
    }

    /// The binding data of a JSON text: its members. A text that does not begin as an object has none.
    ///
    /// # Errors
    /// An object that is not JSON up to its end.
    pub(crate) fn of_text(text: &str) -> Result<Self, JsonError> {
        let mut data = Self::new();
        parse_members(text, |name, value| data.insert_member(&name, value))?;
        Ok(data)
    }

    fn insert_member(&mut self, name: &str, value: Json) {
        match value {
            Json::Null | Json::Array(_) => {}
            Json::Object(_) | Json::String(_) => self.insert(name, value),
            scalar => self.insert(name, scalar.to_text()),
        }
    }

    /// Adds the host's own entry: the name of the function, the time and a GUID. It is named `$sys` when the
    /// trigger has brought a `sys`, for example as a query parameter. A `sys` that is inserted later replaces
    /// it.
    pub(crate) fn insert_system(&mut self, function: &str) {
        let system = JsonObject::from_iter([
            ("MethodName", function.to_owned()),
            ("UtcNow", Timestamp::from(SystemTime::now()).round_trip()),
            ("RandGuid", Uuid::new_v4().to_string()),
        ]);
        let place = if self.contains(SYSTEM) {
            "$sys"
        } else {
            SYSTEM
        };
        self.insert(place, system);
    }

    /// `Metadata`: all but objects and plain texts double-encoded, without the entries whose names end with "trigger".
    #[must_use]
    pub(crate) fn into_metadata(self) -> JsonObject {
        self.into_members()
            .map(|(name, value)| (name.into_string(), value))
            .collect()
    }

    /// The same as JSON text.
    #[must_use]
    pub(crate) fn into_metadata_text(self) -> String {
        let mut out = String::from("{");
        for (name, value) in self.into_members() {
            if out.len() > 1 {
                out.push(',');
            }
            write_member(&name, &value, &mut out);
        }
        out.push('}');
        out
    }

    fn into_members(self) -> impl Iterator<Item = (Box<str>, Json)> {
        self.0
            .into_iter()
            .filter(|(name, _)| !ends_with_trigger(&name.0))
            .map(|(name, entry)| (name.0, entry.encoded()))
    }
}

fn ends_with_trigger(name: &str) -> bool {
    const TRIGGER: &str = "trigger";
    name.len()
        .checked_sub(TRIGGER.len())
        .and_then(|start| name.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(TRIGGER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_document;

    #[test]
    fn members_are_copied_as_by_a_real_host() {
        let mut data = BindingData::new();
        data.insert("instanceId", "abc");
        let members = parse_document(
            r#"{"InstanceId":"evil","list":[1],"on":true,"none":null,"o":{"a":1},"queueTrigger":1,"when":"2024-01-02T03:04:05+02:00","d":100.0}"#,
        )
        .unwrap();
        data.insert_members(members.as_object().unwrap());
        assert_eq!(
            Json::Object(data.into_metadata()).to_compact(),
            r#"{"instanceId":"\"evil\"","on":"\"True\"","o":{"a":1},"when":"\"01/02/2024 01:04:05\"","d":"\"100\""}"#
        );
    }

    #[test]
    fn names_are_equal_in_any_case_and_keep_their_first_spelling() {
        let data =
            BindingData::of_text(r#" {"Äb":1,"c":2,"äB":3,"MyTRIGGER":4,"rigger":5} "#).unwrap();
        assert!(data.contains("ÄB") && !data.contains("a"));
        let expected = r#"{"Äb":"\"3\"","c":"\"2\"","rigger":"\"5\""}"#;
        assert_eq!(data.clone().into_metadata_text(), expected);
        assert_eq!(Json::Object(data.into_metadata()).to_compact(), expected);
    }

    #[test]
    fn a_text_that_is_no_object_has_no_binding_data() {
        for text in ["", "[1]", "5", "x", "\"{\""] {
            assert_eq!(BindingData::of_text(text), Ok(BindingData::new()), "{text}");
        }
        for text in [r#"{"a":1"#, r#"{"a":1} x"#, r#"{"a" 1}"#] {
            assert!(BindingData::of_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_hosts_entry_is_renamed_for_the_trigger_and_replaced_by_later_ones() {
        let mut brought = BindingData::new();
        brought.insert("Sys", "3");
        brought.insert_system("f");
        let metadata = brought.into_metadata();
        assert_eq!(metadata.get("Sys"), Some(&Json::from("\"3\"")));
        let system = metadata.get("$sys").and_then(Json::as_object).unwrap();
        assert_eq!(system.get("MethodName"), Some(&Json::from("f")));

        let mut copied = BindingData::new();
        copied.insert_system("f");
        copied.insert("Sys", "evil");
        assert_eq!(
            copied.into_metadata(),
            JsonObject::from_iter([("sys", "\"evil\"")])
        );
    }
}
