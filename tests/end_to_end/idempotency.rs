//! A submission that is sent more than once with the same key starts one job.

use std::collections::BTreeSet;

use durable_functions::{Orchestrator, Query};
use functions_handler::open_files;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    status_body::{DONE, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Gate, Step},
        host::Host,
        http::Answer,
        task_hub::TaskHub,
    },
};

const A_DAY: &str = r#"{"start":"2021-01-01","end":"2021-01-01"}"#;
const ANOTHER_DAY: &str = r#"{"start":"2021-02-01","end":"2021-02-01"}"#;
const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";
const MISBEHAVE: Orchestrator<Value, Value> = Orchestrator::new("misbehave");

/// A host whose task hub tests can reach, and whose table has two distinct values.
async fn start(step: Step) -> (Host, FakeTable, TaskHub) {
    let table = FakeTable::start(vec![step]).await;
    let app = AppFolder::misbehaving(&table.connection_string());
    let host = app.start().await;
    let hub = TaskHub::of(&host).await;
    (host, table, hub)
}

fn two_values() -> Step {
    Step::page(&["1", "2", "1"])
}

async fn submit(host: &Host, json: &str, headers: &[(&str, &str)]) -> Answer {
    host.client().post_with("/api/submit", json, headers).await
}

/// The ids of all instances in the task hub.
async fn instances(hub: &TaskHub) -> Vec<String> {
    let all = hub.client().query(Query::new()).all().await.unwrap();
    all.into_iter().map(|status| status.instance_id).collect()
}

fn assert_refused(answer: &Answer, status: u16, code: &str, names: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("x-ms-error-code"), code, "{answer:?}");
    let text = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(text.contains(names), "{answer:?}");
    assert_eq!(answer.header("Location"), "");
}

#[tokio::test]
async fn row_10_the_same_key_and_days_give_the_same_job_while_it_runs_and_when_it_has_ended() {
    let gate = Gate::closed();
    let held = Step::Held(gate.clone(), Box::new(two_values()));
    let (host, table, hub) = start(held).await;
    let client = host.client();
    let quoted = format!("\"{KEY}\"");
    let query = "/api/submit/query?s=2021-01-01&e=2021-01-01";

    let first = submit(&host, A_DAY, &[("Idempotency-Key", &quoted)]).await;
    let (id, location) = client.accepted(&first);
    assert!(!id.contains(KEY) && id.len() == 32, "{id}");
    table.requested(1).await;
    for ended in [false, true] {
        // The quotation marks, the way in and the order of the members make no difference.
        let swapped = r#"{"end":"2021-01-01","start":"2021-01-01"}"#;
        for again in [
            submit(&host, A_DAY, &[("Idempotency-Key", &quoted)]).await,
            submit(&host, swapped, &[("idempotency-key", KEY)]).await,
            client
                .post_with(query, "", &[("Idempotency-Key", KEY)])
                .await,
        ] {
            assert_eq!(client.accepted(&again), (id.clone(), location.clone()));
            assert_eq!(again.body, first.body);
        }
        if !ended {
            gate.open();
            let answer = client.poll(&location).await;
            assert_status(&answer, &id, "Completed", "2", DONE, None);
        }
    }
    assert_eq!(instances(&hub).await, [id]);
    assert_eq!(table.requests().len(), 1);
}

#[tokio::test]
async fn row_10_a_key_that_was_used_for_other_days_is_refused() {
    let (host, table, hub) = start(two_values()).await;
    for (header, status, code) in [
        ("Idempotency-Key", 422, "IdempotencyKeyReused"),
        ("Operation-Id", 400, "OperationIdReused"),
    ] {
        let key = format!("{KEY}-{status}");
        let (id, location) = host
            .client()
            .accepted(&submit(&host, A_DAY, &[(header, &key)]).await);
        let refused = submit(&host, ANOTHER_DAY, &[(header, &key)]).await;
        assert_refused(&refused, status, code, header);
        let answer = host.client().poll(&location).await;
        assert_status(&answer, &id, "Completed", "2", DONE, None);
        let refused = submit(&host, ANOTHER_DAY, &[(header, &key)]).await;
        assert_refused(&refused, status, code, header);
    }
    // The same text in the other header is another key.
    let other = submit(&host, A_DAY, &[("Idempotency-Key", &format!("{KEY}-400"))]).await;
    let (_, location) = host.client().accepted(&other);
    host.client().poll(&location).await;
    assert_eq!(instances(&hub).await.len(), 3);
    assert_eq!(table.requests().len(), 3);
}

