//! The table query against a server that fails in every way a network and a service can.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use std::time::Duration;

use function_app::{
    audit::{
        AuditError, AuditQuery, AuditTable, Connection, PropertyName, RetryPolicy, TableName,
        Timeouts,
    },
    dates::{DateRange, Day},
};
use support::fake_table::{FakeTable, Step};
use tokio::io::AsyncWriteExt;

const ATTEMPTS: usize = 3;

fn open(connection_string: &str) -> AuditTable {
    open_with_deadline(connection_string, Duration::from_secs(60))
}

fn open_with_deadline(connection_string: &str, deadline: Duration) -> AuditTable {
    open_with(connection_string, ATTEMPTS, deadline)
}

fn open_with(connection_string: &str, attempts: usize, deadline: Duration) -> AuditTable {
    let query = AuditQuery {
        table: TableName::parse("audit").unwrap(),
        count_column: PropertyName::parse("identificationNumber").unwrap(),
        filter_column: PropertyName::parse("CertNumber").unwrap(),
        timeouts: Timeouts {
            connect: Duration::from_secs(10),
            read: Duration::from_millis(100),
            request: Duration::from_secs(10),
        },
        retry: RetryPolicy {
            attempts: attempts as u32,
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(5),
            budget: Duration::from_secs(60),
        },
        deadline,
    };
    AuditTable::open(&Connection::parse(connection_string).unwrap(), query).unwrap()
}

fn days() -> DateRange {
    DateRange::new(
        Day::parse("2021-01-01").unwrap(),
        Day::parse("2021-01-31").unwrap(),
    )
    .unwrap()
}

/// The outcome against a server with these steps, and the heads of the requests it got.
async fn count(steps: Vec<Step>) -> (Result<u64, AuditError>, Vec<String>) {
    let server = FakeTable::start(steps).await;
    let outcome = open(&server.connection_string())
        .count_distinct(days())
        .await;
    (outcome, server.requests())
}

fn query_of(head: &str) -> Vec<(String, String)> {
    let target = head.split(' ').nth(1).unwrap();
    let url = url::Url::parse(&format!("http://fake{target}")).unwrap();
    url.query_pairs().into_owned().collect()
}

