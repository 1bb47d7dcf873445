//! local-host with a handler, started as a user starts it.

use std::{process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
};

use super::{build, http::Client};

/// The time limit of every wait. No test depends on it; it turns a wait without an end into a failure with a reason.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(120);

/// A running host. It ends, and the handler with it, when this is dropped; a test that fails prints its output.
pub(crate) struct Host {
    _process: Child,
    _folder: TempDir,
    output: Output,
    client: Client,
}

impl Host {
    /// Starts local-host on this folder, on a free port, and waits until the handler is ready. `open_files`
    /// limits how many files it may have open.
    pub(crate) async fn start(folder: TempDir, open_files: Option<u32>) -> Self {
        let mut command = match open_files {
            None => Command::new(build::local_host()),
            Some(limit) => {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
                    .arg(build::local_host());
                shell
            }
        };
        command
            .args(["--port", "0", "--verbose", "--no-build", "--script-root"])
            .arg(folder.path())
            // A variable of the environment would win over local.settings.json.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in ["PATH", "SystemRoot", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let mut process = command.spawn().unwrap();
        let output = Output::default();
        let errors = output.collect(process.stderr.take().unwrap());
        let lines = output.collect(process.stdout.take().unwrap());
        let started = async {
            // The line of any HTTP function.
            let line = output.until("] http://localhost:", 1).await;
            output
                .until("Worker process started and initialized.", 1)
                .await;
            let rest = line.split("localhost:").nth(1).unwrap().to_owned();
            rest.split('/').next().unwrap().parse::<u16>().unwrap()
        };
        let port = tokio::select! {
            port = started => port,
            _ = async { (lines.await, errors.await) } => {
                panic!("local-host has ended:\n{}", output.text())
            }
        };
        Self {
            client: Client::new(format!("http://127.0.0.1:{port}")),
            _process: process,
            _folder: folder,
            output,
        }
    }

    /// The HTTP client of this host.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// All output up to now, the handler's included.
    pub(crate) fn log(&self) -> String {
        self.output.text()
    }

    /// Waits until this many lines contain the text.
    pub(crate) async fn logged(&self, text: &str, count: usize) {
        self.output.until(text, count).await;
    }

    /// The process ids of all handlers that the host has started, in order.
    pub(crate) fn handlers(&self) -> Vec<u32> {
        let log = self.log();
        let of_line = |line: &str| {
            let (_, rest) = line.split_once("Started the handler, process ")?;
            rest.split(',').next()?.parse().ok()
        };
        log.lines().filter_map(of_line).collect()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("The output of local-host:\n{}", self.log());
        }
    }
}

/// The lines of a process.
#[derive(Clone, Default)]
struct Output(watch::Sender<Vec<String>>);

impl Output {
    /// Reads the stream in a task. The returned future completes at its end.
    fn collect(&self, stream: impl AsyncRead + Send + Unpin + 'static) -> impl Future<Output = ()> {
        let lines = self.0.clone();
        let reader = tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                lines.send_modify(|lines| lines.push(line));
            }
        });
        async { reader.await.unwrap() }
    }

    /// Waits until this many lines contain the text, and returns the last of them.
    async fn until(&self, text: &str, count: usize) -> String {
        let nth = |lines: &[String]| {
            let mut found = lines.iter().filter(|line| line.contains(text));
            found.nth(count - 1).cloned()
        };
        let mut lines = self.0.subscribe();
        let seen = lines.wait_for(|lines| nth(lines).is_some());
        match tokio::time::timeout(TIME_LIMIT, seen).await {
            Ok(seen) => nth(&seen.unwrap()).unwrap(),
            Err(_) => panic!("not logged {count} times: {text}\n{}", self.text()),
        }
    }

    fn text(&self) -> String {
        self.0.borrow().join("\n")
    }
}
