//! The store in a table, on a real Azurite.

use std::sync::Arc;

use function_app::{
    sessions::{SessionStore, TableStore},
    tables::{Connection, RetryPolicy, TableName, Timeouts},
};

use super::{Fixture, store_suite};
use crate::support::azurite::Azurite;

struct OnAzurite {
    _azurite: Arc<Azurite>,
    store: Arc<TableStore>,
}

fn open(connection_string: &str, timeouts: &Timeouts, retry: RetryPolicy) -> Arc<TableStore> {
    let connection = Connection::parse(connection_string).unwrap();
    let table = TableName::parse("sessions").unwrap();
    Arc::new(TableStore::open(&connection, &table, timeouts, retry).unwrap())
}

impl Fixture for OnAzurite {
    async fn start() -> Self {
        let azurite = Azurite::shared();
        let store = open(
            &azurite.connection_string(),
            &TableStore::TIMEOUTS,
            TableStore::RETRY,
        );
        Self {
            _azurite: azurite,
            store,
        }
    }

    fn store(&self) -> Arc<dyn SessionStore> {
        self.store.clone()
    }
}

store_suite!(OnAzurite);
