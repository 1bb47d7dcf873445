//! The same table counted in slices, by the one sequential query of the original, and from its rows: all three agree.

use std::{
    collections::{HashSet, VecDeque},
    sync::atomic::AtomicBool,
    time::Duration,
};

use azure_data_tables::prelude::{Filter, Select, TableClient, TableServiceClient};
use function_app::{
    audit::{AuditError, AuditQuery, AuditTable, Slice, SliceLimits, Spilled, Spiller, Values},
    dates::{DateRange, Day},
    scratch::{Buckets, Scope, Scratch, ScratchSettings},
    tables::{Connection, PropertyName, RetryPolicy, TableName, Timeouts},
};
use futures::StreamExt;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::support::{
    azurite::Azurite,
    sdk_transport,
    table_service::{Options, Row, Rows, TableService, int64},
};

static HAS_BEGUN: AtomicBool = AtomicBool::new(false);

/// The first of the days that keys are made of.
const FIRST: &str = "2020-11-20";
const DAYS: u32 = 300;

fn first() -> Day {
    Day::parse(FIRST).unwrap()
}

fn number() -> impl Strategy<Value = Option<Json>> {
    prop_oneof![
        6 => (0..60_u32).prop_map(|number| Some(json!(number.to_string()))),
        1 => (0..60_i32).prop_map(|number| Some(json!(number))),
        1 => (0..60_i64).prop_map(|number| Some(int64(number))),
        1 => (1_i64 << 40..(1 << 40) + 9).prop_map(|number| Some(int64(number))),
        1 => Just(Some(json!("O'Brien é 😀"))),
        1 => Just(Some(json!(""))),
        1 => Just(Some(json!(" 7 "))),
        1 => Just(None),
    ]
}

/// A row without its RowKey.
fn row() -> impl Strategy<Value = Row> {
    let suffix = prop_oneof![
        8 => Just(""), 1 => Just("T10:00:00"), 1 => Just("x"), 1 => Just("~"), 1 => Just("-1")
    ];
    let cert = prop_oneof![6 => Just(Some("C")), 1 => Just(Some("")), 1 => Just(None)];
    // Such as 2021, 2021-0, 2021-01-1x.
    let length = prop_oneof![9 => Just(10_usize), 1 => 4..10_usize];
    let parts = (0..DAYS, length, suffix, number(), cert);
    parts.prop_map(|(day, length, suffix, number, cert)| {
        let mut key = first().later(day).to_string();
        key.truncate(length);
        key.push_str(suffix);
        Row {
            partition_key: key,
            row_key: String::new(),
            identification_number: number,
            cert_number: cert.map(str::to_owned),
        }
    })
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..most).prop_map(|mut rows| {
        for (number, row) in rows.iter_mut().enumerate() {
            row.row_key = format!("{number:05}");
        }
        rows
    })
}

fn range() -> impl Strategy<Value = DateRange> {
    (0..DAYS, 1..DAYS).prop_map(|(start, days)| {
        let start = first().later(start);
        DateRange::new(start, start.later(days - 1)).unwrap()
    })
}

/// Limits with which most slices spill, and many have a rest.
fn limits() -> impl Strategy<Value = SliceLimits> {
    let millis = prop_oneof![Just(3_u64), Just(60_000)];
    (millis, 0..5_usize, 1..40_usize).prop_map(|(millis, inline, in_memory)| SliceLimits {
        time: Duration::from_millis(millis),
        inline,
        in_memory,
    })
}

/// A client of both tables.
struct Job {
    table: AuditTable,
    scratch: Scratch,
}

impl Job {
    fn open(connection_string: &str, table: &str) -> Self {
        let connection = Connection::parse(connection_string).unwrap();
        let query = AuditQuery {
            table: TableName::parse(table).unwrap(),
            count_column: PropertyName::parse("identificationNumber").unwrap(),
            filter_column: PropertyName::parse("CertNumber").unwrap(),
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            deadline: Duration::from_secs(60),
        };
        let scratch = ScratchSettings {
            storage: connection.clone(),
            table: TableName::parse("auditscratch").unwrap(),
        };
        Self {
            scratch: Scratch::open(&scratch, &query).unwrap(),
            table: AuditTable::open(&connection, query).unwrap(),
        }
    }

