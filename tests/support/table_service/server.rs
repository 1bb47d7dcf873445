//! The requests of the table service that the app makes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::Response,
};
use serde_json::{Map, Value as Json, json};
use tokio::sync::watch;
use url::form_urlencoded;

use super::{
    data::Generated,
    faults::{Fate, Faults, share},
    filter::Filter,
    log::Log,
    page::{Metadata, Position, Query, Shape},
    store::{Keys, Refusal, Tables},
    throttle::Throttle,
};

/// The table whose rows the server may compute.
pub(super) const AUDIT: &str = "audit";

pub(super) struct Server {
    /// The rows of `audit` and the keys of their partitions; without it `audit` is a table like the others.
    pub(super) generated: Option<(Generated, Vec<String>)>,
    pub(super) tables: Mutex<Tables>,
    pub(super) latency: Duration,
    pub(super) page_rows: usize,
    pub(super) irregular: f64,
    pub(super) seed: u64,
    pub(super) throttle: Option<Throttle>,
    pub(super) retry_after: Option<u32>,
    pub(super) faults: Mutex<Faults>,
    pub(super) log: Log,
    pub(super) requests: AtomicU64,
    /// How many further requests are let in.
    pub(super) admitted: Mutex<Option<u64>>,
    pub(super) refuses_continuation: Mutex<bool>,
    /// The queries from this number on wait.
    pub(super) held_from: watch::Sender<usize>,
    pub(super) in_flight: AtomicUsize,
    pub(super) most_in_flight: AtomicUsize,
}

/// Counts a query as long as its client waits for the answer.
struct InFlight<'s>(&'s Server);

impl<'s> InFlight<'s> {
    fn new(server: &'s Server) -> Self {
        let now = server.in_flight.fetch_add(1, SeqCst) + 1;
        server.most_in_flight.fetch_max(now, SeqCst);
        Self(server)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
    }
}

/// What a request is about.
enum Target {
    Tables,
    Table(String),
    Query(String),
    Entity(String, Keys),
}

impl Target {
    /// Reads the path after the name of the account.
    fn parse(path: &str, method: &Method) -> Option<Self> {
        let path = percent_encoding::percent_decode_str(path);
        let path = path.decode_utf8().ok()?;
        let (_, path) = path.strip_prefix('/')?.split_once('/')?;
        if path == "Tables" {
            return Some(Self::Tables);
        }
        if let Some(name) = path.strip_prefix("Tables('") {
            return Some(Self::Table(name.strip_suffix("')")?.to_owned()));
        }
        let Some((table, rest)) = path.split_once('(') else {
            return Some(Self::Query(path.to_owned()));
        };
        if rest == ")" && method == Method::GET {
            return Some(Self::Query(table.to_owned()));
        }
        let keys = rest.strip_prefix("PartitionKey='")?.strip_suffix("')")?;
        let (partition, row) = keys.split_once("',RowKey='")?;
        let key = |text: &str| text.replace("''", "'");
        let keys = Keys::new(&key(partition), &key(row));
        Some(Self::Entity(table.to_owned(), keys))
    }
}

pub(super) async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
    let number = server.requests.fetch_add(1, SeqCst);
    let (head, body) = request.into_parts();
    let Some(target) = Target::parse(head.uri.path(), &head.method) else {
        return refused((400, "InvalidUri"));
    };
    if let (Target::Query(table), &Method::GET) = (&target, &head.method) {
        return server.query(number, table, &head).await;
    }
    let Ok(body) = axum::body::to_bytes(body, 8 * 1024 * 1024).await else {
        return refused((413, "RequestBodyTooLarge"));
    };
    server.change(number, target, &head, &body).await
}

