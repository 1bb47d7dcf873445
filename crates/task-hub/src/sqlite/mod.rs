//! A store in an SQLite file.
//!
//! Invariants: all steps since the last commit are one transaction of SQLite, and each error ends it, so the
//! tables are then as of the last commit. Nothing is cached beside SQLite's pages: the memory that a store
//! needs does not grow with the number of instances, and there is no second copy that an error could leave
//! behind. The price is about 2 us for each read of a record, a fifth of the store's time.

mod error;
mod file_id;
mod lists;
mod open;
mod rows;
mod write;

use std::path::{Path, PathBuf};

use durable_protocol::Timestamp;
use prost::bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Result as Sql};

use crate::changes::{Activity, Changes, EntityRecord, Message, Timer};
use crate::instance::{InstanceRecord, Payloads};
use crate::query::{EntityFilter, InstanceFilter, Page, PageRequest};
use crate::store::{Store, StoreError, StoreErrorKind, Waiting};

use self::file_id::FileId;
use self::rows::{ENTITY, INSTANCE, MESSAGE, ticks, time};

/// A store in a file. It holds an exclusive lock on the file until it is dropped, or the process ends.
///
/// Beside the file there is a log, with `-wal` behind its name. A commit survives the end of the process; after
/// a power failure the last commits can be missing. The schema has a version, and older files are brought up
/// to date when they are opened.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    /// The file that is open, to notice when another one or none has its name.
    file: Option<FileId>,
    /// A failed transaction that could not be rolled back.
    is_stuck: bool,
}

impl SqliteStore {
    /// Opens the file, or creates it. Its folder must exist.
    ///
    /// # Errors
    /// The file is in use, read-only, damaged, newer than this crate, not a task hub's, or cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        // SQLite would take `:memory:` and an empty name for something else than a file.
        let path = std::path::absolute(path).map_err(|error| {
            StoreError::new(
                StoreErrorKind::Io,
                format!("'{}' is not a path: {error}.", path.display()),
            )
        })?;
        let connection = open::open(&path)?;
        Ok(Self {
            connection,
            file: FileId::of(&path),
            path,
            is_stuck: false,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Limits the size of the file in bytes, log excluded. Steps that would need more fail as on a full disk.
    ///
    /// # Errors
    /// The store failed.
    pub fn limit_size(&mut self, bytes: u64) -> Result<(), StoreError> {
        let page: u64 = self.read(|connection| {
            connection.pragma_query_value(None, "page_size", |row| row.get(0))
        })?;
        let pages = bytes.div_ceil(page.max(1));
        self.read(|connection| {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
        })
    }

    fn read<T>(&self, run: impl FnOnce(&Connection) -> Sql<T>) -> Result<T, StoreError> {
        if self.is_stuck {
            return Err(StoreError::new(
                StoreErrorKind::Io,
                format!(
                    "{} is in a transaction that failed and could not be undone. Start again.",
                    self.path.display()
                ),
            ));
        }
        run(&self.connection).map_err(|error| error::from_sqlite(&self.path, &error))
    }

    /// An error ends the transaction: SQLite itself may have undone a part of it or all.
    fn write(&mut self, run: impl FnOnce(&Connection) -> Sql<()>) -> Result<(), StoreError> {
        let result = self.read(run);
        if result.is_err() {
            self.is_stuck =
                !self.connection.is_autocommit() && end(&self.connection, "ROLLBACK").is_err();
        }
        result
    }
}

fn end(connection: &Connection, sql: &str) -> Sql<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

impl Store for SqliteStore {
    fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, StoreError> {
        self.read(|connection| {
            let sql = format!("SELECT {INSTANCE} FROM instances WHERE id = ?1");
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_row([id], rows::instance).optional()
        })
    }

    fn payloads(&self, id: &str) -> Result<Payloads, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT input, output FROM instances LEFT JOIN inputs ON instance = key WHERE id = ?1",
            )?;
            let payloads = statement.query_row([id], |row| {
                Ok(Payloads {
                    input: row.get(0)?,
                    output: row.get(1)?,
                })
            });
            Ok(payloads.optional()?.unwrap_or_default())
        })
    }

    fn history(&self, id: &str) -> Result<Vec<Bytes>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT events FROM history
                 WHERE instance = (SELECT key FROM instances WHERE id = ?1) ORDER BY position",
            )?;
            let mut rows = statement.query([id])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                rows::unpack(row, 0, &mut events)?;
            }
            Ok(events)
        })
    }

    fn inbox(&self, target: &str) -> Result<Vec<Message>, StoreError> {
        self.read(|connection| {
            let sql = format!("SELECT {MESSAGE} FROM messages WHERE target = ?1 ORDER BY number");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([target], rows::message)?;
            rows.collect()
        })
    }

    fn activity(&self, number: u64) -> Result<Option<Activity>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT instance, execution, action, task FROM activities WHERE number = ?1",
            )?;
            let activity = statement.query_row([number], |row| rows::activity(number, row));
            activity.optional()
        })
    }

    fn entity(&self, id: &str) -> Result<Option<EntityRecord>, StoreError> {
        self.read(|connection| {
            let sql = format!("SELECT {ENTITY} FROM entities WHERE id = ?1");
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_row([id], rows::entity).optional()
        })
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT min(due) FROM timers")?;
            let due: Option<i64> = statement.query_row([], |row| row.get(0))?;
            Ok(due.map(time))
        })
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Timer>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {MESSAGE}, due FROM timers WHERE due <= ?1 ORDER BY due, number LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map([ticks(now), limit], rows::timer)?;
            rows.collect()
        })
    }

    fn instances(
        &self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Result<Page<InstanceRecord>, StoreError> {
        self.read(|connection| lists::instances(connection, filter, page))
    }

    fn entities(
        &self,
        filter: &EntityFilter,
        page: &PageRequest,
    ) -> Result<Page<EntityRecord>, StoreError> {
        self.read(|connection| lists::entities(connection, filter, page))
    }

    fn waiting(&self) -> Result<Waiting, StoreError> {
        self.read(|connection| {
            let mut targets =
                connection.prepare("SELECT DISTINCT target FROM messages ORDER BY target")?;
            let mut activities =
                connection.prepare("SELECT number FROM activities ORDER BY number")?;
            let last_number = connection.query_row(
                "SELECT max(coalesce((SELECT max(number) FROM messages), 0),
                     coalesce((SELECT max(number) FROM timers), 0),
                     coalesce((SELECT max(number) FROM activities), 0))",
                [],
                |row| row.get(0),
            )?;
            Ok(Waiting {
                targets: targets
                    .query_map([], |row| row.get(0))?
                    .collect::<Sql<_>>()?,
                activities: activities
                    .query_map([], |row| row.get(0))?
                    .collect::<Sql<_>>()?,
                last_number,
            })
        })
    }

    fn apply(&mut self, changes: Changes) -> Result<(), StoreError> {
        self.write(|connection| {
            if connection.is_autocommit() {
                end(connection, "BEGIN")?;
            }
            write::apply(connection, changes)
        })
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        if FileId::of(&self.path) != self.file {
            self.rollback()?;
            return Err(error::removed(&self.path));
        }
        self.write(|connection| end(connection, "COMMIT"))
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        if !self.connection.is_autocommit() {
            end(&self.connection, "ROLLBACK")
                .map_err(|error| error::from_sqlite(&self.path, &error))?;
        }
        self.is_stuck = false;
        Ok(())
    }
}