#[tokio::test]
async fn row_10_a_key_is_free_again_when_its_job_is_purged() {
    let (host, table, hub) = start(two_values()).await;
    let headers = [("Idempotency-Key", KEY)];
    let (id, location) = host
        .client()
        .accepted(&submit(&host, A_DAY, &headers).await);
    host.client().poll(&location).await;
    hub.client().instance_by_id(&id).purge().await.unwrap();
    let (again, location) = host
        .client()
        .accepted(&submit(&host, ANOTHER_DAY, &headers).await);
    assert_eq!(again, id);
    let answer = host.client().poll(&location).await;
    assert_status(&answer, &id, "Completed", "2", DONE, None);
    assert_eq!(table.requests().len(), 2);
}

#[tokio::test]
async fn row_10_without_a_key_each_submission_is_a_job_of_its_own() {
    let (host, _table, hub) = start(two_values()).await;
    let (one, _) = host.client().submit("2021-01-01", "2021-01-01").await;
    let (two, _) = host.client().submit("2021-01-01", "2021-01-01").await;
    assert_ne!(one, two);
    assert_eq!(instances(&hub).await.len(), 2);
}

#[tokio::test]
async fn row_11_an_operation_id_is_the_id_of_its_job() {
    let (host, _table, hub) = start(two_values()).await;
    let longest = "x".repeat(100);
    for id in ["a", "My-Operation_1.~", "...", &longest] {
        let accepted = submit(&host, A_DAY, &[("Operation-Id", id)]).await;
        let operation = host.client().url(&format!("/api/operations/{id}"));
        assert_eq!(accepted.header("Operation-Location"), operation);
        let (shown, location) = host.client().accepted(&accepted);
        assert_eq!(shown, id);
        let answer = host.client().poll(&location).await;
        assert_status(&answer, id, "Completed", "2", DONE, None);
        let again = submit(&host, A_DAY, &[("Operation-Id", id)]).await;
        assert_eq!(again.body, accepted.body);
    }
    assert_eq!(instances(&hub).await.len(), 4);
}

#[tokio::test]
async fn row_11_a_malformed_key_is_refused_by_the_name_of_its_header() {
    let (host, table, hub) = start(two_values()).await;
    let too_long = "x".repeat(101);
    for id in [
        "",
        ".",
        "..",
        "@counter@1",
        "a/b",
        "a\\b",
        "a?b",
        "a#b",
        "a+b",
        "a b",
        "a'b",
        "\"a\"",
        &too_long,
    ] {
        let refused = submit(&host, A_DAY, &[("Operation-Id", id)]).await;
        assert_refused(&refused, 400, "InvalidOperationId", "Operation-Id");
    }
    let too_long = "x".repeat(256);
    for key in ["", "\"\"", "\"a", "a, b", "a b", "\"a\";b=1", &too_long] {
        let refused = submit(&host, A_DAY, &[("Idempotency-Key", key)]).await;
        assert_refused(&refused, 400, "InvalidIdempotencyKey", "Idempotency-Key");
    }
    for (name, code) in [
        ("Idempotency-Key", "InvalidIdempotencyKey"),
        ("Operation-Id", "InvalidOperationId"),
    ] {
        let refused = submit(&host, A_DAY, &[(name, "a"), (name, "b")]).await;
        assert_refused(&refused, 400, code, name);
    }
    let both = [("Idempotency-Key", "a"), ("Operation-Id", "a")];
    let refused = submit(&host, A_DAY, &both).await;
    assert_refused(&refused, 400, "TwoKeys", "Operation-Id");
    assert_eq!(instances(&hub).await, [""; 0]);
    assert_eq!(table.connections(), 0);
}

