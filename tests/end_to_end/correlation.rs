//! The ids by which a client and an operator find the same request, and the headers that pages may read.

use super::support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Step},
    host::Host,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn start(settings: &[(&str, &str)]) -> (Host, FakeTable) {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let mut app = AppFolder::product(&table.connection_string());
    for (name, value) in settings {
        app = app.setting(name, value);
    }
    (app.start().await, table)
}

#[tokio::test]
async fn row_72_an_answer_its_log_lines_and_the_host_agree_on_the_request() {
    let (host, _table) = start(&[]).await;
    let client = host.client();
    let headers = [
        ("traceparent", TRACEPARENT),
        ("x-ms-client-request-id", "of-the-client"),
    ];
    let url = client.url("/api/submit/query?s=2021-01-01&e=2021-01-31");
    let answer = client.get_with(&url, &headers).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let traceparent = answer.header("traceparent");
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")));
    assert_ne!(traceparent, TRACEPARENT);
    assert_eq!(answer.header("x-ms-client-request-id"), "of-the-client");
    let request_id = answer.header("x-ms-request-id");
    host.logged(
        &format!("Executed 'Functions.submit' (Succeeded, Id={request_id}"),
        1,
    )
    .await;
    let log = host.log();
    // Whether it comes from the console or with the answer: only the former has the id as well.
    let line = log.lines().find(|line| line.contains("job started"));
    assert!(line.unwrap().contains(TRACE), "{line:?}");
    // The lines of a job are found by its id, whichever function wrote them.
    let job = answer.json()["id"].as_str().unwrap().to_owned();
    client
        .poll(&client.url(&format!("/api/status/{job}")))
        .await;
    let log = host.log();
    let of_activity = |line: &&str| line.contains("slice read");
    assert!(log.lines().any(|line| of_activity(&line)), "{log}");
    for line in log.lines().filter(of_activity) {
        assert!(line.contains(&job), "{line}");
    }
}

#[tokio::test]
async fn row_72_every_answer_has_the_ids_an_error_too() {
    let (host, _table) = start(&[]).await;
    let client = host.client();
    let mut seen = Vec::new();
    for target in [
        "/api/status/0",
        "/api/submit",
        "/api/health",
        "/api/openapi.json",
    ] {
        let answer = client.get(target).await;
        assert_eq!(answer.header("traceparent").len(), 55, "{answer:?}");
        seen.push(answer.header("x-ms-request-id").to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);
    assert!(!seen.contains(&String::new()));
}

#[tokio::test]
async fn row_71_pages_may_read_our_headers_by_setting() {
    for (value, exposed) in [("true", true), ("false", false)] {
        let (host, _table) = start(&[("ExposeHeaders", value)]).await;
        let client = host.client();
        let url = client.url("/api/submit/query?s=2021-01-01&e=2021-01-31");
        let page = [("Origin", "https://portal.example")];
        let answer = client.get_with(&url, &page).await;
        let list = answer.header("access-control-expose-headers");
        for name in [
            "Location",
            "Operation-Location",
            "Retry-After",
            "ETag",
            "Preference-Applied",
            "x-ms-error-code",
            "x-ms-request-id",
        ] {
            let is_there = list.split(", ").any(|exposed| exposed == name);
            assert_eq!(is_there, exposed, "{name}: {answer:?}");
        }
    }
}
