//! Fields of messages in protobuf's JSON form, read and written by the same list of fields.

use std::collections::BTreeMap;

use durable_protocol::messages::OrchestrationStatus;
use prost_types::Timestamp;
use serde_json::{Map, Value};

/// What protobuf's names of the statuses begin with.
const STATUS_PREFIX: &str = "ORCHESTRATION_STATUS_";

/// Visits the fields of a message: a [`Writer`] copies them to JSON, a [`Reader`] sets them from JSON.
pub(super) trait Fields: Sized {
    fn text(&mut self, name: &str, value: &mut String);
    fn optional_text(&mut self, name: &str, value: &mut Option<String>);
    fn int(&mut self, name: &str, value: &mut i32);
    fn flag(&mut self, name: &str, value: &mut bool);
    fn time(&mut self, name: &str, value: &mut Option<Timestamp>);
    fn status(&mut self, name: &str, value: &mut i32);
    fn tags(&mut self, name: &str, value: &mut BTreeMap<String, String>);
    /// A message inside this one that may be absent.
    fn message<M: Default>(
        &mut self,
        name: &str,
        value: &mut Option<M>,
        fields: impl FnOnce(&mut Self, &mut M),
    );
}

#[derive(Default)]
pub(super) struct Writer(Map<String, Value>);

impl Writer {
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    pub(super) fn object(&mut self, name: &str, fields: impl FnOnce(&mut Self)) {
        let mut inner = Writer::default();
        fields(&mut inner);
        self.set(name, Value::Object(inner.0));
    }

    pub(super) fn into_fields(self) -> Map<String, Value> {
        self.0
    }
}

impl Fields for Writer {
    fn text(&mut self, name: &str, value: &mut String) {
        if !value.is_empty() {
            self.set(name, Value::from(value.as_str()));
        }
    }

    fn optional_text(&mut self, name: &str, value: &mut Option<String>) {
        if let Some(value) = value {
            self.set(name, Value::from(value.as_str()));
        }
    }

    fn int(&mut self, name: &str, value: &mut i32) {
        self.set(name, Value::from(*value));
    }

    fn flag(&mut self, name: &str, value: &mut bool) {
        if *value {
            self.set(name, Value::from(true));
        }
    }

    fn time(&mut self, name: &str, value: &mut Option<Timestamp>) {
        if let Some(value) = value {
            self.set(name, Value::from(value.to_string()));
        }
    }

    fn status(&mut self, name: &str, value: &mut i32) {
        let text = match OrchestrationStatus::try_from(*value) {
            Ok(status) => Value::from(format!("{STATUS_PREFIX}{}", screaming(status.as_str()))),
            Err(_) => Value::from(*value),
        };
        self.set(name, text);
    }

    fn tags(&mut self, name: &str, value: &mut BTreeMap<String, String>) {
        if !value.is_empty() {
            let tags = value.iter();
            let tags = tags.map(|(key, tag)| (key.clone(), Value::from(tag.as_str())));
            self.set(name, Value::Object(tags.collect()));
        }
    }

    fn message<M: Default>(
        &mut self,
        name: &str,
        value: &mut Option<M>,
        fields: impl FnOnce(&mut Self, &mut M),
    ) {
        if let Some(value) = value {
            self.object(name, |inner| fields(inner, value));
        }
    }
}

/// Reads the fields of an object; the first one that is wrong is kept until [`finish`](Self::finish).
pub(super) struct Reader<'a> {
    fields: &'a Map<String, Value>,
    /// The names of the objects around this one, each with a dot behind it.
    path: String,
    error: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(fields: &'a Map<String, Value>) -> Self {
        Reader {
            fields,
            path: String::new(),
            error: None,
        }
    }

    pub(super) fn finish(self) -> Result<(), String> {
        self.error.map_or(Ok(()), Err)
    }

    /// The field, unless it is absent or null.
    fn field(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn wrong(&mut self, name: &str, expected: &str) {
        let path = &self.path;
        self.error
            .get_or_insert_with(|| format!("`{path}{name}` is not {expected}"));
    }

    /// Runs `fields` on the object `name`.
    pub(super) fn object(&mut self, name: &str, fields: impl FnOnce(&mut Self)) {
        match self.field(name) {
            None => {}
            Some(Value::Object(map)) => {
                let mut inner = Reader {
                    fields: map,
                    path: format!("{}{name}.", self.path),
                    error: self.error.take(),
                };
                fields(&mut inner);
                self.error = inner.error;
            }
            Some(_) => self.wrong(name, "a JSON object"),
        }
    }
}

impl Fields for Reader<'_> {
    fn text(&mut self, name: &str, value: &mut String) {
        let mut text = None;
        self.optional_text(name, &mut text);
        *value = text.unwrap_or_default();
    }

    fn optional_text(&mut self, name: &str, value: &mut Option<String>) {
        match self.field(name) {
            None => {}
            Some(Value::String(text)) => *value = Some(text.clone()),
            Some(_) => self.wrong(name, "a text"),
        }
    }

    fn int(&mut self, name: &str, value: &mut i32) {
        let Some(field) = self.field(name) else {
            return;
        };
        match field.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(number) => *value = number,
            None => self.wrong(name, "a whole number of 32 bits"),
        }
    }

    fn flag(&mut self, name: &str, value: &mut bool) {
        match self.field(name) {
            None => {}
            Some(Value::Bool(flag)) => *value = *flag,
            Some(_) => self.wrong(name, "true or false"),
        }
    }

    fn time(&mut self, name: &str, value: &mut Option<Timestamp>) {
        let Some(field) = self.field(name) else {
            return;
        };
        match field.as_str().and_then(|text| text.parse().ok()) {
            Some(time) => *value = Some(time),
            None => self.wrong(name, "a time such as 2026-11-21T06:19:19Z"),
        }
    }

    fn status(&mut self, name: &str, value: &mut i32) {
        match self.field(name) {
            None => {}
            Some(Value::Number(_)) => self.int(name, value),
            Some(field) => match field.as_str().and_then(status_of) {
                Some(status) => *value = status,
                None => self.wrong(name, "the name of a status"),
            },
        }
    }

    fn tags(&mut self, name: &str, value: &mut BTreeMap<String, String>) {
        let Some(field) = self.field(name) else {
            return;
        };
        let tags = field.as_object().and_then(|map| {
            let tags = map.iter();
            tags.map(|(key, tag)| Some((key.clone(), tag.as_str()?.to_owned())))
                .collect()
        });
        match tags {
            Some(tags) => *value = tags,
            None => self.wrong(name, "a JSON object of texts"),
        }
    }

    fn message<M: Default>(
        &mut self,
        name: &str,
        value: &mut Option<M>,
        fields: impl FnOnce(&mut Self, &mut M),
    ) {
        if self.field(name).is_some() {
            let mut message = M::default();
            self.object(name, |inner| fields(inner, &mut message));
            *value = Some(message);
        }
    }
}

fn status_of(name: &str) -> Option<i32> {
    let name = name.strip_prefix(STATUS_PREFIX)?;
    (0..=i32::from(u8::MAX)).find(|number| {
        OrchestrationStatus::try_from(*number)
            .is_ok_and(|status| screaming(status.as_str()) == name)
    })
}

/// `ContinuedAsNew` as protobuf spells it: `CONTINUED_AS_NEW`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for (index, char) in name.char_indices() {
        if index > 0 && char.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(char.to_ascii_uppercase());
    }
    text
}
