//! A small table service with much data, for the fault tests of the query and its benchmark.
//!
//! Unlike `fake_table`, which follows a script, it answers queries: with the entities that pass the filter, in pages with
//! continuation tokens, within the published targets of Azure Tables, and with faults from a seed.
//!
//! Invariant: without faults its answers are those of the real service for what the app asks. A request that it does not
//! understand is refused and never answered in part.

mod data;
mod faults;
mod filter;
mod log;
mod page;
mod server;
mod store;
mod throttle;
mod tls;

use std::{
    sync::{Arc, Mutex, atomic::Ordering::SeqCst},
    time::Duration,
};

use axum::{Router, serve::ListenerExt};
use serde_json::{Map, Value as Json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use server::{AUDIT, Server};
use store::Tables;

// Each program that includes this uses a part of it.
#[allow(unused_imports)]
pub(crate) use self::{
    data::{Generated, Row, Rows, int64},
    faults::Faults,
    log::Query,
    throttle::{Limit, Limits},
};

/// The time limit of a wait for requests.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// What the server holds and how it answers.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The table `audit`.
    pub(crate) rows: Rows,
    /// How long every answer takes.
    pub(crate) latency: Duration,
    /// The most entities in a page; at most 1,000.
    pub(crate) page_rows: usize,
    /// The share of pages that are empty, or end with their partition, though more entities follow.
    pub(crate) irregular: f64,
    /// Decides which ones.
    pub(crate) seed: u64,
    /// `None`: without limits.
    pub(crate) throttle: Option<Limits>,
    /// The seconds in `Retry-After` of each 503.
    pub(crate) retry_after: Option<u32>,
    pub(crate) faults: Faults,
    /// With [`TableService::certificate`].
    pub(crate) is_tls: bool,
}

impl Options {
    /// Full pages of these rows, at once.
    pub(crate) fn new(rows: Rows) -> Self {
        Self {
            rows,
            latency: Duration::ZERO,
            page_rows: 1_000,
            irregular: 0.0,
            seed: 0,
            throttle: None,
            retry_after: None,
            faults: Faults::default(),
            is_tls: false,
        }
    }
}

/// A running server on a free port. It takes no new connection after this is dropped.
pub(crate) struct TableService {
    port: u16,
    certificate: Option<String>,
    server: Arc<Server>,
    task: JoinHandle<()>,
}

impl TableService {
    pub(crate) async fn start(options: Options) -> Self {
        let mut tables = Tables::default();
        let generated = match options.rows {
            Rows::Generated(generated) => {
                tables.create(AUDIT).unwrap();
                let days = (0..generated.days).map(|number| generated.day(number));
                Some((generated, days.collect()))
            }
            Rows::Explicit(rows) => {
                tables.fill(AUDIT, data::entities(&rows));
                None
            }
        };
        let server = Arc::new(Server {
            generated,
            tables: Mutex::new(tables),
            latency: options.latency,
            page_rows: options.page_rows,
            irregular: options.irregular,
            seed: options.seed,
            throttle: options.throttle.map(throttle::Throttle::new),
            retry_after: options.retry_after,
            faults: Mutex::new(options.faults),
            log: log::Log::default(),
            requests: 0.into(),
            admitted: Mutex::new(None),
            refuses_continuation: Mutex::new(false),
            held_from: watch::Sender::new(usize::MAX),
            in_flight: 0.into(),
            most_in_flight: 0.into(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new()
            .fallback(server::answer)
            .with_state(Arc::clone(&server));
        let (task, certificate) = if options.is_tls {
            let (listener, certificate) = tls::TlsListener::new(listener);
            let serve = async move { axum::serve(listener, app).await.unwrap() };
            (tokio::spawn(serve), Some(certificate))
        } else {
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
            let serve = async move { axum::serve(listener, app).await.unwrap() };
            (tokio::spawn(serve), None)
        };
        Self {
            port,
            certificate,
            server,
            task,
        }
    }

    /// The address of the account.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}/fake", self.protocol(), self.port)
    }

    fn protocol(&self) -> &'static str {
        if self.certificate.is_some() {
            "https"
        } else {
            "http"
        }
    }

    /// The certificate that clients must trust, as PEM. `None` without TLS.
    pub(crate) fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    pub(crate) fn connection_string(&self) -> String {
        let (protocol, endpoint) = (self.protocol(), self.endpoint());
        format!(
            "DefaultEndpointsProtocol={protocol};AccountName=fake;AccountKey=a2V5;TableEndpoint={endpoint}"
        )
    }

    /// All requests so far, those that write included.
    pub(crate) fn requests(&self) -> u64 {
        self.server.requests.load(SeqCst)
    }

    /// The requests for pages so far, of all tables.
    pub(crate) fn queries(&self) -> Vec<Query> {
        self.server.log.queries()
    }

    /// Waits until it has got this many requests for pages.
    pub(crate) async fn queried(&self, count: usize) {
        let mut received = self.server.log.count();
        let enough = received.wait_for(|received| *received >= count);
        let in_time = tokio::time::timeout(TIME_LIMIT, enough).await;
        let in_time =
            in_time.unwrap_or_else(|_| panic!("not {count} queries: {:?}", self.queries()));
        drop(in_time.unwrap());
    }

    /// How many requests for pages are being answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.server.in_flight.load(SeqCst)
    }

    /// The most there were at once.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.server.most_in_flight.load(SeqCst)
    }

    /// Holds back the answers to all further requests for pages of the table `audit`.
    pub(crate) fn hold(&self) {
        self.hold_after(*self.server.log.count().borrow());
    }

    /// Lets so many requests for pages pass, those that have passed included, and holds back the answers to the others.
    pub(crate) fn hold_after(&self, queries: usize) {
        self.server.held_from.send_replace(queries);
    }

    /// Ends the hold.
    pub(crate) fn release(&self) {
        self.server.held_from.send_replace(usize::MAX);
    }

    /// From now on requests fail like this.
    pub(crate) fn set_faults(&self, faults: Faults) {
        *self.server.faults.lock().unwrap() = faults;
    }

    /// Refuses the next continuation token, as one that has expired.
    pub(crate) fn refuse_continuation_once(&self) {
        *self.server.refuses_continuation.lock().unwrap() = true;
    }

    /// Lets so many further requests in and refuses the credentials of the others, as those of a signature that expires.
    pub(crate) fn deny_after(&self, requests: u64) {
        *self.server.admitted.lock().unwrap() = Some(requests);
    }

    /// Lets all further requests in.
    pub(crate) fn admit(&self) {
        *self.server.admitted.lock().unwrap() = None;
    }

    /// What a table holds, as it was written. Empty without the table.
    pub(crate) fn entities(&self, table: &str) -> Vec<Map<String, Json>> {
        let tables = self.server.tables.lock().unwrap();
        let entities = tables.table(table).into_iter().flat_map(|it| it.values());
        entities.map(|entity| entity.members.clone()).collect()
    }
}

impl Drop for TableService {
    fn drop(&mut self) {
        self.task.abort();
    }
}
