//! What the hub and its stores cost, on one core, without a worker and without a connection.
//!
//! `cargo bench -p task-hub` prints four tables: orchestrations with one activity per second, in memory and in
//! an SQLite file, where their time goes, large orchestrations, and what 100,000 ended instances in a file cost. Add
//! `-- orchestrations`, `-- parts`, `-- large` or `-- ended` for one of them. `-- profile memory 100` and
//! `-- profile sqlite 100` run groups of 100 steps for ten seconds, for a profiler.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod driver;
mod ended;
mod floor;
mod large;
mod orchestrations;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match names[..] {
        [] => {
            orchestrations::run();
            orchestrations::parts();
            large::run();
            ended::run();
        }
        ["orchestrations"] => orchestrations::run(),
        ["parts"] => orchestrations::parts(),
        ["large"] => large::run(),
        ["ended"] => ended::run(),
        ["profile", store, group] => orchestrations::profile(store, group.parse().unwrap()),
        // The second half of `ended`, in a process of its own.
        ["ended", path] => ended::measure(path.as_ref()),
        _ => eprintln!("unknown benchmark: {names:?}"),
    }
}
