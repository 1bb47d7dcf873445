//! Shared by the HTTP tests: the recorded app in a folder, a fake handler, and a client that sends exactly
//! the bytes of a recorded request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local_host::functions::{self, Functions};
use local_host::handler::{Handler, HandlerOptions, Supervisor};
use local_host::host_json::{HostJson, QueueOptions};
use local_host::http::{App, Cors, Hosts, Management, UploadLimits, serve};
use local_host::hub::ManagementReply;
use local_host::log::Logger;
use local_host::queues::{QueueOutputs, Queues, Running};
use local_host::settings::Environment;
use local_host::timers::Timers;
use serde_json::Value;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

pub fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/http")
        .join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The recorded app: a folder with host.json and every function.
pub fn recorded_app() -> (TempDir, Value) {
    let root = tempfile::tempdir().unwrap();
    let recorded = fixture("functions.json");
    std::fs::write(
        root.path().join("host.json"),
        r#"{"version":"2.0","functionTimeout":"00:05:00","customHandler":{"description":{"defaultExecutablePath":"handler"}}}"#,
    )
    .unwrap();
    for (name, json) in recorded["functions"].as_object().unwrap() {
        let folder = root.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let text = json["text"]
            .as_str()
            .map_or_else(|| json.to_string(), str::to_owned);
        let mark = if name == "bom" { "\u{feff}" } else { "" };
        std::fs::write(folder.join("function.json"), format!("{mark}{text}")).unwrap();
    }
    (root, recorded)
}

pub fn load(root: &Path, recorded: &Value) -> Functions {
    let environment: Environment = recorded["environment"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let host = HostJson::read(root, &environment).unwrap();
    functions::load(root, &host, &environment).unwrap()
}

/// A handler that answers with prepared bytes and keeps what it received.
#[derive(Clone)]
pub struct FakeHandler {
    pub port: u16,
    answers: Arc<Mutex<VecDeque<Vec<u8>>>>,
    received: Arc<Mutex<Vec<Received>>>,
    arrived: Arc<Notify>,
    hold: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
pub struct Received {
    pub head: String,
    pub body: String,
}

impl Received {
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl FakeHandler {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            port: listener.local_addr().unwrap().port(),
            answers: Arc::default(),
            received: Arc::default(),
            arrived: Arc::default(),
            hold: Arc::default(),
        };
        let serving = fake.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        fake
    }

    pub fn answer_with(&self, bytes: impl Into<Vec<u8>>) {
        self.answers.lock().unwrap().push_back(bytes.into());
    }

    pub fn answer_json(&self, json: &str) {
        self.answer_with(http_answer(
            200,
            &[("Content-Type", "application/json")],
            json.as_bytes(),
        ));
    }

    /// Keeps connections open after an answer.
    pub fn hold_connections(&self) {
        self.hold.store(true, Ordering::Relaxed);
    }

    /// Waits for a request.
    pub async fn next_received(&self) -> Received {
        self.arrived.notified().await;
        self.received.lock().unwrap().remove(0)
    }

    /// The requests received since the last call.
    pub fn take_received(&self) -> Vec<Received> {
        self.answers.lock().unwrap().clear();
        std::mem::take(&mut self.received.lock().unwrap())
    }

    /// One request per connection, so that a prepared answer may end by closing it.
    async fn serve(self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let (head, length) = loop {
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
            if let Some(end) = find(&bytes, b"\r\n\r\n") {
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
                bytes.drain(..end + 4);
                let length = header(&head, "content-length").map_or(0, |l| l.parse().unwrap());
                break (head, length);
            }
        };
        while bytes.len() < length {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        self.received.lock().unwrap().push(Received {
            head,
            body: String::from_utf8(bytes).unwrap(),
        });
        self.arrived.notify_one();
        let answer = self.answers.lock().unwrap().pop_front();
        let _ = stream.write_all(&answer.unwrap_or_default()).await;
        if self.hold.load(Ordering::Relaxed) {
            let _ = stream.read(&mut [0]).await;
        }
        let _ = stream.shutdown().await;
    }
}

pub fn http_answer(status: u64, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        out += &format!("{name}: {value}\r\n");
    }
    out += &format!(
        "Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [out.into_bytes(), body.to_vec()].concat()
}

fn reason(status: u64) -> String {
    let status = http::StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
    status.canonical_reason().unwrap_or("-").to_owned()
}

/// The options that differ between tests.
pub struct Options {
    pub upload: UploadLimits,
    pub function_timeout: Option<Duration>,
    pub cors: Option<Cors>,
    pub front_end: bool,
    /// Without one, the test's own shows the request.
    pub management: Option<Management>,
    /// The function.json of a function `timer`.
    pub timer: Option<&'static str>,
    /// More functions: name and function.json.
    pub functions: &'static [(&'static str, &'static str)],
    /// The value of the setting `Q`, by which queue triggers find their queues, and how these are read.
    pub queues: Option<(String, QueueOptions)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            upload: UploadLimits::of_kestrel(100 * 1024 * 1024),
            function_timeout: None,
            cors: None,
            front_end: false,
            management: None,
            timer: None,
            functions: &[],
            queues: None,
        }
    }
}

