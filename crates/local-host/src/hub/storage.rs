//! Where a hub keeps its instances: in memory, or in a folder.
//!
//! A folder has one file for each task hub name, because on a real host apps with different names have nothing in
//! common.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::anyhow;
use task_hub::{MemoryStore, SqliteStore, Store, StoreError, StoreErrorKind};

use super::driver::FINISHED_INSTANCES;

/// Where a hub keeps its instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory: they are lost when the hub stops.
    Memory {
        /// How many ended instances are kept; the oldest ones beyond that are removed.
        finished_instances: usize,
    },
    /// In an SQLite file in this folder, which is created if there is none. One hub can use it at a time.
    Folder(PathBuf),
}

impl Default for Storage {
    /// In memory, with 10,000 ended instances.
    fn default() -> Self {
        Self::Memory {
            finished_instances: FINISHED_INSTANCES,
        }
    }
}

impl Storage {
    /// The limit of ended instances.
    pub(super) fn finished_instances(&self) -> Option<usize> {
        match self {
            Self::Memory { finished_instances } => Some(*finished_instances),
            Self::Folder(_) => None,
        }
    }

    /// Opens it for the task hub of this name. Until the result is dropped, nobody else can use a folder for that
    /// task hub.
    ///
    /// # Errors
    /// The folder cannot be used; the text says why and what to do.
    pub fn open(&self, task_hub_name: &str) -> anyhow::Result<OpenStorage> {
        let folder = match self {
            Self::Memory { .. } => return Ok(OpenStorage(Box::new(MemoryStore::new()))),
            Self::Folder(folder) => folder,
        };
        create(folder).map_err(|error| {
            anyhow!(
                "The folder {} for the state of the task hub cannot be created: {error}. Change that, {OTHERWISE}.",
                folder.display()
            )
        })?;
        let file = folder.join(file_name(task_hub_name));
        let store = SqliteStore::open(file).map_err(|error| explain(folder, &error))?;
        Ok(OpenStorage(Box::new(store)))
    }
}

/// A storage that a hub can use.
pub struct OpenStorage(pub(super) Box<dyn Store + Send>);

/// What helps when a folder cannot be used.
const OTHERWISE: &str =
    "name another folder with --state DIR, or keep the state in memory with --ephemeral";

/// A new folder is one that Git ignores. A folder that exists is left as it is: it can hold more than the state.
fn create(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join(".gitignore"), "*\n")
}

/// Names of task hubs do not depend on case. What is no letter, digit, `-` or `_` is encoded, not replaced: two names
/// would share a file otherwise.
fn file_name(task_hub_name: &str) -> String {
    let mut name = String::new();
    for byte in task_hub_name.to_lowercase().bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    format!("{name}.db")
}

fn explain(folder: &Path, error: &StoreError) -> anyhow::Error {
    match error.kind() {
        StoreErrorKind::Locked => anyhow!(
            "The state of the task hub in {} is in use: another local-host runs with it. Stop that one, {OTHERWISE}.",
            folder.display()
        ),
        _ => anyhow!("{} Or {OTHERWISE}.", error.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_task_hubs_are_file_names() {
        assert_eq!(file_name("TestHubName"), "testhubname.db");
        assert_eq!(file_name("../a b"), "%2e%2e%2fa%20b.db");
    }

    #[test]
    fn task_hubs_with_different_names_have_different_files() {
        let names = ["a_b", "a/b", "a.b", "a%2fb", "ä", "ö"];
        let files: std::collections::BTreeSet<_> =
            names.iter().map(|name| file_name(name)).collect();
        assert_eq!(files.len(), names.len());
        assert_eq!(file_name("A/B"), file_name("a/b"));
    }

    #[test]
    fn git_ignores_a_folder_that_was_created_and_one_that_exists_is_left_as_it_is() {
        let app = tempfile::tempdir().unwrap();
        let new = app.path().join("deep/state");
        Storage::Folder(new.clone()).open("Hub").unwrap();
        let ignored = fs::read_to_string(new.join(".gitignore")).unwrap();
        assert_eq!(ignored, "*\n");
        assert!(new.join("hub.db").is_file());
        Storage::Folder(app.path().to_owned()).open("Hub").unwrap();
        assert!(!app.path().join(".gitignore").exists());
    }

    #[test]
    fn a_folder_in_use_is_refused_with_its_name_and_the_ways_out() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Folder(folder.path().to_owned());
        let first = storage.open("Hub").unwrap();
        let error = storage.open("Hub").err().unwrap().to_string();
        for words in [
            folder.path().to_str().unwrap(),
            "another local-host",
            "--ephemeral",
            "--state",
        ] {
            assert!(error.contains(words), "{error}");
        }
        drop(first);
        storage.open("Hub").unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_the_ways_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("hub.db"), "not a database, by far").unwrap();
        let storage = Storage::Folder(folder.path().to_owned());
        let error = storage.open("Hub").err().unwrap().to_string();
        assert!(error.contains("hub.db"), "{error}");
        assert!(error.contains("--ephemeral"), "{error}");
        let nested = Storage::Folder(folder.path().join("hub.db/x"));
        let error = format!("{:#}", nested.open("Hub").err().unwrap());
        assert!(error.contains("cannot be created"), "{error}");
        assert!(error.contains("--ephemeral"), "{error}");
    }
}
