//! Orchestrations with one activity per second, with groups of several sizes.

use std::time::{Duration, Instant};

use task_hub::{MemoryStore, SqliteStore};

use crate::driver::{Driver, STEPS};
use crate::floor::{Bare, Sample};

/// Steps in one commit.
const GROUPS: [usize; 4] = [1, 10, 100, 500];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(300);

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
            rate(group, || memory.group(group)),
            rate(group, || (0..group).for_each(|_| sample.encode())),
            rate(group, || sqlite.group(group)),
            rate(group, || bare.group(group)),
        ];
        for (best, rate) in best.iter_mut().zip(rates) {
            *best = best.max(rate);
        }
    }
    best
}

fn rate(group: usize, mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < ROUND {
        run();
        count += group;
    }
    count as f64 / start.elapsed().as_secs_f64()
}
