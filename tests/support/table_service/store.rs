//! Tables that keep what is written to them.
//!
//! Invariant: a member of an entity is kept and answered as it was sent, `@odata.type` included.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value as Json};

/// The most bytes of one property, and of one entity.
const MAX_PROPERTY: usize = 64 * 1024;
const MAX_ENTITY: usize = 1024 * 1024;

/// What identifies an entity, in the order of the service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Keys {
    pub(super) partition: String,
    pub(super) row: String,
}

impl Keys {
    pub(super) fn new(partition: &str, row: &str) -> Self {
        Self {
            partition: partition.to_owned(),
            row: row.to_owned(),
        }
    }
}

pub(super) struct Entity {
    pub(super) members: Map<String, Json>,
    pub(super) etag: String,
}

/// Why a change is refused: a status, and the code of the service.
pub(super) type Refusal = (u16, &'static str);

/// All tables of the account, by their names in lower case.
#[derive(Default)]
pub(super) struct Tables {
    tables: BTreeMap<String, BTreeMap<Keys, Entity>>,
    versions: u64,
}

impl Tables {
    pub(super) fn create(&mut self, table: &str) -> Result<(), Refusal> {
        let name = table.to_lowercase();
        if self.tables.contains_key(&name) {
            return Err((409, "TableAlreadyExists"));
        }
        self.tables.insert(name, BTreeMap::new());
        Ok(())
    }

    pub(super) fn remove(&mut self, table: &str) -> Result<(), Refusal> {
        let removed = self.tables.remove(&table.to_lowercase());
        removed.map(|_| ()).ok_or((404, "ResourceNotFound"))
    }

    pub(super) fn table(&self, table: &str) -> Result<&BTreeMap<Keys, Entity>, Refusal> {
        let found = self.tables.get(&table.to_lowercase());
        found.ok_or((404, "TableNotFound"))
    }

    pub(super) fn get(&self, table: &str, keys: &Keys) -> Result<&Entity, Refusal> {
        self.table(table)?
            .get(keys)
            .ok_or((404, "ResourceNotFound"))
    }

    /// Returns the version.
    pub(super) fn insert(
        &mut self,
        table: &str,
        members: Map<String, Json>,
    ) -> Result<String, Refusal> {
        let key = |name: &str| members.get(name).and_then(Json::as_str);
        let keys = key("PartitionKey").zip(key("RowKey"));
        let (partition, row) = keys.ok_or((400, "PropertiesNeedValue"))?;
        let keys = Keys::new(partition, row);
        if self.table(table)?.contains_key(&keys) {
            return Err((409, "EntityAlreadyExists"));
        }
        self.put(table, keys, members)
    }

    /// Replaces this version, or whatever is there for `None`. Returns the new one.
    pub(super) fn replace(
        &mut self,
        table: &str,
        keys: Keys,
        version: Option<&str>,
        members: Map<String, Json>,
    ) -> Result<String, Refusal> {
        if version.is_some() {
            self.check(table, &keys, version)?;
        }
        self.put(table, keys, members)
    }

    /// Deletes this version, or any for `*`.
    pub(super) fn delete(
        &mut self,
        table: &str,
        keys: &Keys,
        version: Option<&str>,
    ) -> Result<(), Refusal> {
        self.check(table, keys, version)?;
        self.of(table)?.remove(keys);
        Ok(())
    }

    fn check(&self, table: &str, keys: &Keys, version: Option<&str>) -> Result<(), Refusal> {
        let entity = self.get(table, keys)?;
        match version {
            None => Err((400, "MissingRequiredHeader")),
            Some(version) if version == "*" || version == entity.etag => Ok(()),
            Some(_) => Err((412, "UpdateConditionNotSatisfied")),
        }
    }

    fn put(
        &mut self,
        table: &str,
        keys: Keys,
        mut members: Map<String, Json>,
    ) -> Result<String, Refusal> {
        check_size(&members)?;
        members.insert("PartitionKey".to_owned(), keys.partition.clone().into());
        members.insert("RowKey".to_owned(), keys.row.clone().into());
        self.versions += 1;
        let etag = format!(
            "W/\"datetime'2026-11-21T00%3A00%3A00.{:07}Z'\"",
            self.versions
        );
        let entity = Entity {
            members,
            etag: etag.clone(),
        };
        self.of(table)?.insert(keys, entity);
        Ok(etag)
    }

    fn of(&mut self, table: &str) -> Result<&mut BTreeMap<Keys, Entity>, Refusal> {
        let found = self.tables.get_mut(&table.to_lowercase());
        found.ok_or((404, "TableNotFound"))
    }

    /// Adds a table with these entities.
    pub(super) fn fill(&mut self, table: &str, entities: BTreeMap<Keys, Map<String, Json>>) {
        self.create(table).unwrap();
        for (keys, members) in entities {
            self.put(table, keys, members).unwrap();
        }
    }
}

fn check_size(members: &Map<String, Json>) -> Result<(), Refusal> {
    let mut whole = 0;
    for (name, value) in members {
        let size = match value {
            Json::String(text)
                if members
                    .get(&format!("{name}@odata.type"))
                    .is_some_and(|it| it == "Edm.Binary") =>
            {
                let bytes = BASE64_STANDARD.decode(text);
                bytes.map_err(|_| (400, "InvalidInput"))?.len()
            }
            // The service counts in UTF-16.
            Json::String(text) => text.encode_utf16().count() * 2,
            _ => 8,
        };
        if size > MAX_PROPERTY {
            return Err((400, "PropertyValueTooLarge"));
        }
        if !name.contains('@') {
            whole += size + 2 * name.len();
        }
    }
    if whole > MAX_ENTITY {
        return Err((400, "EntityTooLarge"));
    }
    Ok(())
}
