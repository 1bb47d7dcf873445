//! Opening: the lock, the version, the settings.
//!
//! Invariants: a file that is not this crate's, or is newer, is not changed. The lock is held from the first
//! read to the end of the store.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use super::error;
use crate::store::StoreError;

/// "DTHb": what kind of database the file is.
const APPLICATION: i64 = 0x4454_4862;

/// Each entry takes the schema from the version that is its index to the next one. Published entries never
/// change.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// How long an opener waits for the lock: a process that was just told to end may take a moment.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// How long one attempt waits.
const LOCK_ATTEMPT: Duration = Duration::from_millis(100);

/// The tables of what is under way. They are small even in a large database.
const LIVE_TABLES: [&str; 3] = ["messages", "timers", "activities"];

pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error| error::from_sqlite(path, &error);
    // Not `URI`: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let started = Instant::now();
    let mut connection = loop {
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        // SQLite opens a file that it cannot write for reading only.
        if connection.is_readonly(MAIN_DB).map_err(failed)? {
            return Err(error::read_only(path));
        }
        match lock(&connection) {
            Ok(()) => break connection,
            Err(error) if is_busy(&error) && started.elapsed() < LOCK_WAIT => {
                // Two that open at once both hold a shared lock, and neither gets more before the other lets go.
                // With different pauses one is first.
                drop(connection);
                thread::sleep(Duration::from_millis(random() % 50));
            }
            Err(error) => return Err(failed(error)),
        }
    };
    let version = version(path, &connection)?;
    settings(&connection).map_err(failed)?;
    migrate(&mut connection, version, MIGRATIONS).map_err(failed)?;
    check(path, &connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// One process at a time. An exclusive lock of SQLite needs no file of its own that a crash could leave
/// behind, and no shared memory for the index of the log. The price: other programs cannot look into the
/// file while a hub has it; they can copy it.
fn lock(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(LOCK_ATTEMPT)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    // The lock is taken by the first write. This one changes nothing.
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")
}

/// Differs between processes, threads and calls.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// The version of the schema; 0 in a new file.
fn version(path: &Path, connection: &Connection) -> Result<usize, StoreError> {
    let failed = |error| error::from_sqlite(path, &error);
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = number("application_id").map_err(failed)?;
    let version = number("user_version").map_err(failed)?;
    if application != APPLICATION {
        let is_empty: bool = connection
            .query_row(
                "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)",
                [],
                |row| row.get(0),
            )
            .map_err(failed)?;
        if application != 0 || version != 0 || !is_empty {
            return Err(error::foreign(path));
        }
    }
    let known = MIGRATIONS.len();
    usize::try_from(version)
        .ok()
        .filter(|version| *version <= known)
        .ok_or_else(|| error::newer(path, version, known as i64))
}

/// With a write-ahead log, a commit appends to one file. `synchronous = NORMAL`: a commit is handed to the
/// operating system, and the end of the process, also by `kill -9`, loses nothing. A power failure can lose the
/// last commits, those since the last checkpoint at most, but never part of one and never the order. `FULL`
/// would keep them for the price of one flush of the disk per commit; a host for development does not need
/// that.
///
/// The log is written back to the file when it has 8,000 pages (32 MB), because that flushes the disk twice. With
/// SQLite's 1,000 pages, half of the time was spent waiting for the disk. The price: a start after `kill -9`
/// reads up to 32 MB.
fn settings(connection: &Connection) -> rusqlite::Result<()> {
    // Without it, SQLite plans a statement again when a value in it changes: a fifth of all time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL;
         PRAGMA cache_size = -8192; -- KiB
         PRAGMA mmap_size = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 8000; -- pages
         PRAGMA journal_size_limit = 33554432;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA foreign_keys = OFF;",
    )
}

fn migrate(
    connection: &mut Connection,
    version: usize,
    migrations: &[&str],
) -> rusqlite::Result<()> {
    let missing = migrations.get(version..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", migrations.len() as i64)?;
    transaction.commit()
}

/// Checks what the hub is about to work on. A check of the whole file would take seconds with 100,000
/// instances; damage elsewhere is an error of the read that meets it.
fn check(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    for table in LIVE_TABLES {
        let result: String = connection
            .query_row(&format!("PRAGMA quick_check('{table}')"), [], |row| {
                row.get(0)
            })
            .map_err(|error| error::from_sqlite(path, &error))?;
        if result != "ok" {
            return Err(error::corrupt(path, &result));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NEXT: &str = "ALTER TABLE entities ADD COLUMN note TEXT";

    fn user_version(connection: &Connection) -> i64 {
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn an_older_file_is_brought_up_to_date_and_keeps_its_data() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, MIGRATIONS).unwrap();
        assert_eq!(user_version(&connection), MIGRATIONS.len() as i64);
        connection
            .execute("INSERT INTO entities (id) VALUES ('@e@k')", [])
            .unwrap();
        let newer = [MIGRATIONS, &[NEXT]].concat();
        migrate(&mut connection, MIGRATIONS.len(), &newer).unwrap();
        assert_eq!(user_version(&connection), newer.len() as i64);
        let note: Option<String> = connection
            .query_row("SELECT note FROM entities", [], |row| row.get(0))
            .unwrap();
        assert_eq!(note, None);
        // Nothing is left to do.
        migrate(&mut connection, newer.len(), &newer).unwrap();
    }

    #[test]
    fn a_migration_that_fails_leaves_the_file_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, MIGRATIONS).unwrap();
        let newer = [MIGRATIONS, &[NEXT, "an error"]].concat();
        migrate(&mut connection, MIGRATIONS.len(), &newer).unwrap_err();
        assert_eq!(user_version(&connection), MIGRATIONS.len() as i64);
        connection.prepare("SELECT note FROM entities").unwrap_err();
    }
}
