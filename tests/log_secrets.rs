//! No log level shows a key or a signature.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use function_app::{
    audit::{AuditError, AuditQuery},
    dates::{DateRange, Day},
    logging,
    sessions::{Expiry, SessionId, SessionJob, SessionStore, TableStore},
    tables::{Connection, PropertyName, RetryPolicy, TableName, Timeouts},
};
use support::{
    count::Counting,
    fake_table::{FakeTable, Step},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log at trace level of a scan against a server with these steps.
async fn log_of(connection_string: &str, expected: Result<u64, AuditError>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = logging::builder()
        .filter("trace")
        .build(move || writer.clone())
        .unwrap();
    // A test and everything that it awaits run on one thread.
    let guard = tracing::subscriber::set_default(subscriber);
    let query = AuditQuery {
        table: TableName::parse("audit").unwrap(),
        count_column: PropertyName::parse("identificationNumber").unwrap(),
        filter_column: PropertyName::parse("CertNumber").unwrap(),
        timeouts: Timeouts::default(),
        retry: RetryPolicy {
            attempts: 2,
            first_delay: Duration::from_millis(1),
            ..RetryPolicy::default()
        },
        deadline: Duration::from_secs(60),
    };
    let table = Counting::open(connection_string, query);
    let range = DateRange::new(
        Day::parse("2021-01-01").unwrap(),
        Day::parse("2021-01-31").unwrap(),
    )
    .unwrap();
    assert_eq!(table.count_distinct(range).await, expected);
    tracing::error!("end of the log");
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    // The log was on from the start to the end, at trace level.
    assert!(
        text.contains("TRACE") && text.contains("end of the log"),
        "{text}"
    );
    text
}

#[tokio::test]
async fn row_64_no_level_shows_the_account_key_or_the_authorization_header() {
    let server = FakeTable::start(vec![Step::Reset, Step::page(&["1"])]).await;
    let log = log_of(&server.connection_string(), Ok(1)).await;
    let key_begin = &support::azurite::ACCOUNT_KEY[..20];
    let head = server.requests()[1].to_lowercase();
    let signature = head
        .split("sharedkey fake:")
        .nth(1)
        .unwrap()
        .split('\r')
        .next()
        .unwrap();
    assert!(signature.len() > 40);
    for secret in [key_begin, signature, "SharedKey"] {
        assert!(
            !log.to_lowercase().contains(&secret.to_lowercase()),
            "{log}"
        );
    }
}

/// The log at trace level of a session that is noted in a table with these answers.
async fn log_of_a_session(server: &FakeTable, connection_string: &str) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = logging::builder()
        .filter("trace")
        .build(move || writer.clone())
        .unwrap();
    let guard = tracing::subscriber::set_default(subscriber);
    let retry = RetryPolicy {
        attempts: 2,
        first_delay: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    let store = TableStore::open(
        &Connection::parse(connection_string).unwrap(),
        &TableName::parse("sessions").unwrap(),
        &Timeouts::default(),
        retry,
    );
    let session = SessionId::parse("SeCrEtSeSsIoN").unwrap().key();
    let job = SessionJob::new("job", SystemTime::now());
    let refused = store.unwrap().add(&session, &job, Expiry::Never).await;
    tracing::error!("end of the log: {}", refused.unwrap_err());
    drop(guard);
    assert_eq!(server.requests().len(), 3);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("TRACE") && text.contains("end of the log"));
    text
}

