//! What a thousand clients that wait for jobs cost the handler, and how soon they have their answers: through local-host,
//! with the real functions of this app.
//!
//! One program in three roles, each a process of its own: the clients with the table, local-host, and the handler that it
//! starts. The table holds its answers back until all clients wait. Run with `cargo bench -p function-app --bench waiting`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    http::{HeaderName, header},
};
use futures::future::join_all;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::watch,
};

const CLIENTS: usize = 1_000;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("handler") => return handler(),
        Some("host") => return host(),
        // cargo's own arguments.
        _ => {}
    }
    println!(
        "| clients | jobs | handler, MB | for each client, KB | requests | answered after, median | 99 of 100 |"
    );
    println!(
        "| ------: | ---: | ----------: | ------------------: | -------: | ---------------------: | --------: |"
    );
    for jobs in [1, 10, CLIENTS] {
        Runtime::new().unwrap().block_on(measure(jobs));
    }
    ExitCode::SUCCESS
}

/// The handler of the app.
fn handler() -> ExitCode {
    function_app::logging::builder().init().unwrap();
    let settings = function_app::settings::Settings::from_env().unwrap();
    let app = function_app::app(settings).unwrap();
    Runtime::new().unwrap().block_on(app.serve()).exit()
}

/// The host of the app in the current folder.
fn host() -> ExitCode {
    let cli = local_host::Cli {
        port: Some(0),
        address: None,
        cors: None,
        cors_credentials: false,
        allow_host: Vec::new(),
        front_end: false,
        script_root: None,
        no_build: true,
        functions: Vec::new(),
        verbose: false,
        worker: false,
        state: None,
        ephemeral: true,
        no_sample_data: true,
    };
    Runtime::new().unwrap().block_on(local_host::run(cli))
}

/// An answer: its body, and when it was there.
struct Answer {
    body: Value,
    at: SystemTime,
}

async fn measure(jobs: usize) {
    let gate = watch::Sender::new(false);
    let storage = table(gate.subscribe()).await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &storage);
    let host = Host::start(folder.path());
    let port = host.port;

    let mut ids = Vec::new();
    for _ in 0..jobs {
        let answer = call(port, "POST", "/api/submit/query?s=2021-01-01&e=2021-01-01").await;
        ids.push(answer.body["id"].as_str().unwrap().to_owned());
    }
    // The first requests warm up what every handler needs.
    let warm_up = (0..20).map(|_| async { status(port, &ids[0], 0).await });
    join_all(warm_up).await;
    // The jobs have begun, as many as the host runs at once.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (before, requests_before) = (
        host.memory_of_handler(),
        counter(port, "statusRequests").await,
    );

    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let id = ids[n % jobs].clone();
            tokio::spawn(async move { status(port, &id, 200).await })
        })
        .collect();
    while counter(port, "waitsOpen").await < CLIENTS as u64 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let after = host.memory_of_handler();
    gate.send_replace(true);
    let mut delays = Vec::new();
    for client in clients {
        let answer = client.await.unwrap();
        assert_eq!(answer.body["status"], "Completed", "{}", answer.body);
        let ended = answer.body["lastUpdatedTime"].as_str().unwrap();
        let ended = SystemTime::from(OffsetDateTime::parse(ended, &Rfc3339).unwrap());
        delays.push(answer.at.duration_since(ended).unwrap_or_default());
    }
    delays.sort();
    let requests = counter(port, "statusRequests").await - requests_before;
    let cost = after.saturating_sub(before);
    println!(
        "| {CLIENTS} | {jobs} | {:.1} | {:.1} | {requests} | {:.1} ms | {:.1} ms |",
        cost as f64 / 1024.0,
        cost as f64 / CLIENTS as f64,
        delays[CLIENTS / 2].as_secs_f64() * 1e3,
        delays[CLIENTS * 99 / 100].as_secs_f64() * 1e3,
    );
}

