//! Whole entities, as the app writes them and reads them back.
//!
//! Invariant: a value is written with its type, so that a filter of that type finds it. JSON has no integers of 64 bits;
//! the service writes and reads them as texts.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value as Json, value::RawValue};

use super::{error::TableError, error::unexpected, filter::Value, names::PropertyName};

/// The member of an entity's JSON that holds its ETag.
const ETAG: &str = "odata.etag";

/// What identifies an entity within its table. The text of a key is at most 1 KiB, without `/`, `\`, `#`, `?` and control
/// characters; a caller that has other texts encodes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) partition: String,
    pub(crate) row: String,
}

/// A version of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Etag(pub(super) String);

/// One entity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entity(Map<String, Json>);

impl Entity {
    /// An entity without any property but its keys.
    pub(crate) fn new(keys: &Keys) -> Self {
        let entity = Self(Map::new());
        entity
            .with(&PropertyName::PARTITION_KEY, keys.partition.as_str())
            .with(&PropertyName::ROW_KEY, keys.row.as_str())
    }

    /// The same with this property.
    pub(crate) fn with(mut self, name: &PropertyName, value: impl Into<Value>) -> Self {
        let name = name.as_str();
        let json = match value.into() {
            Value::Text(text) => Json::String(text),
            Value::Boolean(truth) => Json::Bool(truth),
            Value::Int64(number) => {
                let kind = Json::String("Edm.Int64".to_owned());
                self.0.insert(format!("{name}@odata.type"), kind);
                Json::String(number.to_string())
            }
            Value::Binary(bytes) => {
                let kind = Json::String("Edm.Binary".to_owned());
                self.0.insert(format!("{name}@odata.type"), kind);
                Json::String(STANDARD.encode(bytes))
            }
        };
        self.0.insert(name.to_owned(), json);
        self
    }

    /// Reads an entity of a page.
    ///
    /// # Errors
    /// It is not a JSON object.
    pub(super) fn read(json: &RawValue) -> Result<Self, TableError> {
        let members = serde_json::from_str(json.get());
        members
            .map(Self)
            .map_err(|_| unexpected("an entity is no JSON object"))
    }

    pub(super) fn from_members(members: Map<String, Json>) -> Self {
        Self(members)
    }

    /// # Errors
    /// A key is missing, which no entity of the service lacks that was asked for it.
    pub(crate) fn keys(&self) -> Result<Keys, TableError> {
        let key = |name: &PropertyName| {
            let text = self.text(name).map(str::to_owned);
            text.ok_or_else(|| unexpected("an entity lacks a key"))
        };
        Ok(Keys {
            partition: key(&PropertyName::PARTITION_KEY)?,
            row: key(&PropertyName::ROW_KEY)?,
        })
    }

    /// The version, if the answer had it.
    pub(crate) fn etag(&self) -> Option<Etag> {
        let text = self.0.get(ETAG)?.as_str()?;
        Some(Etag(text.to_owned()))
    }

    /// The property as a text. `None` when it is absent or something else.
    pub(crate) fn text(&self, name: &PropertyName) -> Option<&str> {
        self.0.get(name.as_str())?.as_str()
    }

    /// The property as an integer. `None` when it is absent or something else.
    pub(crate) fn int64(&self, name: &PropertyName) -> Option<i64> {
        match self.0.get(name.as_str())? {
            Json::String(text) => text.parse().ok(),
            other => other.as_i64(),
        }
    }

    /// The property as bytes. `None` when it is absent.
    ///
    /// # Errors
    /// It is something else.
    pub(crate) fn binary(&self, name: &PropertyName) -> Result<Option<Vec<u8>>, TableError> {
        let Some(value) = self.0.get(name.as_str()) else {
            return Ok(None);
        };
        let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.ok_or_else(|| unexpected("a property of bytes is none"))?;
        Ok(Some(bytes))
    }

    pub(super) fn members(&self) -> &Map<String, Json> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_with_their_types_and_read_as_they_were() {
        let keys = Keys {
            partition: "p".to_owned(),
            row: "r".to_owned(),
        };
        let name = |text| PropertyName::parse(text).unwrap();
        let entity = Entity::new(&keys)
            .with(&name("Number"), i64::MAX)
            .with(&name("Text"), "5");
        assert_eq!(
            serde_json::to_value(entity.members()).unwrap(),
            serde_json::json!({
                "PartitionKey": "p", "RowKey": "r", "Text": "5",
                "Number": "9223372036854775807", "Number@odata.type": "Edm.Int64",
            })
        );
        assert_eq!(entity.int64(&name("Number")), Some(i64::MAX));
        assert_eq!(entity.text(&name("Text")), Some("5"));
        assert_eq!(entity.keys(), Ok(keys));
        assert_eq!(entity.int64(&name("Absent")), None);
        let json: Box<RawValue> =
            serde_json::from_str(r#"{"odata.etag":"W/\"1\"","Number":7}"#).unwrap();
        let entity = Entity::read(&json).unwrap();
        assert_eq!(entity.etag(), Some(Etag(r#"W/"1""#.to_owned())));
        assert_eq!(entity.int64(&name("Number")), Some(7));
        assert!(entity.keys().is_err());
    }
}
