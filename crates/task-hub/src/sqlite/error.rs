//! Errors of SQLite in words for the person who runs the hub.
//!
//! Invariant: each text names the file, says what is wrong with it and what can be done.

use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use crate::store::{StoreError, StoreErrorKind};

/// The file was written by a newer version.
pub(super) fn newer(path: &Path, found: i64, known: i64) -> StoreError {
    StoreError::new(
        StoreErrorKind::Newer,
        format!(
            "{} has version {found} of the schema, and this program knows version {known} at most. Use \
             the newer program, or another file.",
            path.display()
        ),
    )
}

/// The file is a database of another program.
pub(super) fn foreign(path: &Path) -> StoreError {
    StoreError::new(
        StoreErrorKind::Corrupt,
        format!(
            "{} is a database, but not that of a task hub. It was not changed. Use another file.",
            path.display()
        ),
    )
}

/// A row or a page has what it cannot have.
pub(super) fn corrupt(path: &Path, what: &str) -> StoreError {
    let path = path.display();
    // SQLite's report has a heading, and a line for each page.
    let lines = what.lines().filter(|line| !line.starts_with("***"));
    let what = lines.collect::<Vec<_>>().join("; ");
    StoreError::new(
        StoreErrorKind::Corrupt,
        format!(
            "{path} is damaged ({what}). Restore a copy of it and of {path}-wal, or remove both to begin \
             with an empty task hub."
        ),
    )
}

/// Another file or none has the name of the file that is open.
pub(super) fn removed(path: &Path) -> StoreError {
    StoreError::new(
        StoreErrorKind::Io,
        format!(
            "{} was removed or replaced while it was in use, so nothing more is stored. Put it back, or start \
             again with what is there now.",
            path.display()
        ),
    )
}

pub(super) fn read_only(path: &Path) -> StoreError {
    StoreError::new(
        StoreErrorKind::ReadOnly,
        format!(
            "{} or its folder is read-only. Allow this user to write both, or use another file.",
            path.display()
        ),
    )
}

/// The file cannot be opened.
fn cannot_open(path: &Path, why: &str) -> StoreError {
    let folder = path.parent().unwrap_or(path);
    if !folder.is_dir() {
        return StoreError::new(
            StoreErrorKind::Io,
            format!("{} is not a folder. Create it.", folder.display()),
        );
    }
    if path.is_dir() {
        return StoreError::new(
            StoreErrorKind::Io,
            format!("{} is a folder, not a file.", path.display()),
        );
    }
    // SQLite does not say why, and opening the file once more would drop the locks of this process on it.
    // What is left is a lack of permissions, or of file descriptors.
    StoreError::new(
        StoreErrorKind::ReadOnly,
        format!(
            "{} cannot be opened for writing ({why}). Allow this user to write the file and its folder, or \
             use another file.",
            path.display()
        ),
    )
}

/// Words an error of SQLite.
pub(super) fn from_sqlite(path: &Path, error: &Error) -> StoreError {
    let shown = path.display();
    let code = error.sqlite_extended_error_code().unwrap_or_default();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::new(
            StoreErrorKind::Full,
            format!(
                "there is no space left for {shown}. What was committed is intact. Make space, then try again."
            ),
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::new(
            StoreErrorKind::Locked,
            format!(
                "{shown} is in use, and only one task hub can use it at a time. End the other process, or use \
                 another file."
            ),
        ),
        Some(ErrorCode::ReadOnly) => read_only(path),
        Some(ErrorCode::CannotOpen) => cannot_open(path, &error.to_string()),
        Some(ErrorCode::PermissionDenied) => read_only(path),
        Some(ErrorCode::NotADatabase) => StoreError::new(
            StoreErrorKind::Corrupt,
            format!("{shown} is not a database, or its beginning is damaged. Use another file."),
        ),
        Some(ErrorCode::DatabaseCorrupt) => corrupt(path, &error.to_string()),
        // SQLite does not tell a quota and a limit of file sizes from a broken disk.
        Some(ErrorCode::SystemIoFailure) if code == ffi::SQLITE_IOERR_WRITE => StoreError::new(
            StoreErrorKind::Io,
            format!(
                "{shown} cannot be written ({error}): a quota or a limit of file sizes leaves no space, or the \
                 disk is broken. What was committed before is intact unless the disk lost it. Make space or check \
                 the disk, then try again."
            ),
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed) => StoreError::new(
            StoreErrorKind::Io,
            format!(
                "{shown} cannot be read or written ({error}, code {code}). What was committed before is intact \
                 unless the disk lost it. Check the disk, then start again."
            ),
        ),
        // A value of a type or size that no hub wrote.
        None if is_unreadable(error) => corrupt(path, &error.to_string()),
        _ => StoreError::new(StoreErrorKind::Other, format!("{shown}: {error}.")),
    }
}

fn is_unreadable(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..)
    )
}
