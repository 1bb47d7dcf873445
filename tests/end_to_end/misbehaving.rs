//! A function that misbehaves fails its own job. The handler and other jobs go on.

use std::time::Duration;

use durable_functions::{Orchestrator, RuntimeStatus};
use serde_json::{Value, json};

use super::{
    status_body::{DONE, STOPPING, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Step},
        http::Client,
        task_hub::TaskHub,
    },
};

const MISBEHAVE: Orchestrator<Value, Value> = Orchestrator::new("misbehave");
/// The text of every panic in tests/apps/misbehaving.rs.
const INTERNAL_TEXT: &str = "the internal text of a panic";
/// The day on which the activity of a job panics there.
const DAY_OF_PANIC: &str = "1999-12-31";

async fn process_id(client: &Client) -> String {
    let answer = client.get("/api/process-id").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn row_74_a_panic_fails_its_own_job_with_a_clean_error_and_the_process_lives() {
    let table = FakeTable::start(vec![Step::page(&["1", "2"])]).await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .start()
        .await;
    let client = host.client();
    let hub = TaskHub::of(&host).await;
    let process = process_id(client).await;
    assert_eq!(host.handlers(), [process.parse::<u32>().unwrap()]);

    // An activity in flight, which a restart of the handler would fail.
    let input = json!({ "sleep": 300 });
    let beside = hub.client().start(MISBEHAVE, &input).await.unwrap();
    host.logged("Executing 'Functions.sleep'", 1).await;

    // In an activity: the job fails after the last of its retries.
    let (id, location) = client.submit(DAY_OF_PANIC, DAY_OF_PANIC).await;
    let answer = client.poll(&location).await;
    let error = ("Internal", "The job failed with an internal error.");
    assert_status(&answer, &id, "Failed", "null", STOPPING, Some(error));
    assert!(host.log().contains(INTERNAL_TEXT), "the log says why");

    // In an orchestrator.
    let input = json!("panic");
    let panicked = hub.client().start(MISBEHAVE, &input).await.unwrap();
    let status = panicked.wait(Duration::from_secs(60)).await.unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Failed);

    // In an HTTP function.
    let answer = client.get("/api/panic-at-once").await;
    assert_eq!(answer.status, 500);
    assert!(!answer.body.contains(INTERNAL_TEXT), "{answer:?}");

    let (id, location) = client.submit("2021-01-01", "2021-01-31").await;
    let answer = client.poll(&location).await;
    assert_status(&answer, &id, "Completed", "2", DONE, None);
    let status = beside.status().await.unwrap().unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Running);
    assert_eq!(process_id(client).await, process);
    assert_eq!(host.handlers(), [process.parse::<u32>().unwrap()]);
}
