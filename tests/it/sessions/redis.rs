//! The store in Redis.

use std::sync::Arc;

use function_app::sessions::{RedisConnection, RedisSettings, RedisStore, SessionStore};

use super::{Fixture, store_suite};
use crate::support::redis::Redis;

struct Server {
    store: Arc<RedisStore>,
    _redis: Redis,
}

impl Fixture for Server {
    async fn start() -> Self {
        let redis = Redis::start();
        Self {
            store: Arc::new(store(&redis.url())),
            _redis: redis,
        }
    }

    fn store(&self) -> Arc<dyn SessionStore> {
        self.store.clone()
    }
}

fn store(connection: &str) -> RedisStore {
    RedisStore::new(RedisSettings {
        connection: RedisConnection::parse(connection).unwrap(),
        identity: None,
    })
}

store_suite!(Server);
