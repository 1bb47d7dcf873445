//! A session id is a credential of a kind. So the log of operators does not show it.

use reqwest::Method;

use super::support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Step},
    host::Host,
    messages::{Delivery, job_id},
};

/// Parts of session ids that are nowhere else.
const SECRET: &str = "SeCrEt-SeSsIoN";

async fn answers(host: &Host, method: Method, target: &str, expected: u16) {
    let url = host.client().url(&format!("/api/sessions/{target}"));
    let answer = host.client().send_to(method, &url).await;
    assert_eq!(answer.status, expected, "{target}: {answer:?}");
}

#[tokio::test]
async fn row_64_no_line_on_the_console_shows_a_session_id() {
    let table = FakeTable::start(vec![Step::page(&["1", "2"])]).await;
    // With the default of RUST_LOG, and all that local-host prints about itself.
    let host = AppFolder::product(&table.connection_string()).start().await;
    let session = format!("{SECRET}-1");
    let latest = format!("{session}/latest");
    for target in [&session, &latest] {
        answers(&host, Method::GET, target, 404).await;
    }
    answers(&host, Method::PUT, &session, 201).await;
    for target in [&session, &latest] {
        answers(&host, Method::GET, target, 202).await;
    }
    Delivery::submission("m-1", &session).to(&host).await;
    host.logged("Executed 'Functions.submit-event' (Succeeded", 1)
        .await;
    let status = host.client().url(&format!("/api/status/{}", job_id("m-1")));
    host.client().poll(&status).await;
    for target in [&session, &latest, &format!("{session}?maxpagesize=1")] {
        answers(&host, Method::GET, target, 200).await;
    }
    answers(&host, Method::PUT, &session, 200).await;
    answers(&host, Method::GET, &format!("{session}?after=x"), 400).await;
    answers(&host, Method::PUT, &format!("{SECRET}%25"), 400).await;

    // Messages that are refused: the id is known already, a session id is none, a member is missing, no JSON.
    let refused = [
        Delivery::submission("m-1", &format!("{SECRET}-2")),
        Delivery::submission("m-2", &format!("{SECRET}/")),
        Delivery::of(format!(r#"{{"sessionId":"{SECRET}-3"}}"#)).with("MessageId", "m-3"),
        Delivery::of(SECRET).with("MessageId", "m-4"),
        Delivery::of("{}").with("SessionId", format!("{SECRET}-4")),
    ];
    for (number, message) in (1..).zip(refused) {
        // The last delivery is the one that is logged as an error.
        message.with("DeliveryCount", 10).to(&host).await;
        host.logged("Executed 'Functions.submit-event' (Failed", number)
            .await;
    }
    let log = host.log();
    let shown: Vec<_> = log.lines().filter(|line| line.contains(SECRET)).collect();
    assert_eq!(shown, [""; 0]);
    assert!(log.contains("Functions.get-latest-job"));
}
