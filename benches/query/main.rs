//! How fast the query is, beside plain requests, a plain loop over `azure_data_tables` and the loop of the original, and
//! what it needs.
//!
//! The table service, local-host, the handler and each other contestant are processes of their own. Results are checked
//! against a count of the server's own. Run with `cargo bench -p function-app --bench query`, and with some of `latency`,
//! `limits` and `memory` behind `--` for those cases only. `tls` there lets the table service speak TLS.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod app;
mod case;
#[path = "../../tests/support/original.rs"]
mod original;
mod process;
mod python;
mod raw;
mod report;
#[path = "../../tests/support/sdk_transport.rs"]
#[allow(dead_code)]
mod sdk_transport;
mod sequential;
mod server;
#[path = "../../tests/support/table_service/mod.rs"]
#[allow(dead_code, unused_imports)]
mod table_service;

use std::process::ExitCode;

use tokio::runtime::Runtime;

use app::App;
use case::Case;
use process::{Run, Worker};
use report::{Report, Runs};
use server::{Served, Server};

/// How often the short ones run; one run before warms up. They take turns, so that what else the machine does meets all
/// of them.
const TURNS: usize = 9;
/// How often the loops run, which take seconds.
const LOOP_TURNS: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let texts: Vec<_> = arguments.iter().map(String::as_str).collect();
    match texts.as_slice() {
        ["server", case] => server::role(case),
        ["host"] => return app::host(),
        ["raw", connection, case] => run(raw::role(connection, &read(case))),
        ["sequential", connection, case] => run(sequential::role(connection, &read(case))),
        // Beside cargo's own arguments.
        named => {
            let is_tls = named.contains(&"tls");
            let is_case = |it: &&&str| !it.starts_with('-') && **it != "tls";
            let cases: Vec<&str> = named.iter().filter(is_case).copied().collect();
            let wanted = |case: &str| cases.is_empty() || cases.contains(&case);
            let mut report = Report::new();
            if wanted("latency") {
                run(latency(&mut report, case::LATENCY.over(is_tls)));
            }
            if wanted("limits") {
                run(limits(&mut report, case::LIMITS.over(is_tls)));
            }
            if wanted("memory") {
                run(memory(&mut report, case::MEMORY.over(is_tls)));
            }
            report.end();
        }
    }
    ExitCode::SUCCESS
}

fn run(role: impl Future<Output = ()>) {
    Runtime::new().unwrap().block_on(role);
}

fn read(case: &str) -> Case {
    serde_json::from_str(case).unwrap()
}

/// Panics unless the run has counted what the server has.
fn check(run: &Run, expected: (u64, u64)) {
    assert_eq!((run.values, run.rows), expected);
}

async fn latency(report: &mut Report, case: Case) {
    let mut server = Server::start(&case);
    let expected = server.expected();
    let app = App::start(&server);
    let mut raw = server.contestant("raw", &case);
    let (mut of_app, mut of_raw) = (Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let (run, history) = app.count(&case, expected.1).await;
        if turn == 0 {
            tell(&run, history, &server.served());
        }
        of_app.push(run);
        of_raw.push(raw.ask::<Run>("count"));
    }
    let warm = |runs: Vec<Run>| Runs(runs.into_iter().skip(1).collect());
    let loop_turns = |mut worker: Worker| {
        let turns = (0..=LOOP_TURNS).map(|_| worker.ask("count"));
        warm(turns.collect())
    };
    let (of_app, of_raw) = (warm(of_app), warm(of_raw));
    let of_loop = loop_turns(server.contestant("sequential", &case));
    let of_python = python::start(&server, &case).map(loop_turns);
    let contestants = [
        ("this app", Some(&of_app)),
        ("plain requests", Some(&of_raw)),
        ("azure_data_tables", Some(&of_loop)),
        ("the original's loop", of_python.as_ref().ok()),
    ];
    for (who, runs) in contestants {
        let Some(runs) = runs else { continue };
        runs.0.iter().for_each(|run| check(run, expected));
        report.line(&case, who, runs);
    }
    report.number("raw_ratio", of_app.median() / of_raw.median());
    match of_python {
        Ok(of_python) => report.number("python_ratio", of_python.median() / of_app.median()),
        Err(reason) => println!("Without the original's loop: {reason}"),
    }
}

async fn limits(report: &mut Report, case: Case) {
    let run = once(report, &case).await;
    let share = case.least_seconds(run.rows).unwrap() / run.wall;
    report.number("limit_share", share);
}

async fn memory(report: &mut Report, case: Case) {
    let run = once(report, &case).await;
    report.number("peak_mb", Runs(vec![run]).peak_mb());
}

/// One job in a handler of its own.
async fn once(report: &mut Report, case: &Case) -> Run {
    let mut server = Server::start(case);
    let expected = server.expected();
    let app = App::start(&server);
    let (run, history) = app.count(case, expected.1).await;
    check(&run, expected);
    tell(&run, history, &server.served());
    report.line(case, "this app", &Runs(vec![run]));
    run
}

/// What stands in no table.
fn tell(run: &Run, history: usize, served: &Served) {
    println!(
        "{} rows: {} distinct values, {} requests for pages {:?}, at most {} at once, {history} bytes of history",
        run.rows, run.values, served.pages, served.statuses, served.most_in_flight
    );
}
