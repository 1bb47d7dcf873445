//! An activity that overruns the host's `functionTimeout`. A host, local-host as well, then kills the handler, and every
//! invocation in flight fails. So the handler must end the activity first.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use std::{cell::Cell, time::Duration};

use durable_functions::{Orchestrator, RuntimeStatus};
use futures::future::{join, join_all};
use serde_json::{Value, json};
use support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Step},
    http::Client,
    task_hub::TaskHub,
};

const MISBEHAVE: Orchestrator<Value, Value> = Orchestrator::new("misbehave");

/// How many jobs run beside the slow activity at a time.
const JOBS: usize = 50;

/// Runs [`JOBS`] jobs; each must get its result.
async fn run_jobs(client: &Client) {
    let jobs = (0..JOBS).map(|_| async {
        let (_, location) = client.submit("2021-01-01", "2021-01-31").await;
        let answer = client.poll(&location).await;
        let body = answer.json();
        assert_eq!(
            (&body["status"], &body["result"]),
            (&json!("Completed"), &json!(2))
        );
    });
    join_all(jobs).await;
}

#[tokio::test]
async fn an_activity_that_overruns_fails_its_attempt_and_nothing_else() {
    let table = FakeTable::start(vec![Step::page(&["1", "2"])]).await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .function_timeout("00:00:03")
        .start()
        .await;
    let client = host.client();
    let process = client.get("/api/process-id").await.body;
    let hub = TaskHub::of(&host).await;

    let input = json!({ "sleep": 60 });
    let slow = hub.client().start(MISBEHAVE, &input).await.unwrap();
    host.logged("Executing 'Functions.sleep'", 1).await;

    // Jobs are in flight from here until after the slow activity has ended.
    let ended = Cell::new(false);
    let outcome = async {
        let outcome = slow.wait(Duration::from_secs(120)).await;
        ended.set(true);
        outcome.unwrap()
    };
    let beside = async {
        while !ended.get() {
            run_jobs(client).await;
        }
        run_jobs(client).await;
    };
    let (outcome, ()) = join(outcome, beside).await;

    assert_eq!(outcome.runtime_status, RuntimeStatus::Completed);
    let output: Value = outcome.typed::<Value>().output().unwrap().unwrap();
    assert_eq!(output, json!({ "failure": "ActivityTimeout" }));
    assert_eq!(client.get("/api/process-id").await.body, process);
    assert_eq!(host.handlers(), [process.parse::<u32>().unwrap()]);
    let log = host.log();
    assert!(
        !log.contains("Timeout value of"),
        "the host has seen an overrun"
    );
    let failed = log.lines().filter(|line| line.contains("(Failed, Id="));
    let others: Vec<_> = failed
        .filter(|line| !line.contains("Functions.sleep"))
        .collect();
    assert!(others.is_empty(), "other invocations failed: {others:?}");
}
