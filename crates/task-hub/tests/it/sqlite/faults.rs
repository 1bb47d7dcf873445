//! Files that cannot be used, and disks that are full.

use std::path::{Path, PathBuf};

use durable_protocol::messages::CreateInstanceRequest;
use prost::bytes::Bytes;
use task_hub::changes::{Changes, Message};
use task_hub::validation::make;
use task_hub::{Error, Hub, Moment, Options, SqliteStore, Store as _, StoreError, StoreErrorKind};
use tempfile::TempDir;

use super::files;
use crate::world::Counter;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    (folder, path)
}

/// A closed store with some data.
fn filled(path: &Path) {
    let mut store = SqliteStore::open(path).unwrap();
    for number in 0..200 {
        let id = format!("i{number}");
        store
            .apply(Changes {
                sent: vec![make::message(number * 3 + 1, &id)],
                timers: vec![make::timer(number * 3 + 2, &id, make::at(0))],
                scheduled: vec![make::activity(number * 3 + 3, &id)],
                ..make::instance(&id)
            })
            .unwrap();
    }
    store.commit().unwrap();
}

fn refused(path: &Path, kind: StoreErrorKind) -> String {
    let error = SqliteStore::open(path).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(text.contains(&*path.to_string_lossy()), "{text}");
    text
}

#[test]
fn two_hubs_of_one_process_cannot_share_a_file() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).unwrap();
    refused(&path, StoreErrorKind::Locked);
    drop(store);
    SqliteStore::open(&path).unwrap();
}

#[test]
fn a_newer_file_is_refused_with_both_versions_and_not_changed() {
    let (_folder, path) = folder();
    filled(&path);
    files::change(&path, "PRAGMA user_version = 99");
    let before = std::fs::read(&path).unwrap();
    let text = refused(&path, StoreErrorKind::Newer);
    assert!(
        text.contains("version 99") && text.contains("version 1 "),
        "{text}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_not_changed() {
    let (_folder, path) = folder();
    let content = "not a database. ".repeat(1000);
    std::fs::write(&path, &content).unwrap();
    refused(&path, StoreErrorKind::Corrupt);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
}

#[test]
fn a_database_of_another_program_is_refused_and_not_changed() {
    let (_folder, path) = folder();
    files::change(&path, "CREATE TABLE songs (title TEXT)");
    let before = std::fs::read(&path).unwrap();
    let text = refused(&path, StoreErrorKind::Corrupt);
    assert!(text.contains("not that of a task hub"), "{text}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_missing_folder_and_a_folder_in_the_place_of_the_file_are_named() {
    let (folder, path) = folder();
    let error = SqliteStore::open(folder.path().join("missing").join("hub.db")).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Io);
    assert!(
        error.to_string().contains("missing is not a folder"),
        "{error}"
    );
    std::fs::create_dir(&path).unwrap();
    let text = refused(&path, StoreErrorKind::Io);
    assert!(text.contains("is a folder"), "{text}");
}

/// Everything that a hub reads.
fn read_all(path: &Path) -> Result<Vec<String>, StoreError> {
    let store = SqliteStore::open(path)?;
    let mut found = vec![format!("{:?}", store.waiting()?)];
    found.push(format!("{:?}", store.due(make::at(1), 1000)?));
    for number in 0..200 {
        let id = format!("i{number}");
        found.push(format!("{:?}", store.instance(&id)?));
        found.push(format!("{:?}", store.inbox(&id)?));
        found.push(format!("{:?}", store.activity(number * 3 + 3)?));
    }
    Ok(found)
}

#[test]
fn a_lost_page_is_an_error_and_never_a_wrong_answer() {
    let (_folder, path) = folder();
    filled(&path);
    let whole = std::fs::read(&path).unwrap();
    let expected = read_all(&path).unwrap();
    let mut errors = 0;
    for page in 0..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0);
        std::fs::write(&path, &damaged).unwrap();
        match read_all(&path) {
            Ok(found) => assert_eq!(found, expected, "page {page}"),
            Err(error) => {
                assert_eq!(
                    error.kind(),
                    StoreErrorKind::Corrupt,
                    "page {page}: {error}"
                );
                errors += 1;
            }
        }
    }
    assert!(errors > 10, "{errors}");
    // A file that was cut off.
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = read_all(&path).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
}