#[tokio::test]
async fn row_64_no_level_shows_what_keeps_a_session() {
    let steps = || {
        vec![
            Step::Reset,
            Step::Status(404, vec![("x-ms-error-code", "ResourceNotFound")], ""),
            Step::Status(403, vec![], "SeCrEt"),
        ]
    };
    let server = FakeTable::start(steps()).await;
    let log = log_of_a_session(&server, &server.connection_string()).await;
    let key = &support::azurite::ACCOUNT_KEY[..20];
    for secret in [key, "SharedKey", "SeCrEt"] {
        assert!(!log.contains(secret), "{log}");
    }
    let server = FakeTable::start(steps()).await;
    let address = server.connection_string();
    let endpoint = address.split_once("TableEndpoint=").unwrap().1;
    let text =
        format!("TableEndpoint={endpoint};SharedAccessSignature=sv=2022-11-02&sp=raud&sig=SeCrEt");
    let log = log_of_a_session(&server, &text).await;
    assert!(server.requests()[2].contains("sig=SeCrEt"));
    assert!(!log.contains("SeCrEt"), "{log}");
}

#[tokio::test]
async fn row_64_no_level_shows_a_shared_access_signature() {
    for (steps, expected) in [
        (
            vec![
                Step::page_then(&["1"], "p1", None),
                Step::Reset,
                Step::page(&["2"]),
            ],
            Ok(2),
        ),
        (
            vec![Step::Status(403, vec![], "")],
            Err(AuditError::AccessDenied),
        ),
        (vec![Step::BreakMidPage], Err(AuditError::ConnectionLost)),
    ] {
        let server = FakeTable::start(steps).await;
        let endpoint = server
            .connection_string()
            .split_once("TableEndpoint=")
            .unwrap()
            .1
            .to_owned();
        let text = format!(
            "TableEndpoint={endpoint};SharedAccessSignature=sv=2022-11-02&sp=r&sig=SeCrEtSiGnAtUrE"
        );
        let log = log_of(&text, expected).await;
        assert!(server.requests()[0].contains("SeCrEtSiGnAtUrE"));
        assert!(!log.contains("SeCrEtSiGnAtUrE"), "{log}");
    }
    // Nobody listens here.
    let text = "TableEndpoint=http://127.0.0.1:1;SharedAccessSignature=sv=2022-11-02&sp=r&sig=SeCrEtSiGnAtUrE";
    let log = log_of(text, Err(AuditError::Unreachable)).await;
    assert!(!log.contains("SeCrEtSiGnAtUrE"), "{log}");
}

#[tokio::test]
async fn an_answer_that_is_not_a_table_services_is_logged_with_the_reason_and_without_its_text() {
    for (answer, reason) in [
        (Step::Status(200, vec![], ""), "no body"),
        (Step::Status(204, vec![], ""), "another 2xx"),
        (Step::Status(206, vec![], "SeCrEt"), "another 2xx"),
        (
            Step::Status(200, vec![], "<p>SeCrEt</p>"),
            "not the JSON of a page",
        ),
        (
            Step::Status(200, vec![], r#"{"odata.metadata":"SeCrEt"}"#),
            "no member `value`",
        ),
        (
            Step::Status(200, vec![], r#"{"odata.metadata":7,"value":["SeCrEt"]}"#),
            "not the JSON of a page",
        ),
        (Step::Status(404, vec![], "SeCrEt"), "status 404"),
        (
            Step::Page {
                entities: vec![r#""SeCrEt""#.to_owned()],
                next: None,
            },
            "no JSON object",
        ),
        (Step::page_then(&["SeCrEt"], "p", None), "a second time"),
        (
            Step::Raw(200, b"x-ms-continuation-NextRowKey: SeCrEt\r\n"),
            "no partition key",
        ),
        (
            Step::Raw(200, b"x-ms-continuation-NextPartitionKey: SeCrEt\xff\r\n"),
            "not ASCII",
        ),
    ] {
        let server = FakeTable::start(vec![answer.clone()]).await;
        let log = log_of(
            &server.connection_string(),
            Err(AuditError::UnexpectedAnswer),
        )
        .await;
        let errors: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
        assert!(
            errors.iter().any(|line| line.contains(reason)),
            "{answer:?}: {errors:?}"
        );
        assert!(!errors.concat().contains("SeCrEt"), "{errors:?}");
    }
}
