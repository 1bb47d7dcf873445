//! The memory store passes the checks of every store.

use task_hub::validation::Testbed;
use task_hub::{MemoryStore, Store as _, StoreError};

use crate::world::Failing;

pub struct Memory;

impl Testbed for Memory {
    type Store = MemoryStore;

    fn create(&mut self) -> Result<MemoryStore, StoreError> {
        Ok(MemoryStore::recoverable())
    }

    fn crash(&mut self, store: MemoryStore) -> Result<MemoryStore, StoreError> {
        Ok(store.crash())
    }
}

impl Failing for Memory {
    fn fail_commit(&mut self, store: &mut MemoryStore) {
        store.fail_next_commit();
        store.commit().unwrap_err();
    }
}

task_hub::store_tests!(Memory);

#[test]
fn a_failed_commit_takes_the_store_back_to_the_last_one() {
    use task_hub::validation::make;
    let mut store = MemoryStore::recoverable();
    store.apply(make::instance("a")).unwrap();
    store.commit().unwrap();
    store.apply(make::instance("b")).unwrap();
    store.fail_next_commit();
    store.commit().unwrap_err();
    assert!(store.instance("a").unwrap().is_some());
    assert!(store.instance("b").unwrap().is_none());
    store.commit().unwrap();
}
