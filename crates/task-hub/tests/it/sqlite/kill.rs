//! A process that writes is killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use prost::bytes::Bytes;
use task_hub::changes::{Changes, EntityRecord};
use task_hub::validation::make;
use task_hub::{MemoryStore, SqliteStore, Store, StoreErrorKind};

/// The file of the process that writes.
const FILE: &str = "TASK_HUB_TEST_FILE";

const ENTITY: &str = "@steps@all";
const INSTANCES: u64 = 7;
const KILLS: u64 = 12;

/// The steps of a commit: from one to some dozens.
fn group(first: u64) -> u64 {
    1 + first.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 40
}

/// Step `number` of the process: it changes every table.
fn step(number: u64) -> Changes {
    let id = format!("i{}", number % INSTANCES);
    let mut changes = make::instance(&id);
    for change in &mut changes.instances {
        change.record.history = (number - 1) / INSTANCES + 1;
        change.record.latest = make::at(number as i64);
        change.history.appended = vec![Bytes::from(format!("event {number}"))];
    }
    // Six numbers for each step: a message, a timer and an activity, each removed two steps later.
    let first = number * 6;
    changes.sent = vec![make::message(first, &id)];
    changes.timers = vec![make::timer(first + 1, &id, make::at(number as i64))];
    changes.scheduled = vec![make::activity(first + 2, &id)];
    if number > 2 {
        changes.consumed = vec![first - 12];
        changes.fired = vec![first - 11];
        changes.finished = vec![first - 10];
    }
    changes.entities = vec![EntityRecord {
        id: ENTITY.to_owned(),
        state: Some(number.to_string()),
        ..EntityRecord::default()
    }];
    changes
}

/// How many steps the store has.
fn steps(store: &impl Store) -> u64 {
    let entity = store.entity(ENTITY).unwrap();
    entity
        .and_then(|entity| entity.state)
        .map_or(0, |state| state.parse().unwrap())
}

fn assert_same(left: &impl Store, right: &impl Store) {
    for number in 0..INSTANCES {
        let id = format!("i{number}");
        assert_eq!(left.instance(&id), right.instance(&id));
        assert_eq!(left.history(&id), right.history(&id));
        assert_eq!(left.inbox(&id), right.inbox(&id));
    }
    let waiting = left.waiting().unwrap();
    assert_eq!(waiting, right.waiting().unwrap());
    for number in waiting.activities {
        assert_eq!(left.activity(number), right.activity(number));
    }
    let all = make::at(i64::MAX / 2_000_000_000);
    assert_eq!(left.due(all, 100), right.due(all, 100));
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::kill::writes_until_it_is_killed"])
        .args(["--ignored", "--nocapture"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "a process of the tests below"]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let mut store = SqliteStore::open(path).unwrap();
    let mut output = std::io::stdout();
    let mut number = steps(&store);
    loop {
        for _ in 0..group(number) {
            number += 1;
            store.apply(step(number)).unwrap();
        }
        store.commit().unwrap();
        writeln!(output, "committed {number}").unwrap();
        output.flush().unwrap();
    }
}

#[test]
fn a_process_killed_at_any_moment_leaves_exactly_its_commits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    let mut model = MemoryStore::new();
    let mut modelled = 0;
    let mut random = std::process::id() as u64;
    for _ in 0..KILLS {
        let mut child = start(&path);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut reported = modelled;
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        // The test harness writes lines of its own.
        let mut left = (random >> 33) % 300;
        let mut kill = Some(());
        while let Some(Ok(line)) = lines.next() {
            if let Some(number) = line.strip_prefix("committed ") {
                reported = number.parse().unwrap();
                left = left.saturating_sub(1);
                // After the kill, the lines that are in the pipe still come.
                if left == 0 && kill.take().is_some() {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        let store = SqliteStore::open(&path).unwrap();
        let found = steps(&store);
        assert!(
            found == reported || found == reported + group(reported),
            "{found} after a report of {reported}"
        );
        while modelled < found {
            modelled += 1;
            model.apply(step(modelled)).unwrap();
        }
        assert_same(&store, &model);
    }
    assert!(modelled > KILLS, "the processes did something");
}

#[test]
fn a_file_that_another_process_uses_is_refused_until_that_process_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    let mut child = start(&path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_writing = |line: Result<String, _>| line.unwrap().starts_with("committed ");
    assert!(lines.any(is_writing));
    // The process must be able to write while this one tries.
    let reader = std::thread::spawn(move || lines.count());
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Locked);
    let text = error.to_string();
    assert!(
        text.contains(&format!("{} is in use", path.display())),
        "{text}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert!(steps(&store) > 0);
}