/// A running local-host in front of a fake handler.
pub struct Host {
    pub address: SocketAddr,
    pub handler: FakeHandler,
    pub log: Logger,
    _timers: JoinSet<()>,
    _queues: Option<Running>,
    _root: TempDir,
}

impl Host {
    pub async fn start() -> Self {
        Self::start_with(100 * 1024 * 1024, None).await
    }

    pub async fn start_with(body_limit: u64, function_timeout: Option<Duration>) -> Self {
        Self::start_options(Options {
            upload: UploadLimits::of_kestrel(body_limit),
            function_timeout,
            ..Options::default()
        })
        .await
    }

    pub async fn start_options(options: Options) -> Self {
        let function_timeout = options.function_timeout;
        let (root, recorded) = recorded_app();
        let timer = options.timer.map(|json| ("timer", json));
        for (name, json) in timer.iter().chain(options.functions) {
            let folder = root.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("function.json"), json).unwrap();
        }
        let functions = load(root.path(), &recorded);
        let handler = FakeHandler::start().await;
        let log = Logger::memory();
        let limits = HandlerOptions {
            function_timeout,
            grace: Duration::ZERO,
        };
        let outputs = options.queues.as_ref().map(|(connection, queues)| {
            let environment = [("Q", connection)].into_iter().collect();
            QueueOutputs::of(&functions, &environment, *queues, &log)
        });
        let queues = options.queues.map(|(connection, queues)| {
            let environment = [("Q", connection)].into_iter().collect();
            // The shortest, so that renewals are seen.
            Queues::of(&functions, &environment, queues, &log).lease(Duration::from_secs(1))
        });
        let app = App {
            timers: Timers::of(&functions, &Environment::default(), &log),
            functions,
            handler: Handler::new(Supervisor::attach(handler.port), limits, log.clone())
                .with_outputs(outputs.unwrap_or_default()),
            client_binding: Arc::new(|_, _| r#"{"taskHubName":"MyHub"}"#.to_owned()),
            management: options.management.unwrap_or_else(|| {
                Arc::new(|request| {
                    let body = format!("{request:?}");
                    let reply = ManagementReply {
                        status: 202,
                        headers: Vec::new(),
                        body,
                    };
                    Box::pin(async move { reply })
                })
            }),
            custom_headers: vec![("X-Custom-Default".to_owned(), "1".to_owned())],
            upload: options.upload,
            // Some recorded requests have this host name.
            hosts: Hosts::listening_on(
                std::net::Ipv4Addr::LOCALHOST.into(),
                &["api.example.com".to_owned(), "example.test".to_owned()],
            ),
            cors: options.cors,
            front_end: options.front_end,
            home_page: true,
            started: Instant::now(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Arc::new(app);
        // The recorded app has timers of its own.
        let timers = if options.timer.is_some() {
            app.timers.run(&app)
        } else {
            JoinSet::new()
        };
        let queues = queues.map(|queues| queues.run(&app));
        tokio::spawn(serve(listener, app, std::future::pending()));
        Self {
            _timers: timers,
            _queues: queues,
            address,
            handler,
            log,
            _root: root,
        }
    }

    /// Sends a recorded client request byte for byte.
    pub async fn send(&self, client: &Value) -> Reply {
        let mut head = format!(
            "{} {} HTTP/1.1\r\n",
            client["method"].as_str().unwrap(),
            client["target"].as_str().unwrap()
        );
        for pair in client["headers"].as_array().unwrap() {
            let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
            head += &format!("{name}: {}\r\n", full_value(value));
        }
        let mut bytes = format!("{head}\r\n").into_bytes();
        let body = body_bytes(client);
        if client["chunked"] == true {
            bytes.extend(format!("{:x}\r\n", body.len()).bytes());
            bytes.extend(&body);
            bytes.extend(b"\r\n0\r\n\r\n");
        } else {
            bytes.extend(&body);
        }
        self.send_bytes(&bytes).await
    }

    pub async fn get(&self, target: &str) -> Reply {
        self.send_bytes(format!("GET {target} HTTP/1.1\r\nHost: localhost:7071\r\n\r\n").as_bytes())
            .await
    }

    pub async fn send_bytes(&self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let is_head = bytes.starts_with(b"HEAD ");
        stream.write_all(bytes).await.unwrap();
        Reply::read(&mut stream, is_head).await
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u64,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub async fn read(stream: &mut TcpStream, is_head: bool) -> Self {
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = find(&bytes, b"\r\n\r\n") {
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
                bytes.drain(..end + 4);
                let status: u64 = head.split(' ').nth(1).unwrap().parse().unwrap();
                if status == 100 {
                    continue;
                }
                let bodiless = is_head || status == 204 || status == 304;
                let body = if bodiless {
                    Vec::new()
                } else {
                    read_body(stream, &head, bytes).await
                };
                return Self { status, head, body };
            }
            assert_ne!(
                stream.read_buf(&mut bytes).await.unwrap(),
                0,
                "the host closed the connection"
            );
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Names in lower case with values, sorted, without `Date`.
    pub fn headers(&self) -> Vec<(String, String)> {
        let lines = self.head.lines().skip(1);
        let mut headers: Vec<_> = lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_lowercase(), value.trim().to_owned())
            })
            .filter(|(name, _)| name != "date")
            .collect();
        headers.sort();
        headers
    }
}

async fn read_body(stream: &mut TcpStream, head: &str, mut bytes: Vec<u8>) -> Vec<u8> {
    if header(head, "transfer-encoding") == Some("chunked") {
        let mut body = Vec::new();
        loop {
            while find(&bytes, b"\r\n").is_none() {
                assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
            }
            let end = find(&bytes, b"\r\n").unwrap();
            let size =
                usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
            while bytes.len() < end + 2 + size + 2 {
                assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
            }
            body.extend(&bytes[end + 2..end + 2 + size]);
            bytes.drain(..end + 2 + size + 2);
            if size == 0 {
                return body;
            }
        }
    }
    let length: usize = header(head, "content-length").unwrap().parse().unwrap();
    while bytes.len() < length {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
    }
    bytes
}

/// A header value; the recording shortens a long one to `xxx…(length)`.
fn full_value(value: &str) -> String {
    match value.split_once("…(") {
        Some((start, length)) => {
            let length: usize = length.trim_end_matches(')').parse().unwrap();
            start[..1].repeat(length)
        }
        None => value.to_owned(),
    }
}

/// The body of a recorded message.
pub fn body_bytes(message: &Value) -> Vec<u8> {
    match (&message["body"], &message["bodyBase64"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, Value::String(text)) => STANDARD.decode(text).unwrap(),
        _ => Vec::new(),
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}