/// A table whose answers come when the gate is open. Returns its connection string.
async fn table(gate: watch::Receiver<bool>) -> String {
    let page = || async move {
        let mut gate = gate;
        let _ = gate.wait_for(|is_open| *is_open).await;
        let page = r#"{"odata.metadata":"http://fake/$metadata#audit","value":[{"odata.etag":"W/\"1\"","identificationNumber":"1"}]}"#;
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::SERVER, "fake"),
            (HeaderName::from_static("x-ms-version"), "2022-11-02"),
            (
                HeaderName::from_static("x-ms-request-id"),
                "00000000-0000-4000-8000-000000000000",
            ),
        ];
        (headers, page)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = axum::serve(listener, Router::new().fallback(page));
    tokio::spawn(server.into_future());
    format!("AccountName=fake;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:{port}/fake")
}

/// A counter of the handler's process.
async fn counter(port: u16, name: &str) -> u64 {
    let health = call(port, "GET", "/api/health").await;
    let counter = health.body["counters"][name].as_u64();
    counter.unwrap_or_else(|| panic!("no {name}: {}", health.body))
}

async fn status(port: u16, id: &str, wait: u32) -> Answer {
    call(port, "GET", &format!("/api/status/{id}?wait={wait}")).await
}

/// One request on a connection of its own.
async fn call(port: u16, method: &str, target: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let at = SystemTime::now();
    let answer = String::from_utf8(answer).unwrap();
    // Between the braces is the body, whether or not it came in chunks: it is one chunk then.
    let json = answer.find('{').zip(answer.rfind('}'));
    let (from, to) = json.unwrap_or_else(|| panic!("{answer}"));
    Answer {
        body: serde_json::from_str(&answer[from..=to]).unwrap_or_else(|_| panic!("{answer}")),
        at,
    }
}

/// Writes the files of the app.
fn write(folder: &Path, storage: &str) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let write = |path: &str, content: Value| {
        fs::write(folder.join(path), content.to_string()).unwrap();
    };
    for entry in fs::read_dir(repository).unwrap() {
        let entry = entry.unwrap();
        let file = entry.path().join("function.json");
        if file.exists() {
            let to = folder.join(entry.file_name());
            fs::create_dir(&to).unwrap();
            fs::copy(file, to.join("function.json")).unwrap();
        }
    }
    let host_json = fs::read(repository.join("host.json")).unwrap();
    let mut host_json: Value = serde_json::from_slice(&host_json).unwrap();
    host_json["customHandler"]["description"] = json!({
        "defaultExecutablePath": std::env::current_exe().unwrap(),
        "arguments": ["handler"],
    });
    write("host.json", host_json);
    write(
        "local.settings.json",
        json!({
            "IsEncrypted": false,
            "Values": {
                "FUNCTIONS_WORKER_RUNTIME": "custom",
                // Of the timers; nothing is stored there.
                "AzureWebJobsStorage": "elsewhere",
                "AuditStorage": storage,
                "MaxWaitSeconds": "220",
                // In production one turn in a thousand is verified, under local-host all.
                "DURABLE_FUNCTIONS_VERIFY_EVERY": "1000",
            },
        }),
    );
}

struct Host {
    process: Child,
    port: u16,
}

impl Host {
    fn start(folder: &Path) -> Self {
        let process = Command::new(std::env::current_exe().unwrap())
            .arg("host")
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut host = Self { process, port: 0 };
        let mut lines = BufReader::new(host.process.stdout.take().unwrap()).lines();
        let mut is_ready = false;
        while !is_ready || host.port == 0 {
            let line = lines.next().expect("local-host runs").unwrap();
            if let Some((_, rest)) = line.split_once("http://localhost:") {
                host.port = rest.split('/').next().unwrap().parse().unwrap();
            }
            is_ready |= line.contains("Worker process started and initialized.");
        }
        // A full pipe would stop the host.
        std::thread::spawn(move || lines.count());
        host
    }

    /// The resident memory of the handler, in KB.
    fn memory_of_handler(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let children = threads.flatten().flat_map(|thread| {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let ids = children.split_whitespace().filter_map(|it| it.parse().ok());
            ids.collect::<Vec<u32>>()
        });
        let memory = |process: u32| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
        };
        children.filter_map(memory).sum()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SIGTERM, so that it ends its handler.
        let id = self.process.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.process.wait();
    }
}
