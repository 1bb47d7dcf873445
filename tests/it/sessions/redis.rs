//! The store in Redis.

mod faults;
mod keys;
mod login;
mod tls;

use std::sync::Arc;

use function_app::sessions::{
    RedisConnection, RedisSettings, RedisStore, SessionStore, StoreError,
};

use super::{Fixture, store_suite};
use crate::support::redis::{PASSWORD, Redis};

struct Server {
    store: Arc<dyn SessionStore>,
    _redis: Redis,
}

impl Fixture for Server {
    async fn start() -> Self {
        let redis = Redis::start();
        Self {
            store: store(&redis.url()),
            _redis: redis,
        }
    }

    fn store(&self) -> Arc<dyn SessionStore> {
        self.store.clone()
    }
}

fn store(connection: &str) -> Arc<dyn SessionStore> {
    Arc::new(RedisStore::new(RedisSettings {
        connection: RedisConnection::parse(connection).unwrap(),
        identity: None,
    }))
}

/// The text of an error, which holds nothing that only the log of Redis may show.
fn problem<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    let text = result.unwrap_err().to_string();
    for secret in [
        PASSWORD,
        "p%40ss",
        "127.0.0.1",
        "localhost",
        "function-app:session",
    ] {
        assert!(!text.contains(secret), "{text}");
    }
    text
}

store_suite!(Server);
