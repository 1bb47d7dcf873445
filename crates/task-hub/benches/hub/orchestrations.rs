//! Orchestrations with one activity per second, with groups of several sizes.

use std::time::{Duration, Instant};

use task_hub::{MemoryStore, SqliteStore, Store};

use crate::driver::{Driver, Part, STEPS};
use crate::floor::{Bare, Sample};

/// Steps in one commit.
const GROUPS: [usize; 4] = [1, 10, 100, 500];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(300);
const PROFILE: Duration = Duration::from_secs(10);

/// What is measured, side by side: memory, its floor, SQLite, its floor.
const COLUMNS: usize = 4;

pub(crate) fn run() {
    let sample = Sample::new();
    println!(
        "\none-activity orchestrations per second, one core; best of {ROUNDS} rounds; {STEPS} steps each, \
         {} bytes of history\n",
        sample.bytes()
    );
    println!("| steps in a commit | memory | floor | ratio | SQLite | floor | ratio |");
    println!("| ----------------: | -----: | ----: | ----: | -----: | ----: | ----: |");
    for group in GROUPS {
        let [memory, encoding, sqlite, bare] = measure(group, &sample);
        println!(
            "| {group:>17} | {memory:>6.0} | {encoding:>5.0} | {:>5.2} | {sqlite:>6.0} | {bare:>5.0} | {:>5.2} |",
            encoding / memory,
            bare / sqlite
        );
    }
    println!(
        "\nmemory's floor: each event of the history is encoded once and decoded once. SQLite's floor: one row \
         for each step in a bare table, with the bytes of the history and the same commits."
    );
}

/// Where the time of an orchestration goes.
pub(crate) fn parts() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = SqliteStore::open(folder.path().join("hub.db")).unwrap();
    let columns = [
        parts_of(Driver::new(MemoryStore::new())),
        parts_of(Driver::new(store)),
    ];
    println!("\nmicroseconds of one orchestration by part; {GROUP} steps in a commit\n");
    println!("| part | memory | SQLite |");
    println!("| ---- | -----: | -----: |");
    for (place, part) in Part::ALL.into_iter().enumerate() {
        let [memory, sqlite] = columns.map(|column| column[place]);
        println!("| {part:?} | {memory:.2} | {sqlite:.2} |");
    }
    let [memory, sqlite] = columns.map(|column| column.iter().sum::<f64>());
    println!("| all | {memory:.2} | {sqlite:.2} |");
}

const GROUP: usize = 100;

/// Microseconds of each part. Of the rounds, the one that took the least time counts.
fn parts_of<S: Store>(mut driver: Driver<S>) -> [f64; 7] {
    let rounds = (0..50).map(|_| {
        driver.parts = [Duration::ZERO; 7];
        (0..10).for_each(|_| driver.group(GROUP));
        driver.parts
    });
    let least = rounds.min_by_key(|parts| parts.iter().sum::<Duration>());
    let count = (10 * GROUP) as f64;
    least
        .unwrap_or_default()
        .map(|part| part.as_secs_f64() * 1e6 / count)
}

/// Ten seconds of one store.
pub(crate) fn profile(store: &str, group: usize) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let rate = if store == "sqlite" {
        let store = SqliteStore::open(folder.path().join("hub.db")).unwrap();
        let mut driver = Driver::new(store);
        rate(PROFILE, group, || driver.group(group))
    } else {
        let mut driver = Driver::new(MemoryStore::new());
        rate(PROFILE, group, || driver.group(group))
    };
    println!("{rate:.0} orchestrations per second");
}

/// Orchestrations per second. The rounds alternate, so that other load of the machine affects all alike.
fn measure(group: usize, sample: &Sample) -> [f64; COLUMNS] {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut memory = Driver::new(MemoryStore::new());
    let store = SqliteStore::open(folder.path().join("hub.db")).unwrap();
    let mut sqlite = Driver::new(store);
    let mut bare = Bare::new(&folder.path().join("bare.db"), sample);
    let mut best = [0.0_f64; COLUMNS];
    for _ in 0..ROUNDS {
        let rates = [
            rate(ROUND, group, || memory.group(group)),
            rate(ROUND, group, || (0..group).for_each(|_| sample.encode())),
            rate(ROUND, group, || sqlite.group(group)),
            rate(ROUND, group, || bare.group(group)),
        ];
        for (best, rate) in best.iter_mut().zip(rates) {
            *best = best.max(rate);
        }
    }
    best
}

fn rate(time: Duration, group: usize, mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < time {
        run();
        count += group;
    }
    count as f64 / start.elapsed().as_secs_f64()
}
