//! Cancelling a job: what the client is answered, and that the scan of the table stops.

use durable_functions::{Orchestrator, RuntimeStatus};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    status_body::{DONE, QUERYING, STOPPING, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Gate, Step},
        host::Host,
        http::{Answer, Client},
        task_hub::TaskHub,
    },
};

/// The pages that a table gives away before the one that it holds back.
const FREE: usize = 5;
/// All its pages.
const PAGES: usize = 40;
/// The first day of the job that is cancelled, and of another one. They tell the requests of the two apart.
const DAY: &str = "2021-01-01";
const OTHER_DAY: &str = "2022-02-02";
/// What the handler logs when a scan ends before its end.
const STOPPED: &str = "scan stopped, because its job has ended";

/// A table of [`PAGES`] pages that holds back all but the first [`FREE`] until the gate is open.
async fn held_table() -> (FakeTable, Gate) {
    let gate = Gate::closed();
    let mut steps: Vec<_> = (1..PAGES)
        .map(|page| Step::page_then(&["1"], format!("token-{page}").leak(), None))
        .collect();
    steps.push(Step::page(&["2"]));
    let held = steps.split_off(FREE).into_iter();
    let held = held.map(|step| Step::Held(gate.clone(), Box::new(step)));
    let steps = steps.into_iter().chain(held).collect();
    (FakeTable::start(steps).await, gate)
}

/// Waits until the scan waits for the page that the table holds back.
async fn until_held(table: &FakeTable) {
    table.requested(FREE + 1).await;
}

fn requests(table: &FakeTable, day: &str) -> usize {
    let heads = table.requests();
    heads.iter().filter(|head| head.contains(day)).count()
}

async fn cancel(client: &Client, location: &str) -> Answer {
    client.send_to(Method::DELETE, location).await
}

/// Lets the table answer everything and scans it to its end by another job, which takes far longer than the next
/// request of the cancelled scan would.
async fn assert_the_scan_has_stopped(host: &Host, table: &FakeTable, gate: &Gate) {
    gate.open();
    let (id, location) = host.client().submit(OTHER_DAY, OTHER_DAY).await;
    let answer = host.client().poll(&location).await;
    assert_status(&answer, &id, "Completed", "2", DONE, None);
    assert_eq!(requests(table, DAY), FREE + 1, "of the cancelled job");
    assert_eq!(requests(table, OTHER_DAY), PAGES - FREE - 1);
}

