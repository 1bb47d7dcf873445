//! A table server that follows a script, for what a real one does not do on demand.
//!
//! It speaks raw HTTP/1.1 because it must break connections in the middle of an answer.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::host::TIME_LIMIT;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Answers with a page of entities (JSON objects), and the continuation token if one is given.
    Page {
        entities: Vec<String>,
        next: Option<(&'static str, Option<&'static str>)>,
    },
    /// Answers with a status, headers and a body.
    Status(u16, Vec<(&'static str, &'static str)>, &'static str),
    /// Answers with a status, a page of one entity, and these bytes as whole lines among the headers.
    Raw(u16, &'static [u8]),
    /// Answers with a page that never ends.
    Endless,
    /// Resets the connection without an answer.
    Reset,
    /// Promises a page and resets the connection in the middle of it.
    BreakMidPage,
    /// Sends the beginning of a page without a length and closes the connection: the client cannot see that the body
    /// is incomplete.
    EndEarly,
    /// Never answers.
    Hang,
    /// Takes the other step when the gate is open.
    Held(Gate, Box<Step>),
    /// Waits, then takes the other step.
    Slow(Duration, Box<Step>),
}

/// Holds answers back until it is opened. It then stays open.
#[derive(Clone, Debug)]
pub(crate) struct Gate(watch::Sender<bool>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    async fn passed(&self) {
        // The sender is in `self`, so the wait ends only when the gate is open.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl Step {
    /// A page of entities with these ids.
    pub(crate) fn page(ids: &[&str]) -> Self {
        Self::Page {
            entities: entities(ids),
            next: None,
        }
    }

    /// A page with an entity of this day for each id, and a continuation token if there is to be a next page.
    pub(crate) fn day_page(day: &str, ids: &[&str], next: Option<&'static str>) -> Self {
        let entity = |id: &&str| {
            serde_json::json!({ "PartitionKey": day, "identificationNumber": id }).to_string()
        };
        Self::Page {
            entities: ids.iter().map(entity).collect(),
            next: next.map(|token| (token, None)),
        }
    }

    /// A page with a continuation token.
    pub(crate) fn page_then(
        ids: &[&str],
        partition_key: &'static str,
        row_key: Option<&'static str>,
    ) -> Self {
        Self::Page {
            entities: entities(ids),
            next: Some((partition_key, row_key)),
        }
    }
}

fn entities(ids: &[&str]) -> Vec<String> {
    let entity = |id: &&str| {
        serde_json::json!({ "odata.etag": "W/\"1\"", "identificationNumber": id }).to_string()
    };
    ids.iter().map(entity).collect()
}

/// A server on a free port; each request takes the next step, and all further requests take the last one.
pub(crate) struct FakeTable {
    port: u16,
    requests: watch::Sender<Vec<String>>,
    connections: Arc<Mutex<usize>>,
    server: JoinHandle<()>,
}

/// The step for a request, by the number of the request, counted from 0, and its head.
type Answers = Arc<dyn Fn(usize, &str) -> Step + Send + Sync>;

impl FakeTable {
    pub(crate) async fn start(steps: Vec<Step>) -> Self {
        Self::of(Arc::new(move |number, _| {
            steps[number.min(steps.len() - 1)].clone()
        }))
        .await
    }

    /// A server that answers each request by its head, for a client that makes several at once.
    pub(crate) async fn answering(step: impl Fn(&str) -> Step + Send + Sync + 'static) -> Self {
        Self::of(Arc::new(move |_, head| step(head))).await
    }

    async fn of(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = watch::Sender::new(Vec::new());
        let connections = Arc::new(Mutex::new(0));
        let (seen, opened) = (requests.clone(), Arc::clone(&connections));
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *opened.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&answers), seen.clone()));
            }
        });
        Self {
            port,
            requests,
            connections,
            server,
        }
    }

    pub(crate) fn connection_string(&self) -> String {
        format!(
            "AccountName=fake;AccountKey={};TableEndpoint=http://127.0.0.1:{}/fake",
            super::azurite::ACCOUNT_KEY,
            self.port
        )
    }

    /// Heads of the requests so far: request line and headers.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    /// Waits until it has got this many requests.
    pub(crate) async fn requested(&self, count: usize) {
        let mut requests = self.requests.subscribe();
        let enough = requests.wait_for(|requests| requests.len() >= count);
        let in_time = tokio::time::timeout(TIME_LIMIT, enough).await;
        in_time
            .unwrap_or_else(|_| panic!("not {count} requests: {:?}", self.requests()))
            .unwrap();
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for FakeTable {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(mut stream: TcpStream, answers: Answers, requests: watch::Sender<Vec<String>>) {
    while let Some(head) = read_head(&mut stream).await {
        // There is no scratch table. No step is for it.
        if head.contains("/fake/auditscratch") {
            let missing = "x-ms-error-code: TableNotFound\r\n";
            answer(&mut stream, 404, missing, "").await;
            continue;
        }
        let mut step = {
            let mut number = 0;
            requests.send_modify(|requests| {
                number = requests.len();
                requests.push(head.clone());
            });
            answers(number, &head)
        };
        let step = loop {
            step = match step {
                Step::Held(gate, then) => {
                    gate.passed().await;
                    *then
                }
                Step::Slow(time, then) => {
                    tokio::time::sleep(time).await;
                    *then
                }
                step => break step,
            };
        };
        match step {
            Step::Page { entities, next } => {
                let body = page(&entities);
                let mut headers = String::new();
                if let Some((partition_key, row_key)) = next {
                    headers += &format!("x-ms-continuation-NextPartitionKey: {partition_key}\r\n");
                    if let Some(row_key) = row_key {
                        headers += &format!("x-ms-continuation-NextRowKey: {row_key}\r\n");
                    }
                }
                answer(&mut stream, 200, &headers, &body).await;
            }
            Step::Status(status, headers, body) => {
                let headers: String = headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}\r\n"))
                    .collect();
                answer(&mut stream, status, &headers, body).await;
            }
            Step::Raw(status, headers) => {
                let body = page(&entities(&["1"]));
                let mut text = head_of(status).into_bytes();
                text.extend_from_slice(headers);
                text.extend_from_slice(
                    format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
                );
                text.extend_from_slice(body.as_bytes());
                let _ = stream.write_all(&text).await;
            }
            Step::Endless => {
                let begin = format!("{}Connection: close\r\n\r\n", head_of(200));
                let mut sent = stream.write_all(begin.as_bytes()).await;
                let blanks = [b' '; 64 * 1024];
                while sent.is_ok() {
                    sent = stream.write_all(&blanks).await;
                }
                return;
            }
            Step::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Step::BreakMidPage => {
                let body = page(&entities(&["1", "2", "3"]));
                let begin = format!(
                    "{}Content-Length: {}\r\n\r\n{}",
                    head_of(200),
                    body.len(),
                    &body[..body.len() / 2]
                );
                stream.write_all(begin.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                return;
            }
            Step::EndEarly => {
                let body = page(&entities(&["1", "2", "3"]));
                let begin = format!(
                    "{}Connection: close\r\n\r\n{}",
                    head_of(200),
                    &body[..body.len() / 2]
                );
                stream.write_all(begin.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                return;
            }
            Step::Hang => Notify::new().notified().await,
            Step::Held(..) | Step::Slow(..) => unreachable!("the loop above lets it pass"),
        }
    }
}

fn page(entities: &[String]) -> String {
    format!(
        r#"{{"odata.metadata":"http://fake/$metadata#audit","value":[{}]}}"#,
        entities.join(",")
    )
}

fn head_of(status: u16) -> String {
    // The SDK refuses an answer without the headers that every answer of the service has.
    format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\nServer: fake\r\nx-ms-version: 2022-11-02\r\nx-ms-request-id: 00000000-0000-4000-8000-000000000000\r\n"
    )
}

async fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let text = format!(
        "{}{headers}Content-Length: {}\r\n\r\n{body}",
        head_of(status),
        body.len()
    );
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}
