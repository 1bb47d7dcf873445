//! The JSON of the table service.

use super::ACCOUNT;
use super::entity::Entity;
use serde_json::{Map, Value, json};

/// How much the client wants to know about types.
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
pub(super) fn page(base: &str, table: &str, metadata: Metadata, values: Vec<Value>) -> Value {
    let mut page = Map::new();
    if metadata != Metadata::No {
        page.insert(
            "odata.metadata".to_owned(),
            json!(format!("{base}/{ACCOUNT}/$metadata#{table}")),
        );
    }
    page.insert("value".to_owned(), Value::Array(values));
    Value::Object(page)
}

/// A single object with the metadata link of its table.
pub(super) fn single(base: &str, table: &str, metadata: Metadata, mut value: Value) -> Value {
    if let (Value::Object(object), true) = (&mut value, metadata != Metadata::No) {
        object.insert(
            "odata.metadata".to_owned(),
            json!(format!("{base}/{ACCOUNT}/$metadata#{table}/@Element")),
        );
    }
    value
}

/// A table of the list of tables.
pub(super) fn table(base: &str, metadata: Metadata, name: &str) -> Value {
    let link = format!("Tables('{name}')");
    match metadata {
        Metadata::Full => json!({
            "odata.type": format!("{ACCOUNT}.Tables"),
            "odata.id": format!("{base}/{ACCOUNT}/{link}"),
            "odata.editLink": link,
            "TableName": name,
        }),
        Metadata::Minimal | Metadata::No => json!({"TableName": name}),
    }
}

/// One entity; a selected property that it does not have is left out, as in Azurite.
pub(super) fn entity(
    base: &str,
    table: &str,
    metadata: Metadata,
    entity: &Entity,
    select: &[String],
) -> Value {
    let mut object = Map::new();
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
    let wanted = |name: &str| select.is_empty() || select.iter().any(|known| known == name);
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
    Value::Object(object)
}

/// The version of an entity, for `ETag`.
pub(super) fn etag(entity: &Entity) -> String {
    format!("W/\"datetime'{}'\"", entity.timestamp.replace(':', "%3A"))
}

/// An error.
pub(super) fn error(code: &str, message: &str) -> Value {
    json!({"odata.error": {"code": code, "message": {"lang": "en-US", "value": message}}})
}
