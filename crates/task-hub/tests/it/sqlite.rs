//! The SQLite store passes the checks of every store.

use std::path::PathBuf;

use task_hub::validation::Testbed;
use task_hub::{SqliteStore, StoreError};
use tempfile::TempDir;

/// Stores in one folder.
struct Sqlite {
    folder: TempDir,
    stores: usize,
}

impl Sqlite {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            stores: 0,
        }
    }
}

impl Testbed for Sqlite {
    type Store = SqliteStore;

    fn create(&mut self) -> Result<SqliteStore, StoreError> {
        self.stores += 1;
        SqliteStore::open(self.folder.path().join(format!("{}.db", self.stores)))
    }

    fn crash(&mut self, store: SqliteStore) -> Result<SqliteStore, StoreError> {
        let path: PathBuf = store.path().to_owned();
        drop(store);
        SqliteStore::open(path)
    }
}

task_hub::store_tests!(Sqlite::new());
