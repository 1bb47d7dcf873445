//! A table service that is away, busy or slow.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use function_app::sessions::{Expiry, SessionStore, TableStore};

use super::{
    super::{add, ids, job, later, over, page, register, session},
    RETRY, TIMEOUTS, open,
};
use crate::support::{
    azurite::Azurite,
    fake_table::{FakeTable, Step},
    sdk_transport,
    table_proxy::{Fault, TableProxy},
};

type Store = Arc<dyn SessionStore>;

fn on(server: &FakeTable) -> Store {
    open(&server.connection_string(), "sessions", &TIMEOUTS, RETRY)
}

/// The answer to a change.
fn done() -> Step {
    let headers = vec![
        ("ETag", "W/\"1\""),
        ("preference-applied", "return-no-content"),
    ];
    Step::Status(204, headers, "")
}

fn error(status: u16, body: &'static str) -> Step {
    Step::Status(status, Vec::new(), body)
}

fn absent() -> Step {
    error(
        404,
        r#"{"odata.error":{"code":"ResourceNotFound","message":{"lang":"en","value":"x"}}}"#,
    )
}

fn exists() -> Step {
    error(
        409,
        r#"{"odata.error":{"code":"EntityAlreadyExists","message":{"lang":"en","value":"x"}}}"#,
    )
}

fn busy() -> Step {
    error(
        503,
        r#"{"odata.error":{"code":"ServerBusy","message":{"lang":"en","value":"x"}}}"#,
    )
}

/// The row of a session, of the key `s`, that is kept for ever.
fn session_row() -> Step {
    let body = r#"{"odata.metadata":"m","odata.etag":"W/\"1\"","PartitionKey":"p","RowKey":"s","Expiry":"9223372036854775807"}"#;
    Step::Status(200, vec![("ETag", "W/\"1\"")], body)
}

/// The row of the place of a job, whose id is this one in inverted digits.
fn place(id: &str, inverted: &str, millis: u64) -> String {
    let created = 1_767_225_600_000 + millis;
    serde_json::json!({
        "PartitionKey": "p", "RowKey": format!("j{:016x}{inverted}g", u64::MAX - created), "Job": id,
        "Created": created.to_string(), "Expiry": "9223372036854775807",
    })
    .to_string()
}

