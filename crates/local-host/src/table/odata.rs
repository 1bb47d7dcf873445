//! The JSON of the table service.

use super::ACCOUNT;
use super::entity::{Entity, Object};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashSet;

/// A page of a list.
#[derive(Serialize)]
pub(super) struct Page {
    #[serde(rename = "odata.metadata", skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    value: Vec<Object>,
}

/// How much type information the client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metadata {
    No,
    Minimal,
    Full,
}

impl Metadata {
    /// From the `Accept` header or `$format`.
    pub(super) fn of(accept: &str) -> Self {
        let accept = accept.to_ascii_lowercase();
        if accept.contains("odata=nometadata") {
            Self::No
        } else if accept.contains("odata=fullmetadata") {
            Self::Full
        } else {
            Self::Minimal
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::No => "application/json;odata=nometadata;streaming=true;charset=utf-8",
            Self::Minimal => "application/json;odata=minimalmetadata;streaming=true;charset=utf-8",
            Self::Full => "application/json;odata=fullmetadata;streaming=true;charset=utf-8",
        }
    }
}

/// A page of entities.
pub(super) fn page(base: &str, table: &str, metadata: Metadata, value: Vec<Object>) -> Page {
    let link = format!("{base}/{ACCOUNT}/$metadata#{table}");
    Page {
        metadata: (metadata != Metadata::No).then_some(link),
        value,
    }
}

/// A single object with the metadata link of its table.
pub(super) fn single(base: &str, table: &str, metadata: Metadata, mut value: Object) -> Object {
    if metadata != Metadata::No {
        let link = format!("{base}/{ACCOUNT}/$metadata#{table}/@Element");
        value.shift_insert(0, "odata.metadata".to_owned(), json!(link));
    }
    value
}

/// A table of the list of tables.
pub(super) fn table(base: &str, metadata: Metadata, name: &str) -> Object {
    let link = format!("Tables('{name}')");
    let mut object = Object::new();
    let mut put = |name: &str, value: String| {
        object.insert(name.to_owned(), Value::String(value));
    };
    if metadata == Metadata::Full {
        put("odata.type", format!("{ACCOUNT}.Tables"));
        put("odata.id", format!("{base}/{ACCOUNT}/{link}"));
        put("odata.editLink", link);
    }
    put("TableName", name.to_owned());
    object
}

/// One entity; a selected property that it does not have is left out, as in Azurite.
pub(super) fn entity(
    base: &str,
    table: &str,
    metadata: Metadata,
    entity: &Entity,
    select: &HashSet<String>,
) -> Object {
    let mut object = Object::new();
    let mut put = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    let quoted = |key: &str| key.replace('\'', "''");
    let link = format!(
        "{table}(PartitionKey='{}',RowKey='{}')",
        quoted(&entity.partition_key),
        quoted(&entity.row_key)
    );
    if metadata == Metadata::Full {
        put("odata.type", json!(format!("{ACCOUNT}.{table}")));
        put("odata.id", json!(format!("{base}/{ACCOUNT}/{link}")));
        put("odata.editLink", json!(link));
    }
    if metadata != Metadata::No {
        put("odata.etag", json!(etag(entity)));
    }
    let wanted = |name: &str| select.is_empty() || select.contains(name);
    let system = ["PartitionKey", "RowKey", "Timestamp"];
    let names = system
        .into_iter()
        .chain(entity.properties.iter().map(|(name, _)| name.as_str()));
    for name in names.filter(|name| wanted(name)) {
        let Some(value) = entity.get(name) else {
            continue;
        };
        let implied = name == "Timestamp" && metadata == Metadata::Minimal;
        if let Some(kind) = value.annotation()
            && metadata != Metadata::No
            && !implied
        {
            put(&format!("{name}@odata.type"), json!(kind));
        }
        put(name, value.to_json());
    }
    object
}

/// The version of an entity, for `ETag`.
pub(super) fn etag(entity: &Entity) -> String {
    format!("W/\"datetime'{}'\"", entity.timestamp.replace(':', "%3A"))
}

/// An error.
pub(super) fn error(code: &str, message: &str) -> Value {
    json!({"odata.error": {"code": code, "message": {"lang": "en-US", "value": message}}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::entity::Property;

    #[test]
    fn links_come_first_and_types_before_their_values() {
        let entity = Entity {
            partition_key: "p".into(),
            row_key: "r".into(),
            timestamp: "2024-01-02T03:04:05Z".into(),
            properties: vec![
                ("Z".into(), Property::Int64(1)),
                ("A".into(), Property::Int32(2)),
            ],
        };
        let object = super::entity("http://h", "T", Metadata::Minimal, &entity, &HashSet::new());
        let object = single("http://h", "T", Metadata::Minimal, object);
        let names: Vec<&String> = object.keys().collect();
        assert_eq!(
            names,
            [
                "odata.metadata",
                "odata.etag",
                "PartitionKey",
                "RowKey",
                "Timestamp",
                "Z@odata.type",
                "Z",
                "A"
            ]
        );
    }
}
