//! The store in a table, on a real Azurite.

mod broken_calls;
mod faults;

use std::{sync::Arc, time::Duration};

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

/// For faults that last: three attempts that wait 100 ms for an answer.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    read: Duration::from_millis(100),
    request: Duration::from_secs(10),
};
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(1),
    max_delay: Duration::from_millis(5),
    budget: Duration::from_secs(60),
};

fn open(
    connection_string: &str,
    table: &str,
    timeouts: &Timeouts,
    retry: RetryPolicy,
) -> Arc<TableStore> {
    let connection = Connection::parse(connection_string).unwrap();
    let table = TableName::parse(table).unwrap();
    Arc::new(TableStore::open(&connection, &table, timeouts, retry).unwrap())
}

impl Fixture for OnAzurite {
    async fn start() -> Self {
        let azurite = Azurite::shared();
        let store = open(
            &azurite.connection_string(),
            "sessions",
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
