//! Failures during a scan: which ones are retried, and which error the others give.

use std::time::Duration;

use function_app::audit::AuditError;
use tokio::io::AsyncWriteExt;

use super::{ATTEMPTS, count, day, open, open_with, open_with_deadline, parameter};
use crate::support::fake_table::{FakeTable, Step};

#[tokio::test]
async fn a_service_that_does_not_answer_is_not_a_query_that_takes_too_long() {
    for (steps, expected) in [
        (vec![Step::Hang], AuditError::TableTimeout),
        (
            vec![Step::page_then(&["1"], "p1", None), Step::Hang],
            AuditError::TableTimeout,
        ),
        (
            vec![
                Step::page_then(&["1"], "p1", None),
                Step::Status(503, vec![("Retry-After", "5")], ""),
            ],
            AuditError::Throttled,
        ),
    ] {
        let server = FakeTable::start(steps.clone()).await;
        // Longer than the wait for one answer, shorter than all attempts: the deadline of the scan ends it.
        let table = open_with(&server.connection_string(), 100_000, Duration::from_secs(2));
        assert_eq!(
            table.count_distinct(day()).await,
            Err(expected),
            "{steps:?}"
        );
    }
}

#[tokio::test]
async fn every_transient_failure_is_survived_page_by_page() {
    for failure in [
        Step::Status(503, vec![("x-ms-error-code", "ServerBusy")], ""),
        Step::Status(429, vec![("Retry-After", "0")], ""),
        Step::Status(500, vec![], r#"{"odata.error":{"code":"InternalError"}}"#),
        Step::Status(502, vec![], "<html>bad gateway</html>"),
        Step::Status(500, vec![("x-ms-error-code", "OperationTimedOut")], ""),
        Step::Reset,
        Step::BreakMidPage,
        Step::EndEarly,
        Step::Hang,
    ] {
        let (outcome, requests) = count(vec![
            Step::page_then(&["1", "2"], "p1", Some("r1")),
            failure.clone(),
            failure.clone(),
            Step::page(&["2", "3"]),
        ])
        .await;
        assert_eq!(outcome, Ok(3), "{failure:?}");
        // The scan goes on where it was: the first page is requested once.
        let first: Vec<_> = requests
            .iter()
            .filter(|head| parameter(head, "NextPartitionKey").is_none())
            .collect();
        assert_eq!((requests.len(), first.len()), (4, 1), "{failure:?}");
    }
}

#[tokio::test]
async fn a_failure_that_lasts_ends_with_its_own_error() {
    for (failure, expected, attempts) in [
        (
            Step::Status(500, vec![], ""),
            AuditError::ServiceFailed,
            ATTEMPTS,
        ),
        (Step::Reset, AuditError::ConnectionLost, ATTEMPTS),
        (Step::BreakMidPage, AuditError::ConnectionLost, ATTEMPTS),
        (Step::EndEarly, AuditError::ConnectionLost, ATTEMPTS),
        (Step::Hang, AuditError::TableTimeout, ATTEMPTS),
        (
            Step::Status(403, vec![("x-ms-error-code", "AuthenticationFailed")], ""),
            AuditError::AccessDenied,
            1,
        ),
        (
            Step::Status(
                404,
                vec![],
                r#"{"odata.error":{"code":"TableNotFound","message":{"lang":"en-us","value":"x"}}}"#,
            ),
            AuditError::TableNotFound,
            1,
        ),
        (
            Step::Status(
                404,
                vec![],
                r#"<?xml version="1.0"?><error><code>TableNotFound</code></error>"#,
            ),
            AuditError::TableNotFound,
            1,
        ),
        (
            Step::Status(404, vec![], "no such page"),
            AuditError::UnexpectedAnswer,
            1,
        ),
        (
            Step::Status(400, vec![("x-ms-error-code", "InvalidInput")], ""),
            AuditError::QueryRejected,
            1,
        ),
        (
            Step::Status(301, vec![("Location", "http://127.0.0.1:9/")], ""),
            AuditError::UnexpectedAnswer,
            1,
        ),
        (
            Step::Status(200, vec![], "<html>hello</html>"),
            AuditError::UnexpectedAnswer,
            1,
        ),
        (
            Step::Status(200, vec![], r#"{"hello":"world"}"#),
            AuditError::UnexpectedAnswer,
            1,
        ),
        (
            Step::Page {
                entities: vec![r#"{"identificationNumber":{"a":1}}"#.to_owned()],
                next: None,
            },
            AuditError::UnexpectedAnswer,
            1,
        ),
    ] {
        let (outcome, requests) = count(vec![failure.clone()]).await;
        assert_eq!(outcome, Err(expected), "{failure:?}");
        assert_eq!(requests.len(), attempts, "{failure:?}");
    }
}

#[tokio::test]
async fn a_scan_that_never_ends_is_stopped_at_its_deadline() {
    // Every page names another one.
    let steps = (0..100_000).map(|page| {
        let token: &'static str = format!("p{page}").leak();
        Step::page_then(&["1"], token, None)
    });
    let server = FakeTable::start(steps.collect()).await;
    // Long enough for its first page on a busy machine.
    let table = open_with_deadline(&server.connection_string(), Duration::from_secs(2));
    assert_eq!(
        table.count_distinct(day()).await,
        Err(AuditError::ScanTimeout)
    );
}

#[tokio::test]
async fn an_endpoint_where_nothing_listens_or_that_does_not_exist_is_unreachable() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for endpoint in [
        format!("http://127.0.0.1:{closed}"),
        "http://no-such-host.invalid".to_owned(),
    ] {
        let table = open(&format!(
            "AccountName=fake;AccountKey=YWJj;TableEndpoint={endpoint}"
        ));
        assert_eq!(
            table.count_distinct(day()).await,
            Err(AuditError::Unreachable),
            "{endpoint}"
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_behind_an_https_endpoint_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let table = open(&format!(
        "AccountName=fake;AccountKey=YWJj;TableEndpoint=https://127.0.0.1:{port}"
    ));
    assert_eq!(
        table.count_distinct(day()).await,
        Err(AuditError::Unreachable)
    );
    server.abort();
}