impl Server {
    async fn query(&self, number: u64, table: &str, head: &Parts) -> Response {
        let _in_flight = InFlight::new(self);
        let parameters = form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes());
        let parameters: Vec<_> = parameters.into_owned().collect();
        let parameter = |name: &str| {
            let mut found = parameters.iter().filter(|(it, _)| it == name);
            found.next().map(|(_, value)| value.as_str())
        };
        let text = parameter("$filter").unwrap_or("");
        let Some(filter) = Filter::parse(text) else {
            return refused((400, "InvalidInput"));
        };
        let partition = parameter("NextPartitionKey");
        let place = self.log.received(table, text, &filter, partition.is_some());
        let refuse = |refusal: Refusal| {
            self.log.answered(place, refusal.0, 0, false);
            self.refused(refusal)
        };
        if table == AUDIT {
            self.passed(place.0).await;
        }
        let faults = *self.faults.lock().unwrap();
        tokio::time::sleep(self.latency + faults.delay(number)).await;
        if !self.admits() {
            return refuse((403, "AuthenticationFailed"));
        }
        let fate = faults.fate(number);
        if fate == Fate::Busy {
            return refuse((503, "ServerBusy"));
        }
        let from = match partition {
            None => None,
            Some(_) if std::mem::take(&mut *self.refuses_continuation.lock().unwrap()) => {
                return refuse((400, "InvalidInput"));
            }
            Some(partition) => match Position::parse(partition, parameter("NextRowKey")) {
                None => return refuse((400, "InvalidInput")),
                from => from,
            },
        };
        let top = match parameter("$top").map(str::parse::<usize>) {
            None => self.page_rows,
            Some(Ok(top)) if (1..=1_000).contains(&top) => top.min(self.page_rows),
            Some(_) => return refuse((400, "InvalidInput")),
        };
        let select = parameter("$select").filter(|it| !it.is_empty() && *it != "*");
        let select: Option<Vec<_>> =
            select.map(|names| names.split(',').map(|it| it.trim().to_owned()).collect());
        let shape = self.shape(number, from.as_ref());
        let query = Query {
            table,
            filter: &filter,
            select: select.as_deref(),
            metadata: metadata(&head.headers),
            most: top,
            from,
            shape,
        };
        let first = query.first_partition();
        if let Some(throttle) = &self.throttle
            && !throttle.take(first, top as u64)
        {
            return refuse((503, "ServerBusy"));
        }
        let page = match &self.generated {
            Some((generated, days)) if table.eq_ignore_ascii_case(AUDIT) => {
                query.generated(generated, days)
            }
            _ => match self.tables.lock().unwrap().table(table) {
                Ok(entities) => query.stored(entities),
                Err(refusal) => return refuse(refusal),
            },
        };
        if let Some(throttle) = &self.throttle {
            throttle.correct(first, top as u64, &page.entities);
        }
        let entities = page.entities.iter().map(|(_, entities)| entities).sum();
        let is_cut = fate == Fate::Cut;
        self.log.answered(place, 200, entities, is_cut);
        let mut response = response(200);
        if let Some(next) = page.next {
            let (partition, row) = next.token();
            response = response.header("x-ms-continuation-NextPartitionKey", partition);
            if let Some(row) = row {
                response = response.header("x-ms-continuation-NextRowKey", row);
            }
        }
        let kind = match query.metadata {
            Metadata::None => "nometadata",
            Metadata::Minimal => "minimalmetadata",
            Metadata::Full => "fullmetadata",
        };
        let kind = format!("application/json;odata={kind};streaming=true;charset=utf-8");
        let response = response.header(header::CONTENT_TYPE, kind);
        response.body(body(page.body, is_cut)).unwrap()
    }

    async fn change(&self, number: u64, target: Target, head: &Parts, sent: &Bytes) -> Response {
        let faults = *self.faults.lock().unwrap();
        let fate = if faults.of_writes {
            faults.fate(number)
        } else {
            Fate::Answered
        };
        tokio::time::sleep(self.latency).await;
        if !self.admits() {
            return self.refused((403, "AuthenticationFailed"));
        }
        if fate == Fate::Busy {
            return self.refused((503, "ServerBusy"));
        }
        if let (Some(throttle), Target::Entity(_, keys)) = (&self.throttle, &target)
            && !throttle.take(&keys.partition, 1)
        {
            return self.refused((503, "ServerBusy"));
        }
        let (status, etag, content) = match self.changed(target, head, sent) {
            Ok(done) => done,
            Err(refusal) => return self.refused(refusal),
        };
        let mut response = response(status).header(header::CONTENT_TYPE, "application/json");
        if let Some(etag) = etag {
            response = response.header(header::ETAG, etag);
        }
        if head.method == Method::POST {
            let applied = if status == 204 {
                "return-no-content"
            } else {
                "return-content"
            };
            response = response.header("Preference-Applied", applied);
        }
        let content = content.map_or_else(Vec::new, |content| content.to_string().into_bytes());
        if fate == Fate::Cut {
            // An answer without a body has no middle, so a byte is promised that does not come.
            let status =
                StatusCode::from_u16(if content.is_empty() { 201 } else { status }).unwrap();
            let content = if content.is_empty() {
                b" ".to_vec()
            } else {
                content
            };
            return response.status(status).body(body(content, true)).unwrap();
        }
        response.body(Body::from(content)).unwrap()
    }

    /// Does what a request other than a query asks for: the status, the version, and the body of its answer.
    fn changed(
        &self,
        target: Target,
        head: &Parts,
        body: &[u8],
    ) -> Result<(u16, Option<String>, Option<Json>), Refusal> {
        let mut tables = self.tables.lock().unwrap();
        let members = || {
            let members = serde_json::from_slice::<Map<String, Json>>(body);
            members.map_err(|_| (400, "InvalidInput"))
        };
        let text = |name: &str| head.headers.get(name).and_then(|it| it.to_str().ok());
        match (target, &head.method) {
            (Target::Tables, &Method::POST) => {
                let members = members()?;
                let name = members.get("TableName").and_then(Json::as_str);
                let name = name.ok_or((400, "InvalidInput"))?;
                tables.create(name)?;
                let link = format!("Tables('{name}')");
                let table = json!({
                    "odata.metadata": "http://fake/fake/$metadata#Tables/@Element",
                    "odata.type": "fake.Tables",
                    "odata.id": format!("http://fake/fake/{link}"),
                    "odata.editLink": link,
                    "TableName": name,
                });
                Ok((201, None, Some(table)))
            }
            (Target::Table(name), &Method::DELETE) => {
                tables.remove(&name)?;
                Ok((204, None, None))
            }
            (Target::Query(table), &Method::POST) => {
                let members = members()?;
                let echo = text("prefer") != Some("return-no-content");
                let mut content = members.clone();
                let etag = tables.insert(&table, members)?;
                let metadata = format!("http://fake/fake/$metadata#{table}/@Element");
                content.insert("odata.metadata".to_owned(), metadata.into());
                content.insert("odata.etag".to_owned(), etag.as_str().into());
                let status = if echo { 201 } else { 204 };
                Ok((status, Some(etag), echo.then_some(Json::Object(content))))
            }
            (Target::Entity(table, keys), &Method::GET) => {
                let entity = tables.get(&table, &keys)?;
                let mut content = entity.members.clone();
                let metadata = format!("http://fake/fake/$metadata#{table}/@Element");
                content.insert("odata.metadata".to_owned(), metadata.into());
                content.insert("odata.etag".to_owned(), entity.etag.as_str().into());
                Ok((200, Some(entity.etag.clone()), Some(Json::Object(content))))
            }
            (Target::Entity(table, keys), &Method::PUT) => {
                let etag = tables.replace(&table, keys, text("if-match"), members()?)?;
                Ok((204, Some(etag), None))
            }
            (Target::Entity(table, keys), &Method::DELETE) => {
                tables.delete(&table, &keys, text("if-match"))?;
                Ok((204, None, None))
            }
            _ => Err((501, "NotImplemented")),
        }
    }

    /// Waits until the query with this number is not held.
    async fn passed(&self, query: usize) {
        // The sender is in `self`, so the wait ends only when the query may pass.
        let mut held_from = self.held_from.subscribe();
        let _ = held_from.wait_for(|from| query < *from).await;
    }

    fn admits(&self) -> bool {
        match &mut *self.admitted.lock().unwrap() {
            None => true,
            Some(0) => false,
            Some(further) => {
                *further -= 1;
                true
            }
        }
    }

    fn shape(&self, number: u64, from: Option<&Position>) -> Shape {
        let drawn = share(self.seed, number);
        if drawn >= self.irregular {
            Shape::Full
        // Of two empty pages in turn at the same place the tokens would be the same.
        } else if drawn < self.irregular / 2.0 && !from.is_some_and(|it| it.is_after_empty) {
            Shape::Empty
        } else {
            Shape::OnePartition
        }
    }

    fn refused(&self, refusal: Refusal) -> Response {
        let mut response = refused(refusal);
        if refusal.0 == 503
            && let Some(seconds) = self.retry_after
        {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What every answer of the service has.
fn response(status: u16) -> axum::http::response::Builder {
    Response::builder()
        .status(status)
        .header(
            header::SERVER,
            "Windows-Azure-Table/1.0 Microsoft-HTTPAPI/2.0",
        )
        .header("x-ms-version", "2019-02-02")
        .header("x-ms-request-id", "00000000-0000-4000-8000-000000000000")
}

fn refused((status, code): Refusal) -> Response {
    let message = json!({ "lang": "en-US", "value": format!("{code}\nRequestId:00000000") });
    let content = json!({ "odata.error": { "code": code, "message": message } });
    response(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(content.to_string()))
        .unwrap()
}

/// The whole, or its first half, after which the connection breaks.
fn body(mut whole: Vec<u8>, is_cut: bool) -> Body {
    if !is_cut {
        return Body::from(whole);
    }
    whole.truncate(whole.len() / 2);
    let begin = Ok(Bytes::from(whole));
    let end = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    Body::from_stream(futures::stream::iter([begin, end]))
}

fn metadata(headers: &HeaderMap) -> Metadata {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|it| it.to_str().ok()).unwrap_or("");
    if accept.contains("nometadata") {
        Metadata::None
    } else if accept.contains("fullmetadata") {
        Metadata::Full
    } else {
        Metadata::Minimal
    }
}
