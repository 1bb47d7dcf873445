//! Entities and their properties.

use super::moment;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

/// A JSON object with its members in order: streaming readers need annotations before values.
pub(super) type Object = IndexMap<String, Value>;

/// The value of a property, with the types of the table service.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Property {
    /// `Edm.String`.
    String(String),
    /// `Edm.Int32`.
    Int32(i32),
    /// `Edm.Int64`: a string in JSON.
    Int64(i64),
    /// `Edm.Double`.
    Double(f64),
    /// `Edm.Boolean`.
    Boolean(bool),
    /// `Edm.DateTime`, ISO 8601 in UTC.
    DateTime(String),
    /// `Edm.Guid`.
    Guid(String),
    /// `Edm.Binary`, base64.
    Binary(String),
}

impl Property {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::String(text) | Self::DateTime(text) | Self::Guid(text) | Self::Binary(text) => {
                json!(text)
            }
            Self::Int32(number) => json!(number),
            Self::Int64(number) => json!(number.to_string()),
            Self::Double(number) if number.is_finite() => json!(number),
            // JSON has no such numbers; the service uses .NET's names for them.
            Self::Double(number) if number.is_nan() => json!("NaN"),
            Self::Double(number) if *number > 0.0 => json!("Infinity"),
            Self::Double(_) => json!("-Infinity"),
            Self::Boolean(flag) => json!(flag),
        }
    }

    /// The type, where JSON alone does not show it.
    pub(super) fn annotation(&self) -> Option<&'static str> {
        match self {
            Self::Int64(_) => Some("Edm.Int64"),
            Self::DateTime(_) => Some("Edm.DateTime"),
            Self::Guid(_) => Some("Edm.Guid"),
            Self::Binary(_) => Some("Edm.Binary"),
            Self::Double(number) if !number.is_finite() => Some("Edm.Double"),
            Self::String(_) | Self::Int32(_) | Self::Double(_) | Self::Boolean(_) => None,
        }
    }

    fn from_json(value: &Value, kind: Option<&str>) -> Option<Self> {
        let text = || value.as_str().map(str::to_owned);
        match kind {
            Some("Edm.Int64") => Some(Self::Int64(value.as_str()?.parse().ok()?)),
            Some("Edm.DateTime") => {
                let written = moment::read(value.as_str()?)?.format(&Rfc3339).ok()?;
                Some(Self::DateTime(written))
            }
            Some("Edm.Guid") => Some(Self::Guid(guid(value.as_str()?)?)),
            Some("Edm.Binary") => {
                let text = text()?;
                STANDARD.decode(&text).ok()?;
                Some(Self::Binary(text))
            }
            Some("Edm.Double") => double(value).map(Self::Double),
            None | Some("Edm.String" | "Edm.Int32" | "Edm.Boolean") => match value {
                Value::String(text) => Some(Self::String(text.clone())),
                Value::Bool(flag) => Some(Self::Boolean(*flag)),
                Value::Number(number) => match number.as_i64() {
                    Some(whole) => i32::try_from(whole).ok().map(Self::Int32),
                    None => number.as_f64().map(Self::Double),
                },
                _ => None,
            },
            Some(_) => None,
        }
    }
}

fn double(value: &Value) -> Option<f64> {
    match value.as_str() {
        None => value.as_f64(),
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
    }
}

/// A GUID as the service writes it: with hyphens, in lower case.
pub(super) fn guid(text: &str) -> Option<String> {
    const WITH_HYPHENS: usize = 36;
    let guid = uuid::Uuid::try_parse(text).ok()?;
    (text.len() == WITH_HYPHENS).then(|| guid.hyphenated().to_string())
}

/// The longest key: 1 KiB, in UTF-16.
const LONGEST_KEY: usize = 512;

/// A key must fit into a URL.
fn check_key(name: &str, key: &str) -> Result<(), String> {
    if key.encode_utf16().count() > LONGEST_KEY {
        return Err(format!(
            "{name}: expected at most {LONGEST_KEY} characters (1 KiB)."
        ));
    }
    if key.contains(['/', '\\', '#', '?']) || key.contains(char::is_control) {
        return Err(format!(
            "{name}: expected none of the characters / \\ # ? and no control characters."
        ));
    }
    Ok(())
}

/// A row of a table: keys, time of the last change, and properties in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entity {
    /// `PartitionKey`.
    pub partition_key: String,
    /// `RowKey`.
    pub row_key: String,
    /// `Timestamp`, ISO 8601 in UTC.
    pub timestamp: String,
    /// All other properties that the entity has.
    pub properties: Vec<(String, Property)>,
}

impl Entity {
    /// Reads the JSON of an insertion.
    ///
    /// # Errors
    /// The property that is missing or has no such value.
    pub(super) fn from_json(object: &Object, timestamp: String) -> Result<Self, String> {
        let key = |name: &str| match object.get(name) {
            Some(Value::String(key)) => check_key(name, key).map(|()| key.clone()),
            _ => Err(format!("{name}: expected a string.")),
        };
        let mut entity = Self {
            partition_key: key("PartitionKey")?,
            row_key: key("RowKey")?,
            timestamp,
            properties: Vec::new(),
        };
        for (name, value) in object {
            let is_system = matches!(name.as_str(), "PartitionKey" | "RowKey" | "Timestamp");
            if is_system || name.contains("odata.") || value.is_null() {
                continue;
            }
            let kind = object
                .get(&format!("{name}@odata.type"))
                .and_then(Value::as_str);
            let property = Property::from_json(value, kind)
                .ok_or_else(|| format!("{name}: the value does not fit its type."))?;
            entity.properties.push((name.clone(), property));
        }
        Ok(entity)
    }

    /// The keys, in the order by which entities are sorted.
    pub(super) fn keys(&self) -> (&str, &str) {
        (&self.partition_key, &self.row_key)
    }

    /// A table, as an entity of the list of tables.
    pub(super) fn of_table(name: &str) -> Self {
        Self {
            partition_key: String::new(),
            row_key: String::new(),
            timestamp: String::new(),
            properties: vec![("TableName".to_owned(), Property::String(name.to_owned()))],
        }
    }

    /// A property by its exact name, system properties included.
    #[must_use]
    pub(super) fn get(&self, name: &str) -> Option<Property> {
        match name {
            "PartitionKey" => Some(Property::String(self.partition_key.clone())),
            "RowKey" => Some(Property::String(self.row_key.clone())),
            "Timestamp" => Some(Property::DateTime(self.timestamp.clone())),
            _ => self
                .properties
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone()),
        }
    }
}