/// The number of requests, and the text of the error.
async fn failed(steps: Vec<Step>) -> (usize, String) {
    let server = FakeTable::start(steps).await;
    let refused = on(&server).register(&session(), None, later()).await;
    (server.requests().len(), refused.unwrap_err().to_string())
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_refused_with_a_reason() {
    for (step, requests, reason) in [
        (busy(), 3, "the table service is too busy"),
        (Step::Hang, 3, "the table service did not answer in time"),
        (Step::Reset, 3, "the connection to the table service broke"),
        (
            error(403, r#"{"odata.error":{"code":"AuthenticationFailed"}}"#),
            1,
            "the table service refused the credentials",
        ),
        (
            error(200, "<html>"),
            1,
            "the endpoint did not answer as a table service does",
        ),
    ] {
        let expected =
            format!("the session store failed: {reason} (settings SessionStorage, SessionTable)");
        assert_eq!(failed(vec![step]).await, (requests, expected));
    }
    // Nothing listens there.
    let server = FakeTable::start(vec![done()]).await;
    let store = on(&server);
    drop(server);
    let refused = store.page(&session(), None, 1).await.unwrap_err();
    assert!(
        refused.to_string().contains("cannot be reached"),
        "{refused}"
    );
}

#[tokio::test]
async fn each_request_of_a_call_is_tried_again_by_itself() {
    let steps = vec![busy(), absent(), Step::Hang, done()];
    let server = FakeTable::start(steps).await;
    let told = on(&server).register(&session(), None, later()).await;
    assert!(told.unwrap().is_new);
    let methods: Vec<_> = server
        .requests()
        .iter()
        .map(|head| head.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(methods, ["GET", "GET", "POST", "POST"]);
}

#[tokio::test]
async fn an_insert_whose_answer_was_lost_is_found_by_its_repetition() {
    let steps = vec![absent(), Step::Reset, exists(), session_row()];
    let server = FakeTable::start(steps).await;
    let told = on(&server).register(&session(), None, Expiry::Never).await;
    // It was this call, but nobody can know: somebody else may have been faster.
    assert!(!told.unwrap().is_new);
}

#[tokio::test]
async fn a_page_is_asked_for_in_the_order_of_the_list_and_without_the_rest_of_the_session() {
    let steps = vec![
        // The service may end a page anywhere.
        Step::Page {
            entities: vec![place("c", "9c", 3)],
            next: Some(("p", Some("r"))),
        },
        Step::Page {
            entities: Vec::new(),
            next: Some(("p", Some("r2"))),
        },
        Step::Page {
            entities: vec![place("b", "9d", 2), place("a", "9e", 1)],
            next: Some(("p", Some("r3"))),
        },
        session_row(),
    ];
    let server = FakeTable::start(steps).await;
    let after = job("d", 4);
    let page = page(&on(&server), &session(), Some(&after), 2)
        .await
        .unwrap();
    assert_eq!(page.jobs, [job("c", 3), job("b", 2)]);
    assert!(page.has_more);
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    let query = |head: &String, name: &str| {
        let target = head.split(' ').nth(1).unwrap();
        let url = url::Url::parse(&format!("http://fake{target}")).unwrap();
        let found = url.query_pairs().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    // One more than the page has, to know whether others follow; then what is missing.
    let tops: Vec<_> = requests.iter().map(|it| query(it, "$top")).collect();
    assert_eq!(tops, ["3", "2", "2", ""]);
    let filter = query(&requests[0], "$filter");
    assert!(filter.starts_with("PartitionKey eq '"), "{filter}");
    let range = " and RowKey gt 'jfffffe64892557fb9bg' and RowKey lt 'k' and Expiry gt ";
    assert!(filter.contains(range), "{filter}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_comes_back_to_life_during_a_clean_up_is_not_removed() {
    let azurite = Azurite::shared();
    let store: Store = open(
        &azurite.connection_string(),
        "revived",
        &TableStore::TIMEOUTS,
        TableStore::RETRY,
    );
    let session = session();
    register(&store, &session, None, later()).await;
    add(&store, &session, &job("a", 1), over()).await;
    let asked = AtomicUsize::new(0);
    let removed = store
        .remove_expired(&|| {
            // The first time is before the rows were read, the second one after that.
            if asked.fetch_add(1, SeqCst) == 1 {
                let runtime = tokio::runtime::Handle::current();
                tokio::task::block_in_place(|| {
                    runtime.block_on(add(&store, &session, &job("a", 1), later()));
                });
            }
            false
        })
        .await;
    assert_eq!(removed, Ok(0));
    // Both rows were seen expired.
    assert_eq!(asked.load(SeqCst), 3);
    assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn the_clean_up_counts_sessions_and_jobs_and_ends_when_its_time_is_over() {
    let azurite = Azurite::shared();
    let store: Store = open(
        &azurite.connection_string(),
        "cleanup",
        &TableStore::TIMEOUTS,
        TableStore::RETRY,
    );
    // There is no table yet.
    assert_eq!(store.remove_expired(&|| false).await, Ok(0));
    let session = session();
    for id in ["a", "b", "c"] {
        add(&store, &session, &job(id, 1), over()).await;
    }
    assert_eq!(store.remove_expired(&|| true).await, Ok(0));
    // It may look at two rows of the seven.
    let asked = AtomicUsize::new(0);
    let first = store
        .remove_expired(&|| asked.fetch_add(1, SeqCst) > 2)
        .await;
    let rest = store.remove_expired(&|| false).await;
    assert!(first.clone().unwrap() <= 2, "{first:?}");
    assert_eq!(first.unwrap() + rest.unwrap(), 4);
    assert_eq!(store.remove_expired(&|| false).await, Ok(0));
}

#[tokio::test]
async fn a_service_that_comes_back_is_used_again_and_a_lost_table_is_made_again() {
    let mut azurite = Azurite::start();
    let store: Store = open(
        &azurite.connection_string(),
        "sessions",
        &TIMEOUTS,
        TableStore::RETRY,
    );
    let session = session();
    add(&store, &session, &job("a", 1), later()).await;
    azurite.stop();
    let quick: Store = open(&azurite.connection_string(), "sessions", &TIMEOUTS, RETRY);
    assert!(quick.page(&session, None, 1).await.is_err());
    assert!(quick.add(&session, &job("b", 2), later()).await.is_err());
    // It keeps nothing.
    azurite.restart();
    assert_eq!(page(&store, &session, None, 10).await, None);
    add(&store, &session, &job("b", 2), later()).await;
    assert_eq!(ids(&store, &session).await.unwrap(), ["b"]);
}

#[tokio::test]
async fn a_row_of_somebody_else_is_left_alone_and_stops_no_clean_up() {
    let azurite = Azurite::shared();
    let store: Store = open(
        &azurite.connection_string(),
        "foreign",
        &TableStore::TIMEOUTS,
        TableStore::RETRY,
    );
    add(&store, &session(), &job("a", 1), over()).await;
    let table = sdk_transport::service(&azurite.endpoint()).table_client("foreign");
    let foreign = serde_json::json!({
        "PartitionKey": "p", "RowKey": "r", "Expiry": "1", "Expiry@odata.type": "Edm.Int64",
    });
    let insert = table.insert::<_, serde_json::Value>(foreign).unwrap();
    insert.await.unwrap();
    for removed in [2, 0] {
        assert_eq!(store.remove_expired(&|| false).await, Ok(removed));
    }
    let row = table.partition_key_client("p").entity_client("r");
    assert!(row.get::<serde_json::Value>().await.is_ok());
}

/// docs/session-stores.md has these numbers.
#[tokio::test]
async fn every_call_makes_few_requests() {
    let azurite = Azurite::shared();
    let proxy = TableProxy::start(&azurite.endpoint(), usize::MAX, Fault::Unsent).await;
    let text = proxy.connection_string();
    let store: Store = open(&text, "requests", &TableStore::TIMEOUTS, TableStore::RETRY);
    let session = session();
    register(&store, &session, None, later()).await;
    // With the table.
    assert_eq!(proxy.requests(), 4);
    // Each expiry is a little later than the one before.
    add(&store, &session, &job("a", 1), later()).await;
    assert_eq!(proxy.requests(), 4);
    add(&store, &session, &job("a", 1), later()).await;
    assert_eq!(proxy.requests(), 8);
    register(&store, &session, None, over()).await;
    assert_eq!(proxy.requests(), 1);
    page(&store, &session, None, 10).await.unwrap();
    assert_eq!(proxy.requests(), 2);
    store.remove_expired(&|| false).await.unwrap();
    assert_eq!(proxy.requests(), 1);
}
