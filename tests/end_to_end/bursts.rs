//! Many submissions at once, with many and with few open files: accepted jobs run, refused jobs do not.
//!
//! With `BURSTS_AT_FULL_SIZE` in the environment the same tests run with 8,000 submissions, and with 5,000 when
//! files are few.

use functions_handler::open_files;
use futures::future::join_all;

use super::{
    status_body::{DONE, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Step},
        host::Host,
    },
};

fn size(full: usize) -> usize {
    if std::env::var_os("BURSTS_AT_FULL_SIZE").is_some() {
        full
    } else {
        400
    }
}

/// Submits this many jobs at once and waits for the accepted ones. Returns how many were not accepted.
async fn submit_at_once(host: &Host, jobs: usize) -> usize {
    // Each has a connection of its own.
    open_files::raise_limit();
    let client = host.client();
    let body = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    let answers = (0..jobs).map(|_| client.try_post("/api/submit", body));
    let answers = join_all(answers).await;
    // A host with few files accepts connections slowly, and the system drops those that wait too long.
    let unheard = answers.iter().filter(|answer| answer.is_none()).count();
    let mut accepted = 0;
    for answer in answers.into_iter().flatten() {
        if answer.status == 503 {
            continue;
        }
        let (id, location) = client.accepted(&answer);
        let answer = client.poll(&location).await;
        assert_status(&answer, &id, "Completed", "3", DONE, None);
        accepted += 1;
    }
    // One query for each accepted job, none for a refused one.
    let queries = host
        .log()
        .matches("Executing 'Functions.query-activity'")
        .count();
    assert!(
        (accepted..=accepted + unheard).contains(&queries),
        "{queries} queries for {accepted} accepted jobs and {unheard} broken connections"
    );
    println!(
        "{accepted} of {jobs} submissions were accepted, {unheard} connections were given up, {queries} queries ran"
    );
    jobs - accepted
}

async fn table() -> FakeTable {
    FakeTable::start(vec![Step::page(&["1", "2", "2", "3"])]).await
}

#[tokio::test]
async fn in_a_burst_every_accepted_job_runs_and_no_refused_one() {
    let table = table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let refused = submit_at_once(&host, size(8_000)).await;
    assert_eq!(refused, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn with_few_open_files_nothing_is_lost_that_was_accepted() {
    let table = table().await;
    let app = AppFolder::product(&table.connection_string()).open_files(256);
    let host = app.start().await;
    let lines = |host: &Host| host.log().lines().count();
    let before = lines(&host);
    let jobs = size(5_000);
    submit_at_once(&host, jobs).await;
    // There are some lines for each invocation, but none for each attempt to get a file.
    assert!(lines(&host) - before < jobs * 40);
}
