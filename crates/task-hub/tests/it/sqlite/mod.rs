//! The SQLite store passes the checks of every store.

mod durability;
mod faults;
mod files;
mod kill;
mod lists;

use std::path::PathBuf;

use prost::bytes::Bytes;
use task_hub::changes::{Changes, Message};
use task_hub::validation::{Testbed, make};
use task_hub::{SqliteStore, Store as _, StoreError, StoreErrorKind};
use tempfile::TempDir;

use crate::world::Failing;

/// Stores in one folder.
pub struct Sqlite {
    folder: TempDir,
    stores: usize,
}

impl Sqlite {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            stores: 0,
        }
    }

    fn next(&mut self) -> PathBuf {
        self.stores += 1;
        self.folder.path().join(format!("{}.db", self.stores))
    }
}

impl Testbed for Sqlite {
    type Store = SqliteStore;

    fn create(&mut self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.next())
    }

    /// Opens a copy of the files as they are now, which is what the end of the process leaves. Dropping the
    /// store first would close the files properly.
    fn crash(&mut self, store: SqliteStore) -> Result<SqliteStore, StoreError> {
        let copy = self.next();
        files::copy(store.path(), &copy);
        SqliteStore::open(copy)
    }
}

impl Failing for Sqlite {
    /// The file may not grow, and a step is larger than what is free in it.
    fn fail_commit(&mut self, store: &mut SqliteStore) {
        store.limit_size(1).unwrap();
        let large = Changes {
            sent: vec![Message {
                body: Bytes::from(vec![0; 1 << 20]),
                ..make::message(1 << 40, "a")
            }],
            ..Changes::default()
        };
        let error = store.apply(large).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
        store.limit_size(u64::MAX).unwrap();
    }
}

task_hub::store_tests!(Sqlite::new());
