//! The OpenAPI document: printed and served.

use std::process::Command;

use serde_json::Value;

use super::support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Step},
    key_check::KeyCheck,
    schemathesis,
};

/// What `handler openapi` prints with these variables and no others.
fn printed(environment: &[(&str, &str)]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_handler"))
        .arg("openapi")
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn row_70_the_handler_prints_the_document_without_any_setting() {
    let document = printed(&[]);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/api");
    let public = printed(&[("PublicBaseUrl", "https://api.example.com/tickets/v1")]);
    let server = &public["servers"][0]["url"];
    assert_eq!(server, "https://api.example.com/tickets/v1");
}

#[tokio::test]
async fn row_70_the_served_document_is_the_printed_one_for_the_address_of_its_client() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let answer = client.get("/api/openapi.json").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut served = answer.json();
    assert_eq!(served["servers"][0]["url"], client.url("/api"));
    served["servers"][0]["url"] = "/api".into();
    assert_eq!(served, printed(&[]));
}

#[test]
fn an_argument_that_is_no_command_lists_the_commands_and_starts_nothing() {
    let output = Command::new(env!("CARGO_BIN_EXE_handler"))
        .arg("serve")
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("`serve` is no command"), "{text}");
    assert!(text.contains("openapi"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_70_every_answer_to_generated_requests_is_as_the_document_says() {
    let table = FakeTable::start(vec![Step::page(&["1", "2"])]).await;
    // A session that is registered by one request never gets a job, and a client that waits for one would not be
    // answered within the time limit of schemathesis.
    let host = AppFolder::product(&table.connection_string())
        .setting("MaxWaitSeconds", "1")
        .start()
        .await;
    let key = "the-key-of-the-functions";
    let gate = KeyCheck::start(&host.client().url(""), key).await;
    let document = gate.url("/api/openapi.json");
    let run = tokio::task::spawn_blocking(move || schemathesis::run(&document, key));
    run.await.unwrap();
}

/// The members of an answer are those that its schema names, apart from `absent`, which this answer does not have.
#[track_caller]
fn assert_members(document: &Value, schema: &str, value: &Value, absent: &[&str]) {
    let schema_of = &document["components"]["schemas"][schema];
    let mut expected: Vec<_> = schema_of["properties"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| !absent.contains(&name.as_str()))
        .collect();
    let mut members: Vec<_> = value.as_object().unwrap().keys().collect();
    expected.sort();
    members.sort();
    assert_eq!(members, expected, "{schema}");
}

#[tokio::test]
async fn row_70_answers_have_the_members_that_the_document_names() {
    let table = FakeTable::start(vec![Step::page(&["1", "2"])]).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let document = client.get("/api/openapi.json").await.json();

    let answer = client
        .post(
            "/api/submit",
            r#"{"start":"2021-01-01","end":"2021-01-31"}"#,
        )
        .await;
    let accepted = answer.json();
    assert_members(&document, "Accepted", &accepted, &[]);
    let id = accepted["id"].as_str().unwrap();
    let job = client.poll(accepted["statusUri"].as_str().unwrap()).await;
    assert_members(&document, "Job", &job.json(), &["error"]);
    for (target, schema, absent) in [
        ("status/ID?view=minimal", "JobMinimal", &[][..]),
        ("operations/ID", "Operation", &["error"]),
        ("status/unknown", "ErrorText", &[]),
        ("operations/unknown", "ErrorObject", &[]),
    ] {
        let answer = client
            .get(&format!("/api/{}", target.replace("ID", id)))
            .await;
        assert_members(&document, schema, &answer.json(), absent);
    }
}
