//! The job of this app, from its submission to its end: through local-host and the handler, each a process of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::Instant,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    case::Case,
    process::{Run, peak_kb, user_seconds},
    server::Server,
};

/// The role of local-host, for the app in the current folder.
pub(crate) fn host() -> ExitCode {
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

/// The app, ready for jobs.
pub(crate) struct App {
    host: Child,
    handler: String,
    base: String,
    http: reqwest::Client,
    _folder: TempDir,
}

impl App {
    /// Starts it with the audit table of this server.
    pub(crate) fn start(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &server.connection);
        let mut host = server
            .client(&std::env::current_exe().unwrap())
            .arg("host")
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
        let (mut is_ready, mut port) = (false, String::new());
        while !is_ready || port.is_empty() {
            let line = lines.next().expect("local-host runs").unwrap();
            if let Some((_, rest)) = line.split_once("http://localhost:") {
                port = rest.split('/').next().unwrap().to_owned();
            }
            is_ready |= line.contains("Worker process started and initialized.");
        }
        // A full pipe would stop the host.
        std::thread::spawn(move || lines.count());
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            handler: handler_of(host.id()),
            host,
            base: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            _folder: folder,
        }
    }

    /// One job. Also the bytes of its history.
    pub(crate) async fn count(&self, case: &Case, rows: u64) -> (Run, usize) {
        let (from, to) = case.range();
        let before = user_seconds(&self.handler);
        let began = Instant::now();
        let target = format!("/api/submit/query?s={from}&e={to}&wait=100");
        let request = self.http.post(format!("{}{target}", self.base));
        let mut answer = json_of(request.send().await.unwrap()).await;
        let id = answer["id"].as_str().unwrap().to_owned();
        while answer["status"] != "Completed" {
            let status = answer["status"].as_str().unwrap_or("Pending");
            assert!(matches!(status, "Pending" | "Running"), "{answer}");
            let target = format!("{}/api/status/{id}?wait=100", self.base);
            answer = json_of(self.http.get(target).send().await.unwrap()).await;
        }
        let run = Run {
            values: answer["result"].as_u64().unwrap(),
            rows,
            wall: began.elapsed().as_secs_f64(),
            user: user_seconds(&self.handler) - before,
            peak_kb: peak_kb(&self.handler),
        };
        (run, self.history(&id).await)
    }

    /// The bytes of the history of a job with all inputs and outputs, as JSON of the management API.
    async fn history(&self, id: &str) -> usize {
        let target = format!(
            "{}/runtime/webhooks/durabletask/instances/{id}?showHistory=true&showHistoryOutput=true",
            self.base
        );
        let answer = json_of(self.http.get(target).send().await.unwrap()).await;
        let events = &answer["historyEvents"];
        assert!(events.is_array(), "{answer}");
        events.to_string().len()
    }
}

async fn json_of(answer: reqwest::Response) -> Value {
    let text = answer.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

impl Drop for App {
    fn drop(&mut self) {
        // SIGTERM, so that it ends its handler.
        let id = self.host.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.host.wait();
    }
}

/// The process of the handler, among those that the host has started.
fn handler_of(host: u32) -> String {
    let threads = fs::read_dir(format!("/proc/{host}/task")).unwrap();
    let children = threads.flatten().flat_map(|thread| {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        let ids = children.split_whitespace().map(str::to_owned);
        ids.collect::<Vec<_>>()
    });
    let program = Path::new(env!("CARGO_BIN_EXE_handler"));
    let mut handlers = children.filter(|id| {
        let program_of = fs::read_link(format!("/proc/{id}/exe"));
        program_of.is_ok_and(|it| it == program)
    });
    handlers.next().expect("the handler runs")
}

/// Writes the files of the app.
fn write(folder: &Path, storage: &str) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(repository).unwrap() {
        let entry = entry.unwrap();
        let file = entry.path().join("function.json");
        if file.exists() {
            let to = folder.join(entry.file_name());
            fs::create_dir(&to).unwrap();
            fs::copy(file, to.join("function.json")).unwrap();
        }
    }
    fs::copy(repository.join("host.json"), folder.join("host.json")).unwrap();
    let settings = json!({
        "IsEncrypted": false,
        "Values": {
            "FUNCTIONS_WORKER_RUNTIME": "custom",
            "AzureFunctionsJobHost__customHandler__description__defaultExecutablePath":
                env!("CARGO_BIN_EXE_handler"),
            // Of the timers; nothing is stored there.
            "AzureWebJobsStorage": "elsewhere",
            "AuditStorage": storage,
            // In production one turn in a thousand is verified, under local-host all.
            "DURABLE_FUNCTIONS_VERIFY_EVERY": "1000",
        },
    });
    fs::write(folder.join("local.settings.json"), settings.to_string()).unwrap();
}
