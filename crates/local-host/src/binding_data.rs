//! Binding data: what becomes `Metadata` of an invocation.
//!
//! Names are equal whatever their case, a later value replaces an earlier one, and the host's own
//! entry `sys` follows the same rule: what the trigger brings moves it aside, what is copied from a
//! trigger's value replaces it. Functions must not trust `Metadata`: a client can set most of it.

use crate::dotnet_time::round_trip;
use crate::json::{Json, JsonObject};
use indexmap::IndexMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// The host's entry in the binding data.
const SYSTEM: &str = "sys";

/// The binding data of one invocation: entries in the order in which they were first set, each in
/// its first spelling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BindingData(IndexMap<String, (String, Json)>);

impl BindingData {
    /// No entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an entry.
    pub fn insert(&mut self, name: &str, value: impl Into<Json>) {
        let value = value.into();
        match self.0.get_mut(&name.to_lowercase()) {
            Some((_, slot)) => *slot = value,
            None => {
                self.0.insert(name.to_lowercase(), (name.to_owned(), value));
            }
        }
    }

    /// Removes an entry.
    pub fn remove(&mut self, name: &str) {
        self.0.shift_remove(&name.to_lowercase());
    }

    /// Whether there is an entry of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_lowercase())
    }

    /// Copies the members of a JSON object: scalars as text, objects as they are, arrays and nulls
    /// not at all.
    pub fn insert_members(&mut self, object: &JsonObject) {
        for (name, value) in object.iter() {
            match value {
                Json::Null | Json::Array(_) => {}
                Json::Object(_) => self.insert(name, value.clone()),
                scalar => self.insert(name, scalar.to_text()),
            }
        }
    }

    /// Adds the host's own entry: the name of the function, the time and a GUID. It steps aside to
    /// `$sys` for a `sys` that the trigger has brought (a query parameter of an HTTP request, for
    /// example); a `sys` that is inserted later replaces it.
    pub fn insert_system(&mut self, function: &str) {
        let system = JsonObject::from_iter([
            ("MethodName", function.to_owned()),
            ("UtcNow", round_trip(OffsetDateTime::now_utc())),
            ("RandGuid", Uuid::new_v4().to_string()),
        ]);
        let place = if self.contains(SYSTEM) {
            "$sys"
        } else {
            SYSTEM
        };
        self.insert(place, system);
    }

    /// `Metadata`: what is not an object double-encoded, without the entries whose names end with
    /// "trigger".
    #[must_use]
    pub fn into_metadata(self) -> JsonObject {
        self.0
            .into_iter()
            .filter(|(lower, _)| !lower.ends_with("trigger"))
            .map(|(_, (name, value))| (name, value.double_encoded()))
            .collect()
    }
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
    fn the_hosts_entry_steps_aside_for_the_trigger_and_yields_to_what_comes_later() {
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
