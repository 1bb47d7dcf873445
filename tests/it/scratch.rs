//! The scratch table: what is counted in it, and that nothing is left that nobody finds.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use azure_data_tables::prelude::TableClient;
use function_app::{
    audit::{AuditError, AuditQuery, Spilled, ValueHash, ValueSet},
    scratch::{Buckets, Run, Scope, Scratch, ScratchSettings},
    tables::{Connection, PropertyName, RetryPolicy, TableName, Timeouts},
};
use futures::{StreamExt, future::join_all};
use proptest::prelude::*;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::support::{
    azurite::{ACCOUNT_KEY, Azurite},
    host::TIME_LIMIT,
    sdk_transport,
    table_proxy::{Fault, TableProxy},
    table_service::{Options, Rows, TableService},
};

/// Faults of the proxies last, so a second attempt is enough.
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 2,
    first_delay: Duration::from_millis(1),
    max_delay: Duration::from_millis(1),
    budget: Duration::from_secs(60),
};

fn open(connection_string: &str, table: &str) -> Scratch {
    let settings = ScratchSettings {
        storage: Connection::parse(connection_string).unwrap(),
        table: TableName::parse(table).unwrap(),
    };
    let query = AuditQuery {
        table: TableName::parse("audit").unwrap(),
        count_column: PropertyName::parse("identificationNumber").unwrap(),
        filter_column: PropertyName::parse("CertNumber").unwrap(),
        timeouts: Timeouts::default(),
        retry: RETRY,
        deadline: Duration::from_secs(60),
    };
    Scratch::open(&settings, &query).unwrap()
}

fn scope() -> Scope {
    Scope::from_uuid(Uuid::new_v4())
}

fn set<'a>(texts: impl IntoIterator<Item = &'a String>) -> ValueSet {
    let mut values = ValueSet::default();
    for text in texts {
        values.insert(ValueHash::of(text));
    }
    values
}

