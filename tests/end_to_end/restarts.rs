//! A handler that stops or dies while jobs run: nothing is lost that was not on the wire.
//!
//! With `RESTARTS_AT_FULL_SIZE` in the environment the same tests run with 200 jobs, ten stops and five hosts.
#![cfg(unix)]

use std::{process::Command, time::Duration};

use futures::future::join_all;

use super::{
    status_body::{DONE, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Gate, Step},
        host::Host,
        http::Answer,
    },
};

/// How long the table takes for a page: long enough that queries are under way at every signal.
const LATENCY: Duration = Duration::from_millis(200);
/// How long it takes for the first pages: longer than a stopping handler waits for its functions.
const LONG_LATENCY: Duration = Duration::from_secs(3);
const LONG: usize = 10;

struct Size {
    jobs: usize,
    stops: usize,
    hosts: usize,
}

fn size() -> Size {
    if std::env::var_os("RESTARTS_AT_FULL_SIZE").is_some() {
        Size {
            jobs: 200,
            stops: 10,
            hosts: 5,
        }
    } else {
        Size {
            jobs: 50,
            stops: 3,
            hosts: 1,
        }
    }
}

/// Starts a host, submits the jobs, and lets the table answer once all are accepted. Returns id and status address of
/// each job.
async fn with_jobs_in_flight(jobs: usize) -> (Host, FakeTable, Vec<(String, String)>) {
    let gate = Gate::closed();
    let page = |latency| {
        let page = Step::Slow(latency, Box::new(Step::page(&["1", "2", "2", "3"])));
        Step::Held(gate.clone(), Box::new(page))
    };
    let mut steps = vec![page(LONG_LATENCY); LONG];
    steps.push(page(LATENCY));
    let table = FakeTable::start(steps).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let submitted = (0..jobs).map(|_| client.submit("2021-01-01", "2021-01-31"));
    let submitted = join_all(submitted).await;
    gate.open();
    (host, table, submitted)
}

/// Sends the signal `times` times to the running handler. Each time it waits until the new handler is ready and more
/// queries have begun.
async fn signal_the_handler(host: &Host, signal: &str, times: usize, jobs: usize) {
    for time in 1..=times {
        let started = "Worker process started and initialized.";
        host.logged(started, time).await;
        let queries = LONG + jobs * (time - 1) / (times + 1);
        host.logged("Executing 'Functions.query-activity'", queries)
            .await;
        let process = host.handlers()[time - 1].to_string();
        let kill = Command::new("kill").args([signal, &process]).status();
        assert!(kill.unwrap().success());
    }
}

/// Polls until a job has ended. The handler may stop or die in the meantime.
async fn ended(host: &Host, location: &str) -> Answer {
    let ended = |answer: &Answer| answer.status == 200;
    host.client().poll_until(location, ended).await
}

#[tokio::test]
async fn jobs_in_flight_survive_every_stop_of_the_handler() {
    let Size { jobs, stops, .. } = size();
    let (host, _table, submitted) = with_jobs_in_flight(jobs).await;
    signal_the_handler(&host, "-TERM", stops, jobs).await;
    for (id, location) in &submitted {
        let answer = ended(&host, location).await;
        assert_status(&answer, id, "Completed", "3", DONE, None);
    }
    let log = host.log();
    assert!(log.contains("Language Worker Process exited and needs to be restarted."));
    assert!(!log.contains("exited with code"), "a stop is no crash");
    assert_eq!(host.handlers().len(), stops + 1);
}

#[tokio::test]
async fn a_killed_handler_loses_only_jobs_of_which_something_was_on_the_wire() {
    // The third crash within half an hour stops a host.
    const KILLS: usize = 2;
    let Size { jobs, hosts, .. } = size();
    for _ in 0..hosts {
        let (host, _table, submitted) = with_jobs_in_flight(jobs).await;
        signal_the_handler(&host, "-KILL", KILLS, jobs).await;
        let mut failed = 0;
        for (id, location) in &submitted {
            let answer = ended(&host, location).await;
            if answer.json()["status"] == "Completed" {
                assert_status(&answer, id, "Completed", "3", DONE, None);
            } else {
                failed += 1;
                let said = format!("Orchestration '{id}' (process-submission) failed: ");
                let log = host.log();
                let why = log.lines().position(|line| line.contains(&said));
                let why: Vec<_> = log.lines().skip(why.unwrap()).take(5).collect();
                let why = why.join(" ");
                assert!(
                    why.contains("An error occurred while sending the request."),
                    "{why}"
                );
            }
        }
        println!("{failed} of {jobs} jobs were on the wire when the handler was killed");
        assert_eq!(host.handlers().len(), KILLS + 1);
    }
}
