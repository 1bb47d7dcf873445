//! The table query against a real Azurite. The expected counts come from the loaded rows.

use std::time::Duration;

use function_app::{
    audit::{AuditError, AuditQuery},
    dates::{DateRange, Day},
    tables::{PropertyName, RetryPolicy, TableName, Timeouts},
};

use crate::support::{
    azurite::Azurite,
    count::Counting,
    sample::{self, FIRST_DAY, Id, LAST_DAY, Row},
    sdk_transport,
};

pub(super) fn open(connection_string: &str, table: &str, count_column: &str) -> Counting {
    let query = AuditQuery {
        table: TableName::parse(table).unwrap(),
        count_column: PropertyName::parse(count_column).unwrap(),
        filter_column: PropertyName::parse("CertNumber").unwrap(),
        timeouts: Timeouts::default(),
        retry: RetryPolicy::default(),
        deadline: Duration::from_secs(300),
    };
    Counting::open(connection_string, query)
}

pub(super) fn range(start: &str, end: &str) -> DateRange {
    DateRange::new(Day::parse(start).unwrap(), Day::parse(end).unwrap()).unwrap()
}

#[tokio::test]
async fn counts_equal_those_of_the_loaded_rows() {
    let azurite = Azurite::start();
    let rows = sample::rows();
    assert!(rows.len() > 6_000);
    sample::load(&sdk_transport::service(&azurite.endpoint()), "audit", &rows).await;
    let table = open(
        &azurite.connection_string(),
        "audit",
        "identificationNumber",
    );

    for (start, end) in [
        (FIRST_DAY, LAST_DAY),
        // 1,500 rows in one partition: several pages.
        ("2021-03-03", "2021-03-03"),
        ("2021-03-01", "2021-03-01"),
        ("2021-03-10", "2021-03-10"),
        ("2021-03-04", "2021-03-06"),
        ("2021-02-01", "2021-04-30"),
        ("2020-01-01", "2020-12-31"),
    ] {
        let expected = sample::expected(&rows, start, end);
        assert_eq!(
            table.count_distinct(range(start, end)).await,
            Ok(expected),
            "{start} to {end}"
        );
    }
    // The sample proves something only while these differ.
    assert!(sample::expected(&rows, FIRST_DAY, LAST_DAY) > 1_000);
    assert_eq!(sample::expected(&rows, "2020-01-01", "2020-12-31"), 0);
    assert!(
        sample::expected(&rows, "2021-02-01", "2021-04-30")
            > sample::expected(&rows, FIRST_DAY, LAST_DAY)
    );

    // Any column can be counted, a key column too.
    let days = open(&azurite.connection_string(), "audit", "PartitionKey");
    assert_eq!(
        days.count_distinct(range("2021-03-01", "2021-03-04")).await,
        Ok(4)
    );
}

#[tokio::test]
async fn one_number_is_one_value_in_every_type() {
    let azurite = Azurite::start();
    let row = |id| Row {
        partition_key: FIRST_DAY.to_owned(),
        id,
        cert: Some("C".to_owned()),
    };
    let rows = [
        row(Id::Text("7".to_owned())),
        row(Id::Int32(7)),
        row(Id::Int64(7)),
        row(Id::Text("07".to_owned())),
        row(Id::Text(String::new())),
        row(Id::Absent),
    ];
    sample::load(&sdk_transport::service(&azurite.endpoint()), "audit", &rows).await;
    let table = open(
        &azurite.connection_string(),
        "audit",
        "identificationNumber",
    );
    assert_eq!(
        table.count_distinct(range(FIRST_DAY, FIRST_DAY)).await,
        Ok(3)
    );
}

#[tokio::test]
async fn a_missing_table_and_a_wrong_key_have_errors_of_their_own() {
    let azurite = Azurite::start();
    let days = range(FIRST_DAY, LAST_DAY);
    let missing = open(
        &azurite.connection_string(),
        "nosuchtable",
        "identificationNumber",
    );
    assert_eq!(
        missing.count_distinct(days).await,
        Err(AuditError::TableNotFound)
    );

    let refused = open(
        &azurite.connection_string_with_key("d3Jvbmcga2V5"),
        "audit",
        "identificationNumber",
    );
    assert_eq!(
        refused.count_distinct(days).await,
        Err(AuditError::AccessDenied)
    );
}
