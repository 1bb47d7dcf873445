//! Which file a path names.
//!
//! Invariant: two equal values are the same file, whatever happened to its name. SQLite goes on to write a file that
//! was removed, and everything in it is lost when the process ends.

use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "never made there"))]
pub(super) struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    /// `None` when there is no file. Always `None` on systems that do not let anybody remove an open file.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;

        let file = std::fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            number: file.ino(),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Path) -> Option<Self> {
        None
    }
}
