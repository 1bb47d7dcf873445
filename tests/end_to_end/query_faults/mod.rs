//! Jobs whose slices spill, over a table service that fails and with processes that die.
#![cfg(target_os = "linux")] // It sends signals to processes.

mod kills;
mod pages;
mod scratch;

use std::{collections::HashSet, time::Duration};

use durable_functions::Orchestrator;
use function_app::{
    audit::{Slice, ValueHash},
    dates::{DateRange, Day},
    functions::query_activity::Queried,
};
use serde_json::Value;
use time::macros::date;

use super::support::{
    app_folder::AppFolder,
    host::{Host, TIME_LIMIT},
    table_service::{Generated, Options, Rows, TableService},
    task_hub::TaskHub,
};

const PROCESS_SUBMISSION: Orchestrator<Value, u64> = Orchestrator::new("process-submission");
const SCRATCH: &str = "auditscratch";

/// Six slices, of which four are read at a time.
const DAYS: u32 = 360;
const START: &str = "2021-01-01";
const END: &str = "2021-12-26";

fn rows() -> Rows {
    Rows::Generated(Generated {
        first_day: date!(2020 - 12 - 01),
        days: DAYS + 60,
        rows_per_day: 30,
        distinct: 3_000,
        empty_cert_share: 0.1,
    })
}

/// Pages that take so long that a job can be interrupted.
fn options() -> Options {
    Options {
        latency: Duration::from_millis(4),
        ..Options::new(rows())
    }
}

/// The app, whose slices spill several times each.
fn app(service: &TableService) -> AppFolder {
    AppFolder::misbehaving(&service.connection_string())
        .setting("SLICE_INLINE", "4")
        .setting("SLICE_IN_MEMORY", "300")
}

fn expected() -> (u64, u64) {
    rows().expected(START, END)
}

fn range() -> DateRange {
    let day = |text| Day::parse(text).unwrap();
    DateRange::new(day(START), day(END)).unwrap()
}

/// The job completes with the right count, and leaves nothing behind.
async fn completes(host: &Host, service: &TableService, location: &str) {
    let answer = host.client().poll(location).await;
    let job = answer.json();
    assert_eq!(job["status"], "Completed", "{job}");
    assert_eq!(job["result"], expected().0, "{job}");
    assert_eq!(job["customStatus"]["completed"], DAYS, "{job}");
    let left = service.entities(SCRATCH);
    assert!(left.is_empty(), "{} rows are left", left.len());
}

/// The first days of the parts of those slices that the job has the results of.
async fn finished_days(hub: &TaskHub, id: &str) -> HashSet<String> {
    let history = hub
        .client()
        .instance(PROCESS_SUBMISSION, id)
        .history()
        .await;
    let history = history.unwrap();
    let results = history.iter().filter_map(|event| {
        let queried = event.activity_output::<Queried>().ok()??;
        Some(queried.slice)
    });
    let finished: HashSet<_> = results.collect();
    let mut days = HashSet::new();
    let mut start = range().start();
    for slice in Slice::of(&range()) {
        let id = ValueHash::of(&serde_json::to_string(&slice).unwrap());
        for number in 0..slice.days() {
            if finished.contains(&id) {
                days.insert(start.later(number).to_string());
            }
        }
        start = start.later(slice.days());
    }
    days
}

/// Looks again and again until it is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(TIME_LIMIT, waiting).await.unwrap();
}

/// Runs the sweep to its end, for the time with this number, counted from 1.
async fn sweep(host: &Host, time: usize) {
    let answer = host
        .client()
        .post("/admin/functions/sweep-jobs", "{}")
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");
    host.logged("Executed 'Functions.sweep-jobs' (Succeeded", time)
        .await;
}
