//! The tables in memory.

use super::entity::Entity;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

/// `PartitionKey` and `RowKey`.
pub(super) type Keys = (String, String);
type Rows = BTreeMap<Keys, Entity>;
/// Entities and the keys at which the next page begins.
type Page = (Vec<Entity>, Option<Keys>);

/// Tables by name, which do not depend on case; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<RwLock<BTreeMap<String, (String, Rows)>>>);

/// Why nothing was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreError {
    TableNotFound,
    TableAlreadyExists,
    EntityAlreadyExists,
}

impl Store {
    /// A store without tables.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A store with the [sample](super::sample) table.
    #[must_use]
    pub fn with_sample_data() -> Self {
        let rows = super::sample::entities()
            .map(|entity| {
                (
                    (entity.partition_key.clone(), entity.row_key.clone()),
                    entity,
                )
            })
            .collect();
        let name = super::sample::TABLE.to_owned();
        Self(Arc::new(RwLock::new(
            [(name.to_lowercase(), (name, rows))].into(),
        )))
    }

    /// The names of the tables, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tables.values().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn create(&self, name: &str) -> Result<(), StoreError> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match tables.entry(name.to_lowercase()) {
            std::collections::btree_map::Entry::Occupied(_) => Err(StoreError::TableAlreadyExists),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert((name.to_owned(), Rows::new()));
                Ok(())
            }
        }
    }

    pub(super) fn insert(&self, table: &str, entity: Entity) -> Result<(), StoreError> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some((_, rows)) = tables.get_mut(&table.to_lowercase()) else {
            return Err(StoreError::TableNotFound);
        };
        let key = (entity.partition_key.clone(), entity.row_key.clone());
        if rows.contains_key(&key) {
            return Err(StoreError::EntityAlreadyExists);
        }
        rows.insert(key, entity);
        Ok(())
    }

    pub(super) fn get(&self, table: &str, keys: &Keys) -> Result<Option<Entity>, StoreError> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (_, rows) = tables
            .get(&table.to_lowercase())
            .ok_or(StoreError::TableNotFound)?;
        Ok(rows.get(keys).cloned())
    }

    /// The first `limit` entities that pass, in key order from `start` on, and the keys of the next one that
    /// passes.
    pub(super) fn page(
        &self,
        table: &str,
        start: Option<Keys>,
        limit: usize,
        passes: impl Fn(&Entity) -> bool,
    ) -> Result<Page, StoreError> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (_, rows) = tables
            .get(&table.to_lowercase())
            .ok_or(StoreError::TableNotFound)?;
        let from = start.map_or(Bound::Unbounded, Bound::Included);
        let mut found = rows
            .range((from, Bound::Unbounded))
            .filter(|(_, entity)| passes(entity));
        let entities = found
            .by_ref()
            .take(limit)
            .map(|(_, entity)| entity.clone())
            .collect();
        let next = found.next().map(|(keys, _)| keys.clone());
        Ok((entities, next))
    }
}
