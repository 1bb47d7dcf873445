//! A state of the task hub that cannot be used ends the start of local-host with a message. A disk that becomes full
//! during the work loses nothing.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use durable_functions::RuntimeStatus;
use serde_json::json;
use tempfile::TempDir;

use super::support::{
    app_folder::{AppFolder, CRASH_TEST_HUB},
    host::{Host, Launch},
    task_hub::TaskHub,
};

/// A folder with the state of a hub in which one instance waits for an event.
struct State {
    folder: TempDir,
    journal: TempDir,
}

impl State {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            journal: tempfile::tempdir().unwrap(),
        }
    }

    async fn with_an_instance() -> Self {
        let state = Self::new();
        let mut host = state.launch().start().await;
        assert_eq!(start(&host, "events", "waits").await, 202);
        assert_eq!(host.stop("TERM").await, Some(0));
        state
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        let name = CRASH_TEST_HUB.to_lowercase();
        self.path().join(format!("{name}.db"))
    }

    fn launch(&self) -> Launch {
        let app = AppFolder::crash_test(self.journal.path());
        app.launch().state(self.path())
    }

    /// Changes the file.
    fn damage(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut content = fs::read(self.file()).unwrap();
        change(&mut content);
        fs::write(self.file(), content).unwrap();
    }
}

/// Starts an instance with one step. Returns the status of the answer.
async fn start(host: &Host, kind: &str, id: &str) -> u16 {
    let target = format!("/api/start/{kind}/{id}");
    let work = json!({ "count": 1, "pause": 1 }).to_string();
    host.client().post(&target, &work).await.status
}

/// The start ends with an error code and one message, which names the place, has these words, and says what to do.
async fn assert_refused(launch: Launch, place: &Path, words: &str) -> String {
    let (code, output) = launch.spawn(0).ended().await;
    assert_eq!(code, Some(1), "{output}");
    let place = place.to_str().unwrap();
    let said: Vec<&str> = output.lines().filter(|line| line.contains(place)).collect();
    assert_eq!(said.len(), 1, "{output}");
    assert!(said[0].contains(words), "{output}");
    for remedy in ["--state DIR", "--ephemeral"] {
        assert!(said[0].contains(remedy), "{output}");
    }
    assert!(!output.contains("panicked"), "{output}");
    output
}

#[tokio::test]
async fn a_damaged_state_ends_the_start_and_is_not_changed() {
    for (words, change) in [
        (
            "is not a database",
            (|content| content[..100].fill(b'x')) as fn(&mut Vec<u8>),
        ),
        ("is damaged", |content| content[4096..].fill(0)),
        ("is damaged", |content| content.truncate(2 * 4096)),
    ] {
        let state = State::with_an_instance().await;
        state.damage(change);
        let before = fs::read(state.file()).unwrap();
        assert_refused(state.launch(), &state.file(), words).await;
        assert_eq!(fs::read(state.file()).unwrap(), before);
    }
}

#[tokio::test]
async fn a_state_of_a_newer_version_ends_the_start_and_is_not_changed() {
    let state = State::with_an_instance().await;
    // The version of the schema in the header of an SQLite file.
    state.damage(|content| content[60..64].copy_from_slice(&99_u32.to_be_bytes()));
    let before = fs::read(state.file()).unwrap();
    assert_refused(state.launch(), &state.file(), "version 99").await;
    assert_eq!(fs::read(state.file()).unwrap(), before);
}

#[tokio::test]
async fn a_state_in_use_ends_the_start_and_its_user_works_on() {
    let state = State::with_an_instance().await;
    let host = state.launch().start().await;
    let output = assert_refused(state.launch(), state.path(), "another local-host").await;
    assert!(!output.contains("Started the handler"), "{output}");
    let hub = TaskHub::of(&host).await;
    hub.raise("waits", "next", "0").await.unwrap();
    let waits = hub.client().status("waits").await.unwrap();
    assert!(waits.is_some());
    assert_eq!(start(&host, "chain", "more").await, 202);
}

