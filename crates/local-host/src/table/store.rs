//! The tables in memory.
//!
//! The rows of the sample are made when they are read; inserted rows are kept, and the keys of deleted rows of the
//! sample.

use super::entity::Entity;
use super::sample::{self, Sample};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::{Arc, PoisonError, RwLock};

/// `PartitionKey` and `RowKey`.
pub(super) type Keys = (String, String);
type Rows = BTreeMap<Keys, Entity>;
/// Entities and the keys at which the next page begins.
type Page = (Vec<Entity>, Option<Keys>);

/// Tables by name, which do not depend on case; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<RwLock<BTreeMap<String, Table>>>);

/// No keys are both inserted and in what is left of the sample.
#[derive(Debug)]
struct Table {
    name: String,
    sample: Option<Sample>,
    /// Keys of the sample whose rows were deleted.
    deleted: BTreeSet<Keys>,
    inserted: Rows,
}

impl Table {
    fn get(&self, keys: &Keys) -> Option<Entity> {
        let inserted = self.inserted.get(keys).cloned();
        inserted.or_else(|| {
            self.sample
                .as_ref()?
                .get(keys)
                .filter(|it| self.is_left(it))
        })
    }

    /// Whether this row of the sample was not deleted.
    fn is_left(&self, entity: &Entity) -> bool {
        // For an empty set a read costs nothing.
        self.deleted.is_empty() || !self.deleted.contains(&owned(entity))
    }

    /// All rows from these keys on, in key order.
    fn from(&self, keys: &Keys) -> impl Iterator<Item = Entity> {
        let sample = self.sample.iter().flat_map(|sample| sample.from(keys));
        let mut sample = sample.filter(|it| self.is_left(it)).peekable();
        let inserted = self.inserted.range(keys.clone()..);
        let mut inserted = inserted.map(|(_, entity)| entity).peekable();
        iter::from_fn(move || {
            let is_sample = match (sample.peek(), inserted.peek()) {
                (Some(sample), Some(inserted)) => sample.keys() < inserted.keys(),
                (sample, _) => sample.is_some(),
            };
            if is_sample {
                sample.next()
            } else {
                inserted.next().cloned()
            }
        })
    }
}

/// Why nothing was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreError {
    TableNotFound,
    TableAlreadyExists,
    EntityAlreadyExists,
    EntityNotFound,
    /// Another version is there.
    Changed,
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
        let table = Table {
            name: sample::TABLE.to_owned(),
            sample: Some(Sample::new()),
            deleted: BTreeSet::new(),
            inserted: Rows::new(),
        };
        Self(Arc::new(RwLock::new(
            [(sample::TABLE.to_lowercase(), table)].into(),
        )))
    }

    /// The names of the tables, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tables.values().map(|table| table.name.clone()).collect()
    }

    pub(super) fn create(&self, name: &str) -> Result<(), StoreError> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match tables.entry(name.to_lowercase()) {
            Entry::Occupied(_) => Err(StoreError::TableAlreadyExists),
            Entry::Vacant(place) => {
                place.insert(Table {
                    name: name.to_owned(),
                    sample: None,
                    deleted: BTreeSet::new(),
                    inserted: Rows::new(),
                });
                Ok(())
            }
        }
    }

    pub(super) fn insert(&self, table: &str, entity: Entity) -> Result<(), StoreError> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(table) = tables.get_mut(&table.to_lowercase()) else {
            return Err(StoreError::TableNotFound);
        };
        let key = (entity.partition_key.clone(), entity.row_key.clone());
        if table.get(&key).is_some() {
            return Err(StoreError::EntityAlreadyExists);
        }
        table.inserted.insert(key, entity);
        Ok(())
    }

    /// Deletes an entity that is `expected`.
    pub(super) fn delete(
        &self,
        table: &str,
        keys: &Keys,
        expected: impl Fn(&Entity) -> bool,
    ) -> Result<(), StoreError> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let table = tables
            .get_mut(&table.to_lowercase())
            .ok_or(StoreError::TableNotFound)?;
        let entity = table.get(keys).ok_or(StoreError::EntityNotFound)?;
        if !expected(&entity) {
            return Err(StoreError::Changed);
        }
        if table.inserted.remove(keys).is_none() {
            table.deleted.insert(keys.clone());
        }
        Ok(())
    }

    pub(super) fn get(&self, table: &str, keys: &Keys) -> Result<Option<Entity>, StoreError> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let table = tables
            .get(&table.to_lowercase())
            .ok_or(StoreError::TableNotFound)?;
        Ok(table.get(keys))
    }

    /// The first `limit` entities that pass, in key order from `start` on and in partitions below `end`, and the
    /// keys of the next one that passes.
    pub(super) fn page(
        &self,
        table: &str,
        start: &Keys,
        end: Option<&str>,
        limit: usize,
        passes: impl Fn(&Entity) -> bool,
    ) -> Result<Page, StoreError> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let table = tables
            .get(&table.to_lowercase())
            .ok_or(StoreError::TableNotFound)?;
        let mut found = table
            .from(start)
            .take_while(|entity| end.is_none_or(|end| *entity.partition_key < *end))
            .filter(passes);
        let entities = found.by_ref().take(limit).collect();
        let next = found
            .next()
            .map(|entity| (entity.partition_key, entity.row_key));
        Ok((entities, next))
    }
}