#[tokio::test]
async fn row_39_40_a_job_is_cancelled_by_delete_and_its_scan_makes_no_further_request() {
    let (table, gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit(DAY, DAY).await;
    until_held(&table).await;

    let answer = cancel(client, &location).await;
    assert_status(&answer, &id, "Terminated", "null", QUERYING, None);
    assert_the_scan_has_stopped(&host, &table, &gate).await;

    // Again, and to be asked for.
    let again = cancel(client, &location).await;
    assert_eq!((again.status, &again.body), (200, &answer.body));
    let status = client.status(&location).await;
    assert_eq!((status.status, &status.body), (200, &answer.body));
}

#[tokio::test]
async fn row_39_many_clients_that_cancel_at_once_get_one_answer() {
    let (table, _gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit(DAY, DAY).await;
    until_held(&table).await;
    let answers = join_all((0..20).map(|_| cancel(client, &location))).await;
    for answer in &answers {
        assert_status(answer, &id, "Terminated", "null", QUERYING, None);
        assert_eq!(answer.body, answers[0].body);
    }
}

#[tokio::test]
async fn row_39_a_job_that_has_ended_is_a_conflict_with_its_status() {
    let table = FakeTable::start(vec![
        Step::page(&["1", "2", "2"]),
        Step::Status(404, vec![("x-ms-error-code", "TableNotFound")], ""),
    ])
    .await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    for expected in ["Completed", "Failed"] {
        let (_, location) = client.submit(DAY, DAY).await;
        let ended = client.poll(&location).await;
        assert_eq!(ended.json()["status"], expected);
        let answer = cancel(client, &location).await;
        assert_eq!((answer.status, &answer.body), (409, &ended.body));
        assert_eq!(answer.header("x-ms-error-code"), "JobEnded");
        assert_eq!(client.status(&location).await.body, ended.body);
    }
}

#[tokio::test]
async fn row_39_an_id_that_is_no_job_is_not_found() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    for id in [
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "@counter@7",
        "a%3Fb",
    ] {
        let answer = cancel(client, &client.url(&format!("/api/status/{id}"))).await;
        let not_found = r#"{"error":"Job not found"}"#;
        assert_eq!((answer.status, answer.body.as_str()), (404, not_found));
    }
}

/// As a scan of a job that was ended on another machine: nobody tells this process.
#[tokio::test]
async fn row_40_a_job_that_an_operator_terminates_stops_its_scan_as_well() {
    let (table, gate) = held_table().await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .start()
        .await;
    let client = host.client();
    let (id, location) = client.submit(DAY, DAY).await;
    until_held(&table).await;

    TaskHub::of(&host).await.terminate(&id, "by hand").await;
    host.logged(STOPPED, 1).await;
    assert_the_scan_has_stopped(&host, &table, &gate).await;
    let answer = cancel(client, &location).await;
    assert_status(&answer, &id, "Terminated", "null", QUERYING, None);
}

#[tokio::test]
async fn row_40_45_a_job_whose_time_is_over_fails_as_timeout_and_stops_its_scan() {
    let (table, gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string())
        .setting("JobTimeoutSeconds", "3")
        .start()
        .await;
    let client = host.client();
    let (id, location) = client.submit(DAY, DAY).await;
    let answer = client.poll(&location).await;
    let error = (
        "Timeout",
        "The job did not end in time. Ask for fewer days, or try again later.",
    );
    assert_status(&answer, &id, "Failed", "null", STOPPING, Some(error));
    host.logged(STOPPED, 1).await;
    assert_the_scan_has_stopped(&host, &table, &gate).await;
}

/// Each answer is one that the job's status confirms, whoever was faster.
#[tokio::test]
async fn row_39_a_cancel_that_races_with_the_end_of_the_job_says_how_it_ended() {
    let table = FakeTable::start(vec![Step::page(&["1", "2"])]).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let jobs = (0..30).map(async |number| {
        let (id, location) = client.submit(DAY, DAY).await;
        // Later and later in the life of the job.
        for _ in 0..number {
            tokio::task::yield_now().await;
        }
        let answer = cancel(client, &location).await;
        let status = client.status(&location).await;
        assert_eq!(answer.body, status.body);
        let expected = match answer.json()["status"].as_str().unwrap() {
            "Terminated" => 200,
            "Completed" => 409,
            other => panic!("{id} is {other}"),
        };
        assert_eq!(answer.status, expected, "{answer:?}");
    });
    join_all(jobs).await;
}

#[tokio::test]
async fn row_39_a_suspended_job_is_cancelled_and_what_is_no_job_is_left_alone() {
    let (table, _gate) = held_table().await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .start()
        .await;
    let client = host.client();
    let hub = TaskHub::of(&host).await;

    let (id, location) = client.submit(DAY, DAY).await;
    until_held(&table).await;
    hub.suspend(&id, "by hand").await;
    let is_suspended = |answer: &Answer| answer.json()["status"] == "Suspended";
    client.poll_until(&location, is_suspended).await;
    let answer = cancel(client, &location).await;
    assert_status(&answer, &id, "Terminated", "null", QUERYING, None);

    const MISBEHAVE: Orchestrator<Value, Value> = Orchestrator::new("misbehave");
    let other = hub.client().start(MISBEHAVE, &json!({ "sleep": 300 }));
    let other = other.await.unwrap();
    let location = client.url(&format!("/api/status/{}", other.id()));
    assert_eq!(cancel(client, &location).await.status, 404);
    host.logged("Executing 'Functions.sleep'", 1).await;
    let status = other.status().await.unwrap().unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Running);
}