/// A launch by a user to whom permissions apply.
fn as_a_user(state: &State) -> Launch {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return state.launch();
    }
    for folder in [state.path(), state.journal.path()] {
        let status = Command::new("chown")
            .args(["-R", "65534"])
            .arg(folder)
            .status();
        assert!(status.unwrap().success());
    }
    let launch = state.launch();
    let app = launch.folder();
    let status = Command::new("chown")
        .args(["-R", "65534"])
        .arg(app)
        .status();
    assert!(status.unwrap().success());
    launch.after("exec setpriv --reuid 65534 --clear-groups --inh-caps=-all -- \"$0\" \"$@\"")
}

#[tokio::test]
async fn a_read_only_state_ends_the_start() {
    let state = State::with_an_instance().await;
    let launch = as_a_user(&state);
    fs::set_permissions(state.file(), fs::Permissions::from_mode(0o444)).unwrap();
    assert_refused(launch.clone(), &state.file(), "read-only").await;
    fs::set_permissions(state.file(), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o555)).unwrap();
    assert_refused(launch, &state.file(), "write").await;
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_full_disk_ends_the_start_of_a_new_state() {
    let state = State::new();
    let launch = state.launch().after("trap '' XFSZ; ulimit -S -f 4");
    assert_refused(launch, &state.file(), "leaves no space").await;
}

/// Starts instances until the disk is full, makes space, and waits until all that were accepted have their results.
async fn assert_nothing_is_lost(state: &State, host: &mut Host, make_space: impl FnOnce(u32)) {
    let mut accepted = Vec::new();
    let mut refused = 0;
    for number in 0..20_000 {
        let id = format!("chain-{number}");
        match start(host, "chain", &id).await {
            202 => accepted.push(id),
            503 => refused += 1,
            other => panic!("{other}"),
        }
        if refused == 20 {
            break;
        }
    }
    assert_eq!(
        refused,
        20,
        "the disk is not full after {} instances",
        accepted.len()
    );
    let log = host.log();
    let file = state.file();
    let said = log
        .lines()
        .filter(|line| line.contains(file.to_str().unwrap()));
    let said: Vec<&str> = said.collect();
    assert!(said.iter().all(|line| line.contains("space")), "{said:?}");
    assert!((1..10).contains(&said.len()), "{said:?}");

    make_space(host.process_id());
    host.logged("can be read and written again", 1).await;
    let hub = TaskHub::of(host).await;
    assert_eq!(start(host, "chain", "after").await, 202);
    accepted.push("after".to_owned());
    for id in &accepted {
        let instance = hub.client().instance(CHAIN, id);
        let status = instance
            .wait(super::support::host::TIME_LIMIT)
            .await
            .unwrap();
        assert_eq!(
            status.runtime_status,
            RuntimeStatus::Completed,
            "{status:?}"
        );
    }
    assert_eq!(host.stop("TERM").await, Some(0));
    println!("the disk was full after {} instances", accepted.len() - 1);
}

const CHAIN: durable_functions::Orchestrator<(), serde_json::Value> =
    durable_functions::Orchestrator::new("chain");

#[tokio::test]
async fn a_limit_of_file_sizes_that_is_reached_loses_nothing() {
    let state = State::new();
    let launch = state.launch().after("trap '' XFSZ; ulimit -S -f 4096");
    let mut host = launch.start().await;
    assert_nothing_is_lost(&state, &mut host, |process| {
        let prlimit = Command::new("prlimit")
            .args(["--pid", &process.to_string(), "--fsize=unlimited"])
            .status();
        assert!(prlimit.unwrap().success());
    })
    .await;
}

/// On a file system of its own, which only root can mount.
#[tokio::test]
#[ignore = "needs to be root"]
async fn a_full_disk_loses_nothing() {
    let state = State::new();
    let path = state.path().to_str().unwrap().to_owned();
    let launch = state.launch().after(&format!(
        "exec unshare -m sh -c 'mount -t tmpfs -o size=3m tmpfs {path} && exec \"$0\" \"$@\"' \"$0\" \"$@\""
    ));
    let mut host = launch.start().await;
    assert_nothing_is_lost(&state, &mut host, |process| {
        let remount = Command::new("nsenter")
            .args([
                "-t",
                &process.to_string(),
                "-m",
                "mount",
                "-o",
                "remount,size=64m",
                &path,
            ])
            .status();
        assert!(remount.unwrap().success());
    })
    .await;
}