#[test]
fn a_value_that_no_hub_writes_is_an_error() {
    let (_folder, path) = folder();
    filled(&path);
    files::change(&path, "UPDATE instances SET status = 99 WHERE id = 'i7'");
    let store = SqliteStore::open(&path).unwrap();
    let error = store.instance("i7").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    assert!(store.instance("i8").unwrap().is_some());
}

/// Fills the store until it fails, and checks that it then holds what was committed, and works on.
fn fill_until_it_fails(store: &mut SqliteStore, kind: StoreErrorKind) -> u64 {
    let mut committed = 0;
    let error = loop {
        let mut write = || {
            for half in 1..=2 {
                store.apply(Changes {
                    sent: vec![Message {
                        body: Bytes::from(vec![7; 20_000]),
                        ..make::message(committed * 2 + half, "a")
                    }],
                    ..Changes::default()
                })?;
            }
            store.commit()
        };
        match write() {
            Ok(()) => committed += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(store.inbox("a").unwrap().len() as u64, committed * 2);
    store.rollback().unwrap();
    assert_eq!(store.inbox("a").unwrap().len() as u64, committed * 2);
    committed
}

#[test]
fn a_store_at_its_limit_keeps_what_was_committed_and_works_on_when_there_is_space() {
    let (_folder, path) = folder();
    let mut store = SqliteStore::open(&path).unwrap();
    store.limit_size(1 << 20).unwrap();
    let committed = fill_until_it_fails(&mut store, StoreErrorKind::Full);
    assert!(committed > 10, "{committed}");
    // What is removed makes space.
    let space = Changes {
        consumed: vec![1, 2],
        ..make::instance("b")
    };
    store.apply(space).unwrap();
    store.commit().unwrap();
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.inbox("a").unwrap().len() as u64, committed * 2 - 2);
    assert!(store.instance("b").unwrap().is_some());
}

#[test]
fn a_hub_on_a_full_store_recovers_with_all_that_it_reported() {
    let (_folder, path) = folder();
    let mut store = SqliteStore::open(&path).unwrap();
    store.limit_size(1 << 19).unwrap();
    let mut ids = Counter::default();
    let mut hub = Hub::open(store, Options::default(), &mut ids).unwrap();
    let mut reported = Vec::new();
    let error = loop {
        let mut at = Moment::new(make::at(0), &mut ids);
        let request = CreateInstanceRequest {
            name: "large".into(),
            input: Some("7".repeat(10_000)),
            ..CreateInstanceRequest::default()
        };
        match hub.start(&mut at, request) {
            Ok(id) => {
                hub.commit().unwrap();
                reported.push(id);
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, Error::Store(error) if error.kind() == StoreErrorKind::Full));
    hub.recover(&mut ids).unwrap();
    let mut turns = 0;
    while hub.take_turn(make::at(0)).unwrap().is_some() {
        turns += 1;
    }
    assert_eq!(turns, reported.len(), "the work is given out again");
    assert!(turns > 5, "{turns}");
    let mut at = Moment::new(make::at(0), &mut ids);
    hub.terminate(&mut at, &reported[0], None).unwrap();
    hub.commit().unwrap();
}

/// Tests that a process of their own runs, with less rights or less space.
#[cfg(target_os = "linux")]
mod restricted {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use super::*;

    const FILE: &str = "TASK_HUB_TEST_FILE";

    /// The file, in the process of a test.
    fn file() -> Option<PathBuf> {
        std::env::var_os(FILE).map(PathBuf::from)
    }

    /// Runs a test of this module in a process of its own, through this shell script around it.
    fn run(test: &str, path: &Path, script: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{script} exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored"])
            .arg(format!("sqlite::faults::restricted::{test}"))
            .env(FILE, path);
        command
    }

    fn succeeds(mut command: Command) {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        assert!(text.contains("1 passed"), "{text}");
    }

    /// Root may write everything, so the process runs as nobody then.
    fn without_root(path: &Path, mut command: Command) -> Command {
        use std::os::unix::fs::MetadataExt as _;
        let folder = path.parent().unwrap();
        let is_root = std::fs::metadata(folder).unwrap().uid() == 0;
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        command
    }

    fn allow(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    #[ignore = "a process of the tests below"]
    fn is_read_only() {
        if let Some(path) = file() {
            let text = refused(&path, StoreErrorKind::ReadOnly);
            assert!(text.contains("Allow this user to write"), "{text}");
        }
    }

    #[test]
    fn a_read_only_file_is_refused_and_not_changed() {
        let (folder, path) = folder();
        filled(&path);
        let before = std::fs::read(&path).unwrap();
        allow(folder.path(), 0o777);
        allow(&path, 0o444);
        succeeds(without_root(&path, run("is_read_only", &path, "")));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_file_in_a_read_only_folder_is_refused_and_not_changed() {
        let (folder, path) = folder();
        filled(&path);
        let before = std::fs::read(&path).unwrap();
        allow(&path, 0o666);
        allow(folder.path(), 0o555);
        let command = without_root(&path, run("is_read_only", &path, ""));
        succeeds(command);
        allow(folder.path(), 0o755);
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_new_file_in_a_read_only_folder_is_refused() {
        let (folder, path) = folder();
        allow(folder.path(), 0o555);
        let command = without_root(&path, run("is_read_only", &path, ""));
        succeeds(command);
        allow(folder.path(), 0o755);
    }

    #[test]
    #[ignore = "a process of the tests below"]
    fn meets_a_full_disk() {
        if let Some(path) = file() {
            let mut store = SqliteStore::open(&path).unwrap();
            let committed = fill_until_it_fails(&mut store, StoreErrorKind::Full);
            drop(store);
            let store = SqliteStore::open(&path).unwrap();
            assert_eq!(store.inbox("a").unwrap().len() as u64, committed * 2);
        }
    }

    /// A disk of its own, where the system lets a user have one.
    #[test]
    fn a_full_disk_is_an_error_and_loses_nothing() {
        let (folder, path) = folder();
        let mount = format!(
            "mount -t tmpfs -o size=4m none '{}' &&",
            folder.path().display()
        );
        let mut shell = Command::new("unshare");
        shell.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        let mut probe = Command::new("unshare");
        probe.args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            &format!("{mount} true"),
        ]);
        if !probe.output().is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: this system gives users no disks of their own");
            return;
        }
        let inner = run("meets_a_full_disk", &path, &mount);
        shell.args(inner.get_args().skip(1)).env(FILE, &path);
        succeeds(shell);
    }

    #[test]
    #[ignore = "a process of the tests below"]
    fn meets_a_write_that_fails() {
        if let Some(path) = file() {
            let mut store = SqliteStore::open(&path).unwrap();
            fill_until_it_fails(&mut store, StoreErrorKind::Io);
        }
    }

    /// With a limit for the size of files, writes fail with another error than on a full disk.
    #[test]
    fn a_write_that_fails_is_an_error_and_loses_nothing() {
        let (_folder, path) = folder();
        let script = "trap '' XFSZ; ulimit -f 2048;";
        succeeds(run("meets_a_write_that_fails", &path, script));
        let store = SqliteStore::open(&path).unwrap();
        let found = store.inbox("a").unwrap().len();
        assert!(found > 10 && found.is_multiple_of(2), "{found}");
    }
}

/// SQLite would go on to write the removed file without a word, and all of it would be gone at the end.
#[cfg(unix)]
#[test]
fn nothing_is_stored_in_a_file_that_was_removed_or_replaced() {
    let (folder, path) = folder();
    let away = folder.path().join("away.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let mut try_to_store = |id: &str| {
        store.apply(make::instance(id)).unwrap();
        let stored = store.commit();
        assert_eq!(store.instance(id).unwrap().is_some(), stored.is_ok());
        stored
    };
    try_to_store("a").unwrap();
    std::fs::rename(&path, &away).unwrap();
    for replaced in [false, true] {
        if replaced {
            std::fs::write(&path, "").unwrap();
        }
        let error = try_to_store("b").unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Io);
        assert!(
            error.to_string().contains("was removed or replaced"),
            "{error}"
        );
    }
    std::fs::rename(&away, &path).unwrap();
    try_to_store("b").unwrap();
}

#[test]
fn of_several_stores_that_open_a_new_file_at_once_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    let at_once = std::sync::Barrier::new(4);
    let open = || {
        at_once.wait();
        SqliteStore::open(&path)
    };
    // Each keeps what it got until all have ended.
    let opened: Vec<_> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        openers.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let errors: Vec<_> = opened.iter().filter_map(|it| it.as_ref().err()).collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
}