fn parameter(head: &str, name: &str) -> Option<String> {
    query_of(head)
        .into_iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

#[tokio::test]
async fn the_request_asks_for_the_range_one_column_and_little_metadata() {
    let (outcome, requests) = count(vec![Step::page(&["1"])]).await;
    assert_eq!(outcome, Ok(1));
    let head = &requests[0];
    assert!(head.starts_with("GET /fake/audit()?"), "{head}");
    assert_eq!(
        parameter(head, "$filter").as_deref(),
        Some("PartitionKey ge '2021-01-01' and PartitionKey le '2021-01-31' and CertNumber ne ''")
    );
    assert_eq!(
        parameter(head, "$select").as_deref(),
        Some("identificationNumber")
    );
    let head = head.to_lowercase();
    assert!(
        head.contains("\r\naccept: application/json;odata=minimalmetadata\r\n"),
        "{head}"
    );
    assert!(
        head.contains("\r\nauthorization: sharedkey fake:"),
        "{head}"
    );
}

#[tokio::test]
async fn pages_are_followed_to_the_end_even_when_empty_over_one_connection() {
    let server = FakeTable::start(vec![
        Step::page_then(&["1", "2"], "p1", Some("r1")),
        Step::page_then(&[], "p2", None),
        Step::page_then(&[], "p 3+/=", Some("r'3")),
        Step::page(&["2", "3"]),
    ])
    .await;
    assert_eq!(
        open(&server.connection_string())
            .count_distinct(days())
            .await,
        Ok(3)
    );

    let requests = server.requests();
    let tokens: Vec<_> = requests
        .iter()
        .map(|head| {
            (
                parameter(head, "NextPartitionKey"),
                parameter(head, "NextRowKey"),
            )
        })
        .collect();
    let token = |partition_key: &str, row_key: Option<&str>| {
        (Some(partition_key.to_owned()), row_key.map(str::to_owned))
    };
    assert_eq!(
        tokens,
        [
            (None, None),
            token("p1", Some("r1")),
            token("p2", None),
            token("p 3+/=", Some("r'3"))
        ]
    );
    let filters: Vec<_> = requests
        .iter()
        .map(|head| parameter(head, "$filter"))
        .collect();
    assert!(filters.iter().all(|filter| *filter == filters[0]));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn tokens_that_repeat_end_the_scan_with_an_error_at_their_first_repetition() {
    for tokens in [
        &["p1"][..],
        &["p1", "p2"],
        &["p0", "p1", "p2", "p3"],
        &["p0", "p0"],
    ] {
        let pages = tokens
            .iter()
            .map(|token| Step::page_then(&["1"], token, Some("r")));
        // Once through, and once more: a fake that answers by the number of the request.
        let steps: Vec<_> = pages.clone().chain(pages).collect();
        let (outcome, requests) = count(steps).await;
        assert_eq!(outcome, Err(AuditError::UnexpectedAnswer), "{tokens:?}");
        let distinct: std::collections::HashSet<_> = tokens.iter().collect();
        assert_eq!(requests.len(), distinct.len() + 1, "{tokens:?}");
    }
}

#[tokio::test]
async fn a_token_with_the_same_partition_and_another_row_is_no_repetition() {
    let (outcome, _) = count(vec![
        Step::page_then(&["1"], "p", Some("r1")),
        Step::page_then(&["2"], "p", Some("r2")),
        Step::page_then(&["3"], "p", None),
        Step::page(&["4"]),
    ])
    .await;
    assert_eq!(outcome, Ok(4));
}

#[tokio::test]
async fn an_empty_row_key_is_left_out_of_the_next_request_and_an_empty_partition_key_is_the_end() {
    let (outcome, requests) = count(vec![
        Step::page_then(&["1"], "p1", Some("")),
        Step::page_then(&["2"], "", Some("")),
    ])
    .await;
    assert_eq!(outcome, Ok(2));
    assert_eq!(requests.len(), 2);
    assert_eq!(
        parameter(&requests[1], "NextPartitionKey").as_deref(),
        Some("p1")
    );
    assert_eq!(parameter(&requests[1], "NextRowKey"), None);
}

/// Each of these would otherwise be taken for the last page, and the job would end with a count of a part.
#[tokio::test]
async fn an_answer_that_may_be_a_part_of_the_table_is_never_counted_as_the_whole() {
    const PARTITION: &str = "x-ms-continuation-NextPartitionKey";
    const PAGE: &str = r#"{"odata.metadata":"m","value":[]}"#;
    for part in [
        Step::Raw(200, b"x-ms-continuation-NextPartitionKey: p\xff1\r\n"),
        Step::Raw(
            200,
            b"x-ms-continuation-NextPartitionKey: p1\r\nx-ms-continuation-NextRowKey: r\xc3\xa9\r\n",
        ),
        Step::Raw(200, b"x-ms-continuation-NextRowKey: r1\r\n"),
        Step::Raw(
            200,
            b"x-ms-continuation-NextPartitionKey: \r\nx-ms-continuation-NextRowKey: r1\r\n",
        ),
        Step::Raw(
            200,
            b"x-ms-continuation-NextPartitionKey: p1\r\nx-ms-continuation-NextPartitionKey: p2\r\n",
        ),
        Step::Raw(206, b""),
        Step::Raw(203, b""),
        Step::Status(200, vec![], r#"{"odata.metadata":"m"}"#),
        // Only the page's own `value` holds its entities.
        Step::Status(200, vec![], r#"{"odata.metadata":"m","x":"value"}"#),
        Step::Status(200, vec![], r#"{"odata.metadata":"m","x":[{"value":[]}]}"#),
        Step::Status(
            200,
            vec![],
            r#"{"odata.metadata":"m","odata.error":{"code":"X","message":{"value":"y"}}}"#,
        ),
        // An array would be taken for the members in order.
        Step::Status(200, vec![], r#"["m"]"#),
        Step::Status(200, vec![], r#"["m",[{"identificationNumber":"1"}]]"#),
        Step::Status(201, vec![(PARTITION, "p1")], PAGE),
    ] {
        let (outcome, requests) = count(vec![part.clone()]).await;
        assert_eq!(outcome, Err(AuditError::UnexpectedAnswer), "{part:?}");
        assert_eq!(requests.len(), 1, "{part:?}");
    }
}

#[tokio::test]
async fn the_members_of_a_page_may_come_in_any_order_and_spelling() {
    for body in [
        r#"{"odata.metadata":"m","value":[{"identificationNumber":"1"}]}"#,
        r#"{"value":[{"identificationNumber":"1"}],"odata.metadata":"m"}"#,
        r#"{"odata.metadata":"m","x":{"y":[1]},"\u0076alue":[{"identificationNumber":"1"}]}"#,
        " {\"odata.metadata\":\"m\",\"value\":[{\"identificationNumber\":\"1\"}]}\r\n",
    ] {
        let (outcome, _) = count(vec![Step::Status(200, vec![], body)]).await;
        assert_eq!(outcome, Ok(1), "{body}");
    }
}

#[tokio::test]
async fn a_page_without_an_end_is_given_up() {
    let (outcome, requests) = count(vec![Step::Endless]).await;
    assert_eq!(outcome, Err(AuditError::UnexpectedAnswer));
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn an_answer_without_a_body_is_not_one_of_a_table_service() {
    for answer in [
        Step::Status(200, vec![], ""),
        Step::Status(200, vec![], "\r\n"),
        Step::Status(204, vec![], ""),
        Step::Status(200, vec![], "<!doctype html><title>Welcome</title>"),
    ] {
        let (outcome, requests) = count(vec![answer.clone()]).await;
        assert_eq!(outcome, Err(AuditError::UnexpectedAnswer), "{answer:?}");
        assert_eq!(requests.len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_not_a_query_that_takes_too_long() {
    for (steps, expected) in [
        (vec![Step::Hang], AuditError::Timeout),
        (
            vec![Step::page_then(&["1"], "p1", None), Step::Hang],
            AuditError::Timeout,
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
        // Longer than the wait for one answer, shorter than all attempts: the scan's own deadline ends it.
        let table = open_with(&server.connection_string(), 100_000, Duration::from_secs(2));
        assert_eq!(
            table.count_distinct(days()).await,
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
        // The scan goes on where it was: the first page is asked for once.
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
            Step::Status(503, vec![], ""),
            AuditError::Throttled,
            ATTEMPTS,
        ),
        (
            Step::Status(429, vec![], ""),
            AuditError::Throttled,
            ATTEMPTS,
        ),
        (
            Step::Status(500, vec![], ""),
            AuditError::ServiceFailed,
            ATTEMPTS,
        ),
        (Step::Reset, AuditError::ConnectionLost, ATTEMPTS),
        (Step::BreakMidPage, AuditError::ConnectionLost, ATTEMPTS),
        (Step::EndEarly, AuditError::ConnectionLost, ATTEMPTS),
        (Step::Hang, AuditError::Timeout, ATTEMPTS),
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
    let table = open_with_deadline(&server.connection_string(), Duration::from_millis(200));
    assert_eq!(
        table.count_distinct(days()).await,
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
            table.count_distinct(days()).await,
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
        table.count_distinct(days()).await,
        Err(AuditError::Unreachable)
    );
    server.abort();
}

#[tokio::test]
async fn values_with_quotes_escapes_and_other_alphabets_are_counted_exactly() {
    let entities = [
        r#"{"identificationNumber":"O'Brien"}"#,
        r#"{"identificationNumber":"O\u0027Brien"}"#,
        r#"{"identificationNumber":"\"quoted\""}"#,
        r#"{"identificationNumber":"ключ"}"#,
        r#"{"identificationNumber":"\u043a\u043b\u044e\u0447"}"#,
        r#"{"identificationNumber":null}"#,
        r#"{}"#,
        r#"{"identificationNumber":17}"#,
        r#"{"identificationNumber@odata.type":"Edm.Int64","identificationNumber":"17"}"#,
    ];
    let page = Step::Page {
        entities: entities.map(str::to_owned).to_vec(),
        next: None,
    };
    assert_eq!(count(vec![page]).await.0, Ok(4));
}

#[tokio::test]
async fn a_shared_access_signature_is_sent_with_every_page() {
    let server = FakeTable::start(vec![
        Step::page_then(&["1"], "p1", None),
        Step::page(&["2"]),
    ])
    .await;
    let endpoint = server
        .connection_string()
        .split_once("TableEndpoint=")
        .unwrap()
        .1
        .to_owned();
    let text = format!(
        "TableEndpoint={endpoint};SharedAccessSignature=sv=2022-11-02&tn=audit&sp=r&sig=a%2Bb%2F%3D"
    );
    assert_eq!(open(&text).count_distinct(days()).await, Ok(2));
    for head in server.requests() {
        assert_eq!(parameter(&head, "sig").as_deref(), Some("a+b/="));
        assert!(
            !head.to_lowercase().contains("\r\nauthorization:"),
            "{head}"
        );
    }
}
