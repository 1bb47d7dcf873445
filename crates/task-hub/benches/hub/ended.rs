//! What 100,000 ended instances cost: the start of a hub, its memory, a page of a list.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use durable_protocol::Timestamp;
use durable_protocol::messages::OrchestrationStatus;
use task_hub::changes::Changes;
use task_hub::instance::{InstanceRecord, Phase};
use task_hub::query::{InstanceFilter, PageRequest};
use task_hub::validation::make;
use task_hub::{SqliteStore, Store as _};

use crate::driver::Driver;

const INSTANCES: usize = 100_000;
const GROUP: usize = 500;
const PAGE: usize = 100;

/// Some more instances have failed: the last ones of all, by id and by time.
const FAILED: usize = 20;

/// Some more were terminated. Their ids come one after the other, and their times are among the first.
const TERMINATED: usize = 5_000;

pub(crate) fn run() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("hub.db");
    fill(&path);
    // In a new process, because memory that was in use once is often not given back.
    let itself = std::env::current_exe().unwrap();
    let status = Command::new(itself).arg("ended").arg(&path).status();
    assert!(status.unwrap().success());
}

fn fill(path: &Path) {
    let mut driver = Driver::new(SqliteStore::open(path).unwrap());
    let began = Instant::now();
    for _ in 0..INSTANCES / GROUP {
        driver.group(GROUP);
    }
    println!(
        "\n{INSTANCES} orchestrations in {:.1} s, {:.0} MB",
        began.elapsed().as_secs_f64(),
        std::fs::metadata(path).unwrap().len() as f64 / 1e6
    );
    let mut store = driver.hub.into_store();
    for number in 0..FAILED {
        let id = format!("z{number:02}");
        add(&mut store, &id, OrchestrationStatus::Failed, later(number));
    }
    for number in 0..TERMINATED {
        let id = format!("y{number:04}");
        add(
            &mut store,
            &id,
            OrchestrationStatus::Terminated,
            make::at(0),
        );
    }
    store.commit().unwrap();
    // As `kill -9` leaves them: the log was not written back.
    std::fs::copy(path, killed(path)).unwrap();
    std::fs::copy(log(path), log(&killed(path))).unwrap();
    println!(
        "the log has {:.0} MB",
        std::fs::metadata(log(path)).unwrap().len() as f64 / 1e6
    );
}

fn killed(path: &Path) -> PathBuf {
    path.with_extension("killed")
}

fn log(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn add(store: &mut SqliteStore, id: &str, status: OrchestrationStatus, created: Timestamp) {
    let record = InstanceRecord {
        phase: Phase::Ended,
        ..make::record(id, status, created)
    };
    let changes = Changes {
        instances: vec![make::change(record)],
        ..Changes::default()
    };
    store.apply(changes).unwrap();
}

/// Behind all orchestrations of the driver.
fn later(number: usize) -> Timestamp {
    Timestamp {
        seconds: 1_900_000_000 + number as i64,
        nanos: 0,
    }
}

pub(crate) fn measure(path: &Path) {
    let (driver, opened) = start(path);
    let started = resident();
    let store = driver.hub.store();
    println!("\nwith {INSTANCES} ended instances\n");
    println!("| what | figure |");
    println!("| ---- | -----: |");
    println!("| start | {:.1} ms |", opened.as_secs_f64() * 1e3);
    println!("| resident memory after the start | {started} MB |");
    use OrchestrationStatus::{Completed, Failed, Running};
    let all = InstanceFilter::default();
    let status = |statuses: &[OrchestrationStatus]| InstanceFilter {
        statuses: statuses.to_vec(),
        ..all.clone()
    };
    let middle = "8";
    let cases = [
        ("the first page", all.clone(), None),
        ("a page in the middle", all.clone(), Some(middle)),
        (
            "a prefix with many",
            InstanceFilter {
                prefix: "8".to_owned(),
                ..all.clone()
            },
            None,
        ),
        ("a status that all have", status(&[Completed]), Some(middle)),
        ("a status that few have", status(&[Failed]), None),
        ("a status that none has", status(&[Running]), None),
        (
            "a time that few have",
            InstanceFilter {
                created_from: Some(later(0)),
                ..all.clone()
            },
            None,
        ),
        (
            "a status and a time that only few have together",
            InstanceFilter {
                created_from: Some(later(0)),
                ..status(&[Completed, Failed])
            },
            None,
        ),
        (
            "a time that most have, and a prefix that few of these have",
            InstanceFilter {
                created_to: Some(later(0)),
                prefix: "z".to_owned(),
                ..all.clone()
            },
            None,
        ),
        (
            "a status that most have, and a prefix that many but none of these have",
            InstanceFilter {
                prefix: "y".to_owned(),
                ..status(&[Completed])
            },
            None,
        ),
        (
            "half of the time",
            InstanceFilter {
                created_to: Some(half_time(store)),
                ..all.clone()
            },
            None,
        ),
    ];
    for (name, filter, after) in cases {
        let page = PageRequest {
            after: after.map(str::to_owned),
            limit: PAGE,
        };
        // The first one is from a cold cache.
        let mut best = f64::INFINITY;
        let mut first = 0.0;
        let mut rows = 0;
        for round in 0..10 {
            let began = Instant::now();
            rows = store.instances(&filter, &page).unwrap().rows.len();
            let took = began.elapsed().as_secs_f64() * 1e3;
            if round == 0 {
                first = took;
            }
            best = best.min(took);
        }
        println!("| {name} ({rows} rows) | {best:.2} ms; the first time {first:.2} ms |");
    }
    println!("| resident memory, most | {} MB |", most_resident());
    drop(driver);
    let (_, opened) = start(&killed(path));
    println!(
        "| start after `kill -9` | {:.1} ms |",
        opened.as_secs_f64() * 1e3
    );
}

fn start(path: &Path) -> (Driver<SqliteStore>, Duration) {
    let began = Instant::now();
    let driver = Driver::new(SqliteStore::open(path).unwrap());
    (driver, began.elapsed())
}

/// Before about half of the instances were created.
fn half_time(store: &SqliteStore) -> Timestamp {
    let page = PageRequest {
        after: None,
        limit: 999,
    };
    let mut times: Vec<_> = store
        .instances(&InstanceFilter::default(), &page)
        .unwrap()
        .rows
        .into_iter()
        .map(|row| row.created)
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn resident() -> u64 {
    memory("VmRSS:")
}

fn most_resident() -> u64 {
    memory("VmHWM:")
}

/// A figure of Linux in MB; 0 elsewhere.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or_default()
        / 1024
}
