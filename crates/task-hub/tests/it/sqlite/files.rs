//! Files of stores, as they are on the disk.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// The log beside a database.
pub fn log(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Copies a database and its log as they are.
pub fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
    if log(from).exists() {
        std::fs::copy(log(from), log(to)).unwrap();
    }
}

/// Changes a database that no store has open.
pub fn change(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}
