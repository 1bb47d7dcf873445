//! The table query: against a real Azurite, against a service with much data, and against a server that fails in every way a network and a service can.

mod azurite;
mod failures;
mod pages;
mod python;
mod service;
mod sliced;

use std::time::Duration;

use function_app::{
    audit::{AuditError, AuditQuery},
    dates::{DateRange, Day},
    tables::{PropertyName, RetryPolicy, TableName, Timeouts},
};

use crate::support::{
    count::Counting,
    fake_table::{FakeTable, Step},
};

/// How often the client tries, the first time included.
const ATTEMPTS: usize = 3;

/// A client of the table that repeats a request up to [`ATTEMPTS`] times and waits 100 ms for an answer.
fn open(connection_string: &str) -> Counting {
    open_with_deadline(connection_string, Duration::from_secs(60))
}

fn open_with_deadline(connection_string: &str, deadline: Duration) -> Counting {
    open_with(connection_string, ATTEMPTS, deadline)
}

fn open_with(connection_string: &str, attempts: usize, deadline: Duration) -> Counting {
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
    Counting::open(connection_string, query)
}

/// One day: its pages are requested one after the other.
fn day() -> DateRange {
    let day = Day::parse("2021-01-31").unwrap();
    DateRange::new(day, day).unwrap()
}

/// The outcome against a server with these steps, and the heads of the requests it got.
async fn count(steps: Vec<Step>) -> (Result<u64, AuditError>, Vec<String>) {
    let server = FakeTable::start(steps).await;
    let outcome = open(&server.connection_string())
        .count_distinct(day())
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
