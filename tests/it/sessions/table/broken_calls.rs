//! A call that breaks off anywhere does no harm, and its repetition puts everything right.

use std::{collections::BTreeMap, sync::Arc};

use azure_data_tables::prelude::Filter;
use function_app::{
    owners::Owner,
    sessions::{Expiry, Page, SessionKey, SessionStore, StoreError, TableStore},
    tables::RetryPolicy,
};
use futures::TryStreamExt;
use serde_json::Value;

use super::{
    super::{add, job, later, over, owner, page, register, session},
    RETRY, open,
};
use crate::support::{
    azurite::Azurite,
    sdk_transport,
    table_proxy::{Fault, TableProxy},
};

/// A call that fails breaks off.
const ONCE: RetryPolicy = RetryPolicy {
    attempts: 1,
    ..RETRY
};

type Store = Arc<dyn SessionStore>;

/// Any one of them may break off.
#[derive(Clone, Copy, Debug)]
enum Call {
    Register,
    Add,
    AddAtAnotherTime,
    Extend,
    RemoveExpired,
}

/// What is there before it.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Registered,
    Job,
    ExpiredJob,
    ExpiredSession,
}

const CALLS: [Call; 5] = [
    Call::Register,
    Call::Add,
    Call::AddAtAnotherTime,
    Call::Extend,
    Call::RemoveExpired,
];

const BEFORE: [Before; 5] = [
    Before::Nothing,
    Before::Registered,
    Before::Job,
    Before::ExpiredJob,
    Before::ExpiredSession,
];

async fn prepare(store: &Store, session: &SessionKey, before: Before) {
    let ben = owner("ben");
    match before {
        Before::Nothing => {}
        Before::Registered => {
            register(store, session, Some(&ben), later()).await;
        }
        Before::Job => {
            register(store, session, Some(&ben), later()).await;
            add(store, session, &job("a", 5), later()).await;
            add(store, session, &job("b", 6), later()).await;
        }
        Before::ExpiredJob => {
            register(store, session, Some(&ben), later()).await;
            add(store, session, &job("a", 5), over()).await;
            add(store, session, &job("b", 6), later()).await;
        }
        Before::ExpiredSession => {
            register(store, session, Some(&ben), over()).await;
            add(store, session, &job("a", 5), over()).await;
        }
    }
}

async fn make(store: &Store, session: &SessionKey, call: Call) -> Result<(), StoreError> {
    let anna: Owner = owner("anna");
    match call {
        Call::Register => store
            .register(session, Some(&anna), Expiry::Never)
            .await
            .map(drop),
        Call::Add => store
            .add(session, &job("a", 5), Expiry::Never)
            .await
            .map(drop),
        Call::AddAtAnotherTime => store
            .add(session, &job("a", 7), Expiry::Never)
            .await
            .map(drop),
        Call::Extend => store.extend(session, "a", Expiry::Never).await,
        Call::RemoveExpired => store.remove_expired(&|| false).await.map(drop),
    }
}

/// The expiries in the rows of a session, by RowKey.
async fn rows(azurite: &Azurite, table: &str, session: &SessionKey) -> BTreeMap<String, i64> {
    let client = sdk_transport::service(&azurite.endpoint()).table_client(table);
    let filter = format!("PartitionKey eq '{}'", session.as_str());
    let query = client.query().filter(Filter::new(filter));
    let pages: Vec<_> = query.into_stream::<Value>().try_collect().await.unwrap();
    let entities = pages.into_iter().flat_map(|page| page.entities);
    entities
        .map(|row| {
            let key = row["RowKey"].as_str().unwrap().to_owned();
            (key, row["Expiry"].as_str().unwrap().parse().unwrap())
        })
        .collect()
}

fn check_order(rows: &BTreeMap<String, i64>, seen: &str) {
    let latest = |prefix: &str| {
        let rows = rows.iter().filter(|(key, _)| key.starts_with(prefix));
        rows.map(|(_, expiry)| *expiry).max().unwrap_or(i64::MIN)
    };
    // Without a session, as after a clean-up, only what has expired may be left.
    let session = latest("s").max(0);
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_millis() as i64;
    assert!(latest("i") <= session.max(now), "{seen}: {rows:?}");
    assert!(latest("j") <= latest("i").max(now), "{seen}: {rows:?}");
}

async fn whole(store: &Store, session: &SessionKey) -> Option<Page> {
    page(store, session, None, 10).await
}

/// The page that the call gives when nothing fails, and the page before it.
async fn expected(store: &Store, call: Call, before: Before) -> (Option<Page>, Option<Page>) {
    let session = session();
    prepare(store, &session, before).await;
    let first = whole(store, &session).await;
    make(store, &session, call).await.unwrap();
    (first, whole(store, &session).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_breaks_off_shows_nothing_wrong_and_its_repetition_does_the_rest() {
    let azurite = Azurite::shared();
    let table = "brokencalls";
    let at = |text: &str, retry| open(text, table, &TableStore::TIMEOUTS, retry);
    let store: Store = at(&azurite.connection_string(), TableStore::RETRY);
    let mut broken = 0;
    for (call, before) in CALLS
        .into_iter()
        .flat_map(|call| BEFORE.map(|before| (call, before)))
    {
        // What is there before comes from another session, because a call that fails may have done all of its work.
        let (first, last) = expected(&store, call, before).await;
        for fault in [Fault::Unsent, Fault::Unanswered] {
            for passes in 0.. {
                let seen = format!("{call:?} over {before:?}, {fault:?} after {passes} requests");
                let session = session();
                prepare(&store, &session, before).await;
                let proxy = TableProxy::start(&azurite.endpoint(), passes, fault).await;
                let failing: Store = at(&proxy.connection_string(), ONCE);
                let outcome = make(&failing, &session, call).await;
                let between = whole(&store, &session).await;
                check_order(&rows(&azurite, table, &session).await, &seen);
                if outcome.is_ok() {
                    assert_eq!(between, last, "{seen}");
                    break;
                }
                broken += 1;
                // A session may be known already while its job is not.
                let jobs = |page: &Option<Page>| page.as_ref().map(|page| page.jobs.clone());
                let shown = jobs(&between).unwrap_or_default();
                let allowed = [&first, &last].map(|page| jobs(page).unwrap_or_default());
                assert!(allowed.contains(&shown), "{seen}: {between:?}");

                make(&store, &session, call).await.unwrap();
                assert_eq!(whole(&store, &session).await, last, "{seen}");
                let rows = rows(&azurite, table, &session).await;
                check_order(&rows, &seen);
                if matches!(call, Call::Add | Call::AddAtAnotherTime) {
                    for row in ["s", "i", "j"] {
                        let is_kept = |(key, expiry): (&String, &i64)| {
                            key.starts_with(row) && *expiry == i64::MAX
                        };
                        assert!(rows.iter().any(is_kept), "{seen}: {rows:?}");
                    }
                }
            }
        }
    }
    // Each call makes several requests, and each of them failed in both ways.
    assert!(broken > 100, "{broken}");
}
