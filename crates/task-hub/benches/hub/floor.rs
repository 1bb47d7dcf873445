//! The floors: what any hub must do for the same orchestrations, and nothing more.

use std::path::Path;

use durable_protocol::messages::HistoryEvent;
use prost::Message as _;
use prost::bytes::Bytes;
use rusqlite::Connection;
use task_hub::{MemoryStore, Store as _};

use crate::driver::{Driver, STEPS};

/// The data of one orchestration.
pub(crate) struct Sample {
    events: Vec<HistoryEvent>,
    encoded: Vec<Bytes>,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let mut driver = Driver::new(MemoryStore::new());
        driver.group(1);
        let store = driver.hub.store();
        let all = task_hub::query::InstanceFilter::default();
        let page = task_hub::query::PageRequest {
            after: None,
            limit: 1,
        };
        let id = store.instances(&all, &page).unwrap().rows[0].id.clone();
        let encoded = store.history(&id).unwrap();
        let events = encoded.iter().cloned();
        Self {
            events: events.map(|it| HistoryEvent::decode(it).unwrap()).collect(),
            encoded,
        }
    }

    /// The bytes of the history. Messages and records come on top.
    pub(crate) fn bytes(&self) -> usize {
        self.encoded.iter().map(Bytes::len).sum()
    }

    /// Encodes each event of the history once, and decodes each once.
    pub(crate) fn encode(&self) {
        for (event, encoded) in self.events.iter().zip(&self.encoded) {
            std::hint::black_box(event.encode_to_vec());
            std::hint::black_box(HistoryEvent::decode(encoded.clone()).unwrap());
        }
    }
}

/// A table without an index: one row for each step, and the bytes of the history in them.
pub(crate) struct Bare {
    connection: Connection,
    body: Vec<u8>,
}

impl Bare {
    pub(crate) fn new(path: &Path, sample: &Sample) -> Self {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
                 CREATE TABLE steps (number INTEGER PRIMARY KEY, body BLOB NOT NULL)",
            )
            .unwrap();
        Self {
            connection,
            body: vec![7; sample.bytes() / STEPS],
        }
    }

    /// As many rows and commits as `count` orchestrations have steps and commits.
    pub(crate) fn group(&mut self, count: usize) {
        for _ in 0..STEPS {
            let transaction = self.connection.transaction().unwrap();
            let sql = "INSERT INTO steps (body) VALUES (?1)";
            for _ in 0..count {
                let mut insert = transaction.prepare_cached(sql).unwrap();
                insert.execute([&self.body]).unwrap();
            }
            transaction.commit().unwrap();
        }
    }
}