/// The refusal is the one of an id that was used for other days.
#[tokio::test]
async fn row_11_an_operation_id_does_not_reach_the_instance_of_another_orchestrator() {
    let (host, _table, hub) = start(two_values()).await;
    let client = host.client();
    let input = json!("panic");
    let started = hub.client().start(MISBEHAVE, &input).with_id("taken");
    let instance = started.await.unwrap();
    instance
        .wait(std::time::Duration::from_secs(60))
        .await
        .unwrap();
    let before = instance.status().await.unwrap().unwrap();

    submit(&host, A_DAY, &[("Operation-Id", "used")]).await;
    let used = submit(&host, ANOTHER_DAY, &[("Operation-Id", "used")]).await;
    let taken = submit(&host, A_DAY, &[("Operation-Id", "taken")]).await;
    assert_refused(&taken, 400, "OperationIdReused", "Operation-Id");
    assert_eq!(taken.body, used.body);
    let status = client.get("/api/status/taken").await;
    assert_eq!(status.status, 404, "{status:?}");

    let after = instance.status().await.unwrap().unwrap();
    assert_eq!(after.name, "misbehave");
    assert_eq!(after.created_at, before.created_at);
    assert_eq!(after.last_updated_at, before.last_updated_at);
}

#[tokio::test]
async fn row_10_12_of_200_submissions_at_once_with_one_key_one_starts_the_job() {
    const AT_ONCE: usize = 200;
    open_files::raise_limit();
    for header in ["Idempotency-Key", "Operation-Id"] {
        // No job ends before all submissions are answered.
        let gate = Gate::closed();
        let held = Step::Held(gate.clone(), Box::new(two_values()));
        let (host, table, hub) = start(held).await;
        let headers = [(header, KEY)];
        let submissions = (0..AT_ONCE).map(|_| submit(&host, A_DAY, &headers));
        let answers = join_all(submissions).await;
        let jobs: BTreeSet<_> = answers
            .iter()
            .map(|answer| host.client().accepted(answer))
            .collect();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        gate.open();
        let (id, location) = jobs.first().unwrap();
        let answer = host.client().poll(location).await;
        assert_status(&answer, id, "Completed", "2", DONE, None);
        assert_eq!(instances(&hub).await, [id.as_str()]);
        assert_eq!(table.requests().len(), 1);
    }
}

/// Each client sends its request until it is accepted, as one with a key may.
#[cfg(unix)]
#[tokio::test]
async fn row_10_12_a_key_starts_one_job_also_when_the_handler_dies_between_its_submissions() {
    const CLIENTS: usize = 200;
    open_files::raise_limit();
    let (host, _table, hub) = start(two_values()).await;
    let headers = [("Idempotency-Key", KEY)];
    let until_accepted = async || {
        loop {
            let client = host.client();
            let answer = client.try_post_with("/api/submit", A_DAY, &headers).await;
            match answer {
                Some(answer) if answer.status == 202 => return client.accepted(&answer),
                // The host says 500 for a handler that died with the request, 503 without a handler.
                Some(answer) => assert!(answer.status >= 500, "{answer:?}"),
                None => {}
            }
            host.logged("Worker process started and initialized.", 2)
                .await;
        }
    };
    let kill = async {
        host.logged("Executing 'Functions.submit'", CLIENTS / 4)
            .await;
        let process = host.handlers()[0].to_string();
        let kill = std::process::Command::new("kill")
            .args(["-KILL", &process])
            .status();
        assert!(kill.unwrap().success());
    };
    let (jobs, ()) = tokio::join!(join_all((0..CLIENTS).map(|_| until_accepted())), kill);
    assert_eq!(host.handlers().len(), 2);
    let jobs: BTreeSet<_> = jobs.into_iter().collect();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(instances(&hub).await.len(), 1);
    let (id, location) = jobs.first().unwrap();
    let answer = host.client().poll(location).await;
    assert_status(&answer, id, "Completed", "2", DONE, None);
}

#[tokio::test]
async fn row_15_the_id_of_a_202_is_known_at_once() {
    let (host, _table, _hub) = start(two_values()).await;
    let client = host.client();
    let ask = async |number: usize| {
        let key = format!("key-{}", number / 2);
        let headers = [("Idempotency-Key", key.as_str())];
        let headers = &headers[..number % 3 % 2];
        let answer = submit(&host, A_DAY, headers).await;
        let (_, location) = client.accepted(&answer);
        let answer = client.send_to(Method::GET, &location).await;
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    };
    join_all((0..100).map(ask)).await;
}
