//! What is in the files at any moment.

use prost::bytes::Bytes;
use task_hub::changes::{Changes, Message};
use task_hub::validation::{Testbed as _, make};
use task_hub::{SqliteStore, Store as _};

use super::{Sqlite, files};

#[test]
fn what_was_committed_is_there_after_a_drop_and_the_rest_is_not() {
    let mut testbed = Sqlite::new();
    let mut store = testbed.create().unwrap();
    let path = store.path().to_owned();
    store.apply(make::instance("a")).unwrap();
    store.commit().unwrap();
    store.apply(make::instance("b")).unwrap();
    drop(store);
    assert!(!files::log(&path).exists(), "a closed store is one file");
    let store = SqliteStore::open(path).unwrap();
    assert!(store.instance("a").unwrap().is_some());
    assert!(store.instance("b").unwrap().is_none());
}

#[test]
fn files_copied_in_the_middle_of_a_transaction_are_the_last_committed_state() {
    let mut testbed = Sqlite::new();
    let mut store = testbed.create().unwrap();
    store.apply(make::instance("a")).unwrap();
    store.commit().unwrap();
    // More than the cache holds, so a part of the transaction is in the log before its commit.
    let committed = std::fs::metadata(files::log(store.path())).unwrap().len();
    for number in 1..=100 {
        store
            .apply(Changes {
                sent: vec![Message {
                    body: Bytes::from(vec![7; 1 << 18]),
                    ..make::message(number, "a")
                }],
                ..make::instance("b")
            })
            .unwrap();
    }
    assert!(std::fs::metadata(files::log(store.path())).unwrap().len() > committed);
    let store = testbed.crash(store).unwrap();
    assert!(store.instance("a").unwrap().is_some());
    assert!(store.instance("b").unwrap().is_none());
    assert!(store.inbox("a").unwrap().is_empty());
}