/// The texts of some numbers.
fn texts(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

fn spilled(values: usize, runs: impl IntoIterator<Item = Run>) -> Spilled {
    Spilled {
        values: values as u64,
        runs: runs.into_iter().collect(),
    }
}

/// The distinct values, in so many pieces, and the values that were read.
async fn count(
    scratch: &Scratch,
    scope: &Scope,
    inline: &[ValueHash],
    spilled: &Spilled,
    pieces: u64,
) -> (u64, u64) {
    let mut total = (0, 0);
    for buckets in Buckets::split(pieces) {
        let counted = scratch
            .count(scope, buckets, inline, spilled)
            .await
            .unwrap();
        total = (total.0 + counted.distinct, total.1 + counted.read);
    }
    total
}

/// Removes what the list says, and gives the jobs of it.
async fn sweep(scratch: &Scratch) -> HashSet<String> {
    let leftovers = scratch.scopes().await.unwrap();
    for leftover in &leftovers {
        scratch.clear(&leftover.scope).await.unwrap();
    }
    let scopes: HashSet<_> = leftovers.iter().map(|it| it.scope).collect();
    assert_eq!(scopes.len(), leftovers.len(), "each scope once");
    leftovers.into_iter().map(|it| it.job).collect()
}

/// All rows.
async fn rows(table: &TableClient) -> Vec<Map<String, Json>> {
    let pages = table.query().into_stream::<Map<String, Json>>();
    let pages: Vec<_> = pages.map(|page| page.unwrap().entities).collect().await;
    pages.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_count_is_that_of_the_distinct_texts_in_however_many_pieces_and_passes(
        runs in proptest::collection::vec(proptest::collection::vec("[a-d]{0,4}", 0..120), 0..5),
        inline in proptest::collection::hash_set("[a-d]{0,4}", 0..40),
        pieces in 1..20_u64,
        passes in 1..6_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let service = TableService::start(Options {
                page_rows: 2,
                ..Options::new(Rows::Explicit(Vec::new()))
            })
            .await;
            let scratch = open(&service.connection_string(), "auditscratch");
            let (scope, other) = (scope(), scope());
            scratch.add(&other, "other", set(&texts(0..50))).await.unwrap();
            // An attempt that nobody heard of any more.
            scratch.add(&scope, "job", set(&texts(0..50))).await.unwrap();
            let (mut values, mut names) = (0, Vec::new());
            for run in &runs {
                let run = set(run);
                values += run.len();
                names.push(scratch.add(&scope, "job", run).await.unwrap());
            }
            let distinct: HashSet<_> = runs.iter().flatten().chain(&inline).collect();
            let inline: Vec<_> = inline.iter().map(|text| ValueHash::of(text)).collect();
            let mut told = spilled(values, names);
            // It only says how many values may be in a bucket, and so how many passes there are.
            told.values += 16 * 1_000_000 * (passes - 1);
            let counted = count(&scratch, &scope, &inline, &told, pieces).await;
            prop_assert_eq!(counted, (distinct.len() as u64, values as u64));
            scratch.clear(&scope).await.unwrap();
            prop_assert_eq!(sweep(&scratch).await, HashSet::from(["other".to_owned()]));
            prop_assert!(service.entities("auditscratch").is_empty());
            Ok(())
        })?;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_rows_come_back_on_azurite_and_each_scope_finds_its_own() {
    let azurite = Azurite::shared();
    keeps_scopes_apart(&azurite.endpoint()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_rows_come_back_on_local_host_and_each_scope_finds_its_own() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(local_host::table::serve(
        listener,
        local_host::table::Store::empty(),
    ));
    keeps_scopes_apart(&format!("http://127.0.0.1:{port}/devstoreaccount1")).await;
}

/// On a service at this endpoint, where there is no table yet.
async fn keeps_scopes_apart(endpoint: &str) {
    let connection_string =
        format!("AccountName=devstoreaccount1;AccountKey={ACCOUNT_KEY};TableEndpoint={endpoint}");
    let scratch = open(&connection_string, "scratch1");
    let table = sdk_transport::service(endpoint).table_client("scratch1");
    assert_eq!(scratch.scopes().await.unwrap(), []);
    scratch.clear(&scope()).await.unwrap();
    let nothing = count(&scratch, &scope(), &[], &Spilled::default(), 1).await;
    assert_eq!(nothing, (0, 0));

    let begin = SystemTime::now();
    let scopes: Vec<_> = (0..3).map(|_| scope()).collect();
    // More than fit into one row of a bucket, which they are all in.
    let of_first: Vec<_> = (0..60_000_u64)
        .map(|number| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&(number << 42).to_be_bytes());
            ValueHash::from_bytes(bytes)
        })
        .collect();
    let mut values = ValueSet::default();
    of_first.iter().for_each(|value| values.insert(*value));
    let first = scratch.add(&scopes[0], "job 0", values).await.unwrap();
    let again = set(&texts(0..500));
    let again = scratch.add(&scopes[0], "job 0", again).await.unwrap();
    for (number, scope) in scopes.iter().enumerate().skip(1) {
        let values = set(&texts(0..1000 * number as u32));
        let job = format!("job {number}");
        let run = scratch.add(scope, &job, values).await.unwrap();
        let spilled = spilled(1000 * number, [run]);
        let counted = count(&scratch, scope, &[], &spilled, 2).await;
        assert_eq!(counted, (1000 * number as u64, 1000 * number as u64));
    }
    let both = spilled(60_500, [first, again]);
    let inline = [ValueHash::of("1"), ValueHash::of("x"), of_first[7]];
    let counted = count(&scratch, &scopes[0], &inline, &both, 3).await;
    assert_eq!(counted, (60_501, 60_500));

    let listed = scratch.scopes().await.unwrap();
    let jobs: HashSet<_> = listed.iter().map(|it| it.job.as_str()).collect();
    assert_eq!(jobs, HashSet::from(["job 0", "job 1", "job 2"]));
    // In whole milliseconds.
    let begin = begin - Duration::from_millis(1);
    assert!(
        listed
            .iter()
            .all(|it| it.since >= begin && it.since <= SystemTime::now())
    );
    scratch.clear(&scopes[1]).await.unwrap();
    assert_eq!(
        sweep(&scratch).await,
        HashSet::from(["job 0".to_owned(), "job 2".to_owned()])
    );
    assert_eq!(rows(&table).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_its_scope_is_cleared_is_found_by_the_next_sweep() {
    let service = TableService::start(Options::new(Rows::Explicit(Vec::new()))).await;
    let scratch = open(&service.connection_string(), "auditscratch");
    for round in 0..20 {
        let scope = scope();
        let job = format!("job {round}");
        let adds = (0..6_u32).map(|number| {
            let values = set(&texts(1000 * number..1000 * number + 800));
            scratch.add(&scope, &job, values)
        });
        let clears = (0..6).map(|_| async {
            for _ in 0..4 {
                scratch.clear(&scope).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let (added, _) = tokio::join!(join_all(adds), join_all(clears));
        assert!(added.iter().all(Result::is_ok));
        let left = service.entities("auditscratch").len();
        let jobs = sweep(&scratch).await;
        assert_eq!(jobs.contains(&job), left > 0, "round {round}: {left} rows");
        assert_eq!(service.entities("auditscratch").len(), 0, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_call_breaks_off_what_it_left_is_found() {
    let service = TableService::start(Options::new(Rows::Explicit(Vec::new()))).await;
    let scratch = open(&service.connection_string(), "auditscratch");
    // So that the table is there.
    scratch
        .add(&scope(), "job", set(&texts(0..9)))
        .await
        .unwrap();
    sweep(&scratch).await;
    let through = |passes, fault| {
        let endpoint = service.endpoint();
        async move {
            let proxy = TableProxy::start(&endpoint, passes, fault).await;
            (open(&proxy.connection_string(), "auditscratch"), proxy)
        }
    };
    // Requests that were under way when a call broke off are still served. So what is left is looked at before the list where
    // it grows, and after it where it shrinks.
    let left = || service.entities("auditscratch").len();
    let emptied = || async {
        let sweeps = async {
            while left() > 0 {
                sweep(&scratch).await;
            }
        };
        tokio::time::timeout(TIME_LIMIT, sweeps).await.unwrap();
    };
    for fault in [Fault::Unsent, Fault::Unanswered] {
        let mut passes = 0;
        loop {
            let (broken, _proxy) = through(passes, fault).await;
            let added = broken.add(&scope(), "job", set(&texts(0..200))).await;
            let rows = left();
            let is_found = !scratch.scopes().await.unwrap().is_empty();
            assert!(is_found || rows == 0, "{fault:?} after {passes}");
            emptied().await;
            match added {
                Ok(_) => break,
                Err(error) => assert_eq!(error, AuditError::ScratchFailed),
            }
            passes += 1;
        }
        assert!(passes > 8, "{passes}");

        passes = 0;
        loop {
            let scope = scope();
            let values = set(&texts(0..40));
            scratch.add(&scope, "job", values).await.unwrap();
            let (broken, _proxy) = through(passes, fault).await;
            let cleared = broken.clear(&scope).await;
            let is_found = !scratch.scopes().await.unwrap().is_empty();
            assert!(is_found || left() == 0, "{fault:?} after {passes}");
            emptied().await;
            if cleared.is_ok() {
                break;
            }
            passes += 1;
        }
        assert!(passes > 8, "{passes}");
    }
    emptied().await;
}

#[tokio::test]
async fn a_row_that_the_app_did_not_write_hides_nothing_and_is_not_removed() {
    let service = TableService::start(Options::new(Rows::Explicit(Vec::new()))).await;
    let scratch = open(&service.connection_string(), "auditscratch");
    let scope = scope();
    scratch.add(&scope, "job", set(&texts(0..9))).await.unwrap();
    let table = sdk_transport::service(&service.endpoint()).table_client("auditscratch");
    let keys = [("-", "r"), ("zz", "r")]
        .map(|(partition, row)| serde_json::json!({ "PartitionKey": partition, "RowKey": row }));
    for row in &keys {
        table.insert::<_, Json>(row).unwrap().await.unwrap();
    }
    assert_eq!(sweep(&scratch).await.len(), 1);
    assert_eq!(service.entities("auditscratch").len(), 2);
}