    /// The count of a job, and whether it spilled.
    async fn count(&self, range: DateRange, limits: &SliceLimits) -> (u64, bool) {
        let scope = Scope::from_uuid(Uuid::new_v4());
        let mut inline = HashSet::new();
        let mut spilled = Spilled::default();
        let mut slices = VecDeque::from(Slice::of(&range));
        while let Some(slice) = slices.pop_front() {
            let spiller = Spiller::new(&self.scratch, &scope, "job", &HAS_BEGUN);
            let read = self.table.read_slice(&range, &slice, spiller, limits).await;
            let read = match read {
                Ok(read) => read,
                // Not one page came in so short a time.
                Err(AuditError::TableTimeout) => {
                    slices.push_front(slice);
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            match read.values {
                Values::Count(count) => return (count, false),
                Values::Each(values) => inline.extend(values),
            }
            spilled.add(read.spilled);
            slices.extend(Slice::of_rest(read.rest));
        }
        if spilled.is_empty() {
            return (inline.len() as u64, false);
        }
        let mut total = (0, 0);
        for buckets in Buckets::split(3) {
            let values: Vec<_> = inline.iter().copied().collect();
            let counted = self.scratch.count(&scope, buckets, &values, &spilled);
            let counted = counted.await.unwrap();
            total = (total.0 + counted.distinct, total.1 + counted.read);
        }
        assert_eq!(total.1, spilled.values, "all that was spilled was found");
        self.scratch.clear(&scope).await.unwrap();
        (total.0, true)
    }
}

/// The filter of the original, page after page through the SDK.
async fn sequential(table: &TableClient, range: DateRange) -> u64 {
    let (start, end) = (range.start(), range.end());
    let filter =
        format!("PartitionKey ge '{start}' and PartitionKey le '{end}' and CertNumber ne ''");
    let query = table.query().filter(Filter::new(filter));
    let query = query.select(Select::new("identificationNumber"));
    let mut pages = query.into_stream::<Map<String, Json>>();
    let mut values = HashSet::new();
    while let Some(page) = pages.next().await {
        for entity in page.unwrap().entities {
            match entity.get("identificationNumber") {
                None | Some(Json::Null) => {}
                Some(Json::String(text)) => {
                    values.insert(text.clone());
                }
                Some(other) => {
                    values.insert(other.to_string());
                }
            }
        }
    }
    values.len() as u64
}

fn expected(rows: &[Row], range: DateRange) -> u64 {
    let rows = Rows::Explicit(rows.to_vec());
    rows.expected(&range.start().to_string(), &range.end().to_string())
        .0
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(Config::with_cases(48))]

    #[test]
    fn slices_count_what_the_sequential_query_and_the_rows_give(
        rows in rows(160),
        ranges in prop::collection::vec((range(), limits()), 1..4),
        page_rows in 1..9_usize,
        irregular in 0.0..0.6,
    ) {
        runtime().block_on(async {
            let service = TableService::start(Options {
                page_rows,
                irregular,
                ..Options::new(Rows::Explicit(rows.clone()))
            })
            .await;
            let job = Job::open(&service.connection_string(), "audit");
            let sdk = sdk_transport::service(&service.endpoint()).table_client("audit");
            for (range, limits) in ranges {
                let (sliced, _) = job.count(range, &limits).await;
                prop_assert_eq!(sliced, expected(&rows, range), "{:?} {:?}", range, limits);
                prop_assert_eq!(sliced, sequential(&sdk, range).await);
            }
            prop_assert!(service.entities("auditscratch").is_empty());
            Ok(())
        })?;
    }
}

/// A new table with these rows.
pub(super) async fn table_with(
    sdk: &TableServiceClient,
    name: &str,
    rows: Vec<Row>,
) -> TableClient {
    let table = sdk.table_client(name);
    table.create().await.unwrap();
    let members = futures::stream::iter(Rows::Explicit(rows).members());
    let inserts = members.map(|row| {
        let table = &table;
        async move { table.insert::<_, Json>(&row).unwrap().await.unwrap() }
    });
    inserts.buffer_unordered(8).count().await;
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn slices_count_on_azurite_what_the_sequential_query_and_the_rows_give() {
    let azurite = Azurite::start();
    let sdk = sdk_transport::service(&azurite.endpoint());
    let mut runner = TestRunner::deterministic();
    let mut have_spilled = 0;
    for name in ["audit1", "audit2", "audit3"] {
        let rows = rows(400).new_tree(&mut runner).unwrap().current();
        let table = table_with(&sdk, name, rows.clone()).await;
        let job = Job::open(&azurite.connection_string(), name);
        for _ in 0..6 {
            let (range, limits) = (range(), limits()).new_tree(&mut runner).unwrap().current();
            let (sliced, spilled) = job.count(range, &limits).await;
            have_spilled += usize::from(spilled);
            assert_eq!(sliced, expected(&rows, range), "{range:?} {limits:?}");
            assert_eq!(sliced, sequential(&table, range).await);
        }
    }
    assert!(have_spilled > 3, "{have_spilled}");
    let left = sdk.table_client("auditscratch").query();
    let left: Vec<_> = left.into_stream::<Json>().collect().await;
    assert!(
        left.iter()
            .all(|page| page.as_ref().unwrap().entities.is_empty())
    );
}
