//! The store in memory.

use std::sync::Arc;

use function_app::sessions::{MemoryStore, SessionStore};

use super::{Fixture, store_suite};

struct Memory(Arc<MemoryStore>);

impl Fixture for Memory {
    async fn start() -> Self {
        Self(Arc::new(MemoryStore::new()))
    }

    fn store(&self) -> Arc<dyn SessionStore> {
        self.0.clone()
    }
}

store_suite!(Memory);
