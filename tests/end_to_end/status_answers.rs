//! The answers of get-status for every state that a test can bring an instance into.

use std::time::Duration;

use durable_functions::Orchestrator;
use serde_json::{Value, json};

use super::{
    status_body::{DONE, QUERYING, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Gate, Step},
        http::{Answer, Client, JSON},
        task_hub::TaskHub,
    },
};

const NOT_FOUND: &str = r#"{"error":"Job not found"}"#;
/// The reason that an operator gives. Clients must not see it.
const REASON: &str = "the reason of an operator";

/// A table that holds its answer, with two distinct values, back until the gate is open.
pub(crate) async fn held_table() -> (FakeTable, Gate) {
    let gate = Gate::closed();
    let page = Step::page(&["1", "2", "2"]);
    let table = FakeTable::start(vec![Step::Held(gate.clone(), Box::new(page))]).await;
    (table, gate)
}

/// Polls until a job is in this state, and its activity has been called.
pub(crate) async fn until(client: &Client, location: &str, status: &str) -> Answer {
    let wanted = |answer: &Answer| {
        let body = answer.json();
        body["status"] == status && body["customStatus"]["stage"] == "querying"
    };
    client.poll_until(location, wanted).await
}

#[track_caller]
fn assert_not_found(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (404, NOT_FOUND));
    assert_eq!(answer.header("Content-Type"), JSON);
}

#[tokio::test]
async fn row_16_18_21_30_36_a_running_job_is_answered_with_202_until_its_result_is_there() {
    let (table, gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit("2021-01-01", "2021-01-31").await;

    let answer = until(client, &location, "Running").await;
    assert_status(&answer, &id, "Running", "null", QUERYING, None);
    assert_eq!(answer.header("Cache-Control"), "no-store");
    // It stays so for as long as the activity runs.
    let answer = client.status(&location).await;
    assert_status(&answer, &id, "Running", "null", QUERYING, None);

    gate.open();
    let answer = client.poll(&location).await;
    assert_status(&answer, &id, "Completed", "2", DONE, None);
    assert_eq!(answer.header("Cache-Control"), "no-store");
    // The final answer does not change.
    assert_eq!(client.status(&location).await.body, answer.body);
}

#[tokio::test]
async fn row_25_an_id_that_is_no_job_is_not_found() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    for id in [
        "0",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "@counter@7",
        "%40counter%407",
        "a%20b%22%3C%C3%A9",
        "%E2%80%A8",
        &"x".repeat(300),
    ] {
        assert_not_found(&host.client().get(&format!("/api/status/{id}")).await);
    }
}

#[tokio::test]
async fn row_25_an_instance_of_another_orchestrator_is_not_found() {
    const MISBEHAVE: Orchestrator<Value, Value> = Orchestrator::new("misbehave");
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .start()
        .await;
    let client = host.client();
    let hub = TaskHub::of(&host).await;
    let running = hub.client().start(MISBEHAVE, &json!({ "sleep": 60 }));
    let running = running.await.unwrap();
    let failed = hub.client().start(MISBEHAVE, &json!("panic"));
    let failed = failed.await.unwrap();
    failed.wait(Duration::from_secs(60)).await.unwrap();
    for id in [running.id(), failed.id()] {
        assert!(hub.client().status(id).await.unwrap().is_some());
        assert_not_found(&client.get(&format!("/api/status/{id}")).await);
    }
}

#[tokio::test]
async fn row_16_23_states_that_an_operator_brings_about_are_answered_without_the_reason() {
    let (table, gate) = held_table().await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .start()
        .await;
    let client = host.client();
    let hub = TaskHub::of(&host).await;

    let input = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    hub.start_in_an_hour("process-submission", "pending", input)
        .await;
    let answer = client.get("/api/status/pending").await;
    assert_status(&answer, "pending", "Pending", "null", "null", None);
    assert_eq!(answer.header("Location"), client.url("/api/status/pending"));

    let (stopped, stopped_at) = client.submit("2021-01-01", "2021-01-31").await;
    until(client, &stopped_at, "Running").await;
    hub.terminate(&stopped, REASON).await;
    let answer = client.poll(&stopped_at).await;
    assert_status(&answer, &stopped, "Terminated", "null", QUERYING, None);

    let (held, held_at) = client.submit("2021-01-01", "2021-01-31").await;
    until(client, &held_at, "Running").await;
    hub.suspend(&held, REASON).await;
    let answer = until(client, &held_at, "Suspended").await;
    assert_status(&answer, &held, "Suspended", "null", QUERYING, None);

    // A result that arrives in the meantime waits until the job is resumed.
    gate.open();
    host.logged("Executed 'Functions.query-activity' (Succeeded", 1)
        .await;
    let answer = client.status(&held_at).await;
    assert_status(&answer, &held, "Suspended", "null", QUERYING, None);
    hub.resume(&held).await;
    let answer = client.poll(&held_at).await;
    assert_status(&answer, &held, "Completed", "2", DONE, None);
}
