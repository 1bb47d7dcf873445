//! What the server was asked, in the order in which the requests came.

use std::sync::{Mutex, MutexGuard};

use tokio::sync::watch;

use super::filter::Filter;

/// One request for a page.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) table: String,
    pub(crate) filter: String,
    /// The bounds of the partition key in the filter, without their operators.
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    /// Whether it is not the first page of its query.
    pub(crate) is_continuation: bool,
    /// `None` as long as it is not answered.
    pub(crate) status: Option<u16>,
    /// How many entities were returned.
    pub(crate) entities: u64,
    /// Whether the answer broke off.
    pub(crate) is_cut: bool,
}

#[derive(Default)]
pub(super) struct Log {
    queries: Mutex<Vec<Query>>,
    count: watch::Sender<usize>,
}

/// The place of a request in the log.
#[derive(Clone, Copy)]
pub(super) struct Place(pub(super) usize);

impl Log {
    pub(super) fn received(
        &self,
        table: &str,
        text: &str,
        filter: &Filter,
        is_continuation: bool,
    ) -> Place {
        let (from, to) = filter.bounds();
        let mut queries = self.lock();
        queries.push(Query {
            table: table.to_owned(),
            filter: text.to_owned(),
            from,
            to,
            is_continuation,
            status: None,
            entities: 0,
            is_cut: false,
        });
        let count = queries.len();
        drop(queries);
        self.count.send_if_modified(|seen| {
            let is_more = *seen < count;
            *seen = count.max(*seen);
            is_more
        });
        Place(count - 1)
    }

    pub(super) fn answered(&self, place: Place, status: u16, entities: u64, is_cut: bool) {
        let query = &mut self.lock()[place.0];
        query.status = Some(status);
        query.entities = entities;
        query.is_cut = is_cut;
    }

    pub(super) fn queries(&self) -> Vec<Query> {
        self.lock().clone()
    }

    pub(super) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Query>> {
        self.queries.lock().unwrap()
    }
}
