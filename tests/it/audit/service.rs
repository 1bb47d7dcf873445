//! The table service of the fault tests and the benchmark: the query counts there what a simple count counts.

use std::time::Duration;

use azure_data_tables::IfMatchCondition;
use function_app::{
    audit::AuditError,
    dates::{DateRange, Day},
};
use serde_json::{Map, Value, json};
use time::macros::date;

use super::open_with;
use crate::support::{
    sdk_transport,
    table_service::{Faults, Generated, Limit, Limits, Options, Row, Rows, TableService, int64},
};

/// 40 days from ten days before the range of the query on.
const GENERATED: Generated = Generated {
    first_day: date!(2020 - 12 - 22),
    days: 40,
    rows_per_day: 120,
    distinct: 700,
    empty_cert_share: 0.1,
};

async fn count(service: &TableService) -> Result<(u64, u64), AuditError> {
    let day = |text| Day::parse(text).unwrap();
    let january = DateRange::new(day("2021-01-01"), day("2021-01-31")).unwrap();
    let table = open_with(&service.connection_string(), 50, Duration::from_secs(60));
    table.count(january).await
}

fn expected(rows: &Rows) -> Result<(u64, u64), AuditError> {
    Ok(rows.expected("2021-01-01", "2021-01-31"))
}

/// Rows with every kind of value and of key, in as many partitions.
fn explicit() -> Rows {
    let numbers = [
        Some(json!("5")),
        Some(json!(5)),
        Some(int64(5)),
        Some(json!("it's")),
        Some(Value::Null),
        None,
    ];
    let certs = [Some("x"), Some(""), None];
    let mut rows = Vec::new();
    for (n, day) in [
        "2020-12-31z",
        "2021-01-01",
        "2021-01-1x",
        "2021-01-31",
        "2021-01-31T1",
    ]
    .into_iter()
    .enumerate()
    {
        for (m, number) in numbers.iter().enumerate() {
            for (k, cert) in certs.iter().enumerate() {
                rows.push(Row {
                    partition_key: day.to_owned(),
                    row_key: format!("{m}'{k}"),
                    identification_number: number.clone(),
                    cert_number: cert.map(str::to_owned),
                });
            }
        }
        rows.push(Row {
            partition_key: day.to_owned(),
            row_key: "own".to_owned(),
            identification_number: Some(json!(n)),
            cert_number: Some("x".to_owned()),
        });
    }
    Rows::Explicit(rows)
}

#[tokio::test]
async fn pages_of_every_size_and_shape_hold_each_row_once() {
    for rows in [Rows::Generated(GENERATED), explicit()] {
        for (page_rows, irregular) in [(1_000, 0.0), (1_000, 0.5), (7, 0.0), (7, 0.5), (120, 0.9)] {
            let service = TableService::start(Options {
                page_rows,
                irregular,
                ..Options::new(rows.clone())
            })
            .await;
            assert_eq!(
                count(&service).await,
                expected(&rows),
                "{page_rows} {irregular}"
            );
        }
    }
}

#[tokio::test]
async fn faults_and_limits_change_no_count() {
    let rows = Rows::Generated(GENERATED);
    let service = TableService::start(Options {
        page_rows: 100,
        irregular: 0.1,
        throttle: Some(Limits {
            partition: Limit {
                rate: 50_000.0,
                burst: 100.0,
            },
            account: Limit {
                rate: 200_000.0,
                burst: 1_000.0,
            },
        }),
        faults: Faults {
            seed: 1,
            busy: 0.1,
            cut: 0.1,
            ..Faults::default()
        },
        ..Options::new(rows.clone())
    })
    .await;
    assert_eq!(count(&service).await, expected(&rows));
    let queries = service.queries();
    let having = |status: u16| {
        queries
            .iter()
            .filter(|it| it.status == Some(status))
            .count()
    };
    assert!(having(503) > 0 && queries.iter().any(|it| it.is_cut));
    assert_eq!(having(200) + having(503), queries.len());
    let first = queries
        .iter()
        .find(|it| it.from.as_deref() == Some("2021-01-01"));
    assert_eq!(first.unwrap().to.as_deref(), Some("2021-01-02"));
}

#[tokio::test]
async fn an_expired_token_costs_its_part_once_more_and_an_expired_signature_is_refused() {
    let rows = Rows::Generated(GENERATED);
    let service = TableService::start(Options {
        page_rows: 50,
        ..Options::new(rows.clone())
    })
    .await;
    service.refuse_continuation_once();
    let (values, _) = count(&service).await.unwrap();
    assert_eq!(values, expected(&rows).unwrap().0);
    assert!(service.queries().iter().any(|it| it.status == Some(400)));
    service.deny_after(2);
    assert_eq!(count(&service).await, Err(AuditError::AccessDenied));
    service.admit();
    assert!(count(&service).await.is_ok());
}

#[tokio::test]
async fn answers_are_held_until_they_are_released() {
    let rows = Rows::Generated(GENERATED);
    let service = TableService::start(Options::new(rows.clone())).await;
    service.hold_after(1);
    // Without a time limit for the answer, unlike the other client.
    let table = sdk_transport::service(&service.endpoint()).table_client("audit");
    let second = async {
        let pages = table.query().into_stream::<Map<String, Value>>();
        futures::StreamExt::count(futures::StreamExt::take(pages, 2)).await
    };
    let held = async {
        service.queried(2).await;
        assert_eq!(
            (service.in_flight(), service.queries()[1].status),
            (1, None)
        );
        service.release();
    };
    assert_eq!(tokio::join!(second, held).0, 2);
}

#[tokio::test]
async fn a_table_keeps_what_is_written_until_it_is_deleted() {
    let service = TableService::start(Options::new(explicit())).await;
    let table = sdk_transport::service(&service.endpoint()).table_client("scratch");
    let entity = json!({
        "PartitionKey": "p", "RowKey": "r", "Data": "AAEC", "Data@odata.type": "Edm.Binary",
    });
    let insert = || async {
        let insert = table.insert::<_, Value>(&entity).unwrap().await;
        insert.map(|inserted| inserted.etag).map_err(|error| {
            let status = error.as_http_error().unwrap().status();
            u16::from(status)
        })
    };
    assert_eq!(insert().await, Err(404));
    table.create().await.unwrap();
    assert!(table.create().await.is_err(), "it is there");
    let etag = insert().await.unwrap();
    assert_eq!(insert().await, Err(409));
    assert_eq!(
        service.entities("scratch"),
        [entity.as_object().unwrap().clone()]
    );

    let client = table.partition_key_client("p").entity_client("r");
    let read = client.get::<Map<String, Value>>().await.unwrap();
    assert_eq!((&read.entity["Data"], &read.etag), (&json!("AAEC"), &etag));
    let other = IfMatchCondition::Etag("W/\"x\"".into());
    assert!(client.delete().if_match(other).await.is_err());
    client
        .delete()
        .if_match(IfMatchCondition::Etag(etag))
        .await
        .unwrap();
    assert!(service.entities("scratch").is_empty());
}