fn owned(entity: &Entity) -> Keys {
    let (partition_key, row_key) = entity.keys();
    (partition_key.to_owned(), row_key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn keys(partition: &str, row: &str) -> Keys {
        (partition.to_owned(), row.to_owned())
    }

    fn entity(partition: &str, row: &str) -> Entity {
        Entity {
            partition_key: partition.to_owned(),
            row_key: row.to_owned(),
            timestamp: String::new(),
            properties: Vec::new(),
        }
    }

    fn page(store: &Store, start: &Keys, end: &str, limit: usize) -> (Vec<Keys>, Option<Keys>) {
        let (entities, next) = store
            .page(sample::TABLE, start, Some(end), limit, |_| true)
            .unwrap();
        (entities.iter().map(owned).collect(), next)
    }

    #[test]
    fn a_query_of_one_partition_reads_no_other() {
        let seen = Cell::new(0);
        let day = keys("2022-07-01", "");
        let (entities, next) = Store::with_sample_data()
            .page(sample::TABLE, &day, Some("2022-07-02"), 1_000, |_| {
                seen.set(seen.get() + 1);
                true
            })
            .unwrap();
        assert_eq!((entities.len(), next, seen.get()), (40, None, 40));
    }

    #[test]
    fn inserted_rows_stand_between_those_of_the_sample() {
        let store = Store::with_sample_data();
        for (partition, row) in [("2022-07-01", "000038x"), ("2022-07-01T12", "")] {
            store.insert("Audit", entity(partition, row)).unwrap();
        }
        let start = keys("2022-07-01", "000038");
        let (found, next) = page(&store, &start, "2022-07-03", 4);
        let expected = [
            start,
            keys("2022-07-01", "000038x"),
            keys("2022-07-01", "000039"),
            keys("2022-07-01T12", ""),
        ];
        assert_eq!(found, expected);
        assert_eq!(next, Some(keys("2022-07-02", "000000")));
        let (found, next) = page(&store, &keys("2022-07-02", "000039"), "2022-07-03", 4);
        assert_eq!((found.len(), next), (1, None));
    }

    #[test]
    fn a_deleted_row_is_gone_and_its_keys_are_free() {
        let store = Store::with_sample_data();
        let first = keys("2022-07-01", "000000");
        let own = keys("2022-07-01", "0000000");
        store
            .insert(sample::TABLE, entity("2022-07-01", "0000000"))
            .unwrap();
        for keys in [&first, &own] {
            let refused = store.delete(sample::TABLE, keys, |_| false);
            assert_eq!(refused, Err(StoreError::Changed));
            store.delete(sample::TABLE, keys, |_| true).unwrap();
            assert_eq!(store.get(sample::TABLE, keys), Ok(None));
            let again = store.delete(sample::TABLE, keys, |_| true);
            assert_eq!(again, Err(StoreError::EntityNotFound));
        }
        let (found, _) = page(&store, &first, "2022-07-02", 1_000);
        assert_eq!(found.len(), 39);
        let again = || entity("2022-07-01", "000000");
        store.insert(sample::TABLE, again()).unwrap();
        let (found, _) = page(&store, &first, "2022-07-02", 1_000);
        assert_eq!((found.len(), &found[0]), (40, &first));
        assert_eq!(store.get(sample::TABLE, &first), Ok(Some(again())));
        store.delete(sample::TABLE, &first, |_| true).unwrap();
        assert_eq!(store.get(sample::TABLE, &first), Ok(None));
    }

    #[test]
    fn keys_of_the_sample_are_taken() {
        let store = Store::with_sample_data();
        for partition in ["2021-01-01", "2022-12-31"] {
            let again = store.insert(sample::TABLE, entity(partition, "000000"));
            assert_eq!(again, Err(StoreError::EntityAlreadyExists));
        }
    }
}
