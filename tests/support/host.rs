//! local-host with a handler, started as a user starts it.

use std::{ffi::OsString, path::Path, pin::Pin, process::Stdio, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
};

use super::{build, http::Client};

/// The time limit of every wait. No test depends on it; it turns a wait without an end into a failure with a reason.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(120);

/// How local-host is started on the folder of an app. It can be started again.
#[derive(Clone)]
pub(crate) struct Launch {
    folder: Arc<TempDir>,
    arguments: Vec<OsString>,
    shell: Option<String>,
}

impl Launch {
    pub(crate) fn new(folder: TempDir) -> Self {
        Self {
            folder: Arc::new(folder),
            arguments: Vec::new(),
            shell: None,
        }
    }

    /// Where local-host keeps the state of its task hub.
    pub(crate) fn state(mut self, folder: &Path) -> Self {
        self.arguments.push("--state".into());
        self.arguments.push(folder.into());
        self
    }

    /// Lets local-host do what the front end of Azure does: append the client to `X-Forwarded-For`.
    pub(crate) fn front_end(mut self) -> Self {
        self.arguments.push("--front-end".into());
        self
    }

    /// Lets local-host answer for this host name.
    pub(crate) fn allow_host(mut self, name: &str) -> Self {
        self.arguments.push("--allow-host".into());
        self.arguments.push(name.into());
        self
    }

    /// Runs these commands of a shell first, whose process then becomes local-host.
    pub(crate) fn after(mut self, commands: &str) -> Self {
        self.shell = Some(commands.to_owned());
        self
    }

    /// The folder of the app.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts local-host on a free port, and waits until the handler is ready.
    pub(crate) async fn start(&self) -> Host {
        self.spawn(0).ready().await
    }

    /// Starts local-host on this port, or on a free one for 0.
    pub(crate) fn spawn(&self, port: u16) -> Starting {
        let mut command = match &self.shell {
            None => Command::new(build::local_host()),
            Some(commands) => {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", &format!("{commands}; exec \"$0\" \"$@\"")])
                    .arg(build::local_host());
                shell
            }
        };
        command
            .args(["--port", &port.to_string(), "--verbose", "--no-build"])
            .arg("--script-root")
            .arg(self.folder.path())
            .args(&self.arguments)
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
        Starting {
            folder: Arc::clone(&self.folder),
            process,
            output,
            output_ended: Box::pin(async {
                lines.await.unwrap();
                errors.await.unwrap();
            }),
        }
    }
}

/// A host that need not have a handler yet.
pub(crate) struct Starting {
    folder: Arc<TempDir>,
    process: Child,
    output: Output,
    output_ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Starting {
    /// Waits until the handler is ready.
    pub(crate) async fn ready(self) -> Host {
        match self.outcome().await {
            Ok(host) => host,
            Err((_, output)) => panic!("local-host has ended:\n{output}"),
        }
    }

    /// The same where local-host may end before: then its exit code and all its output.
    pub(crate) async fn outcome(mut self) -> Result<Host, (Option<i32>, String)> {
        let output = self.output.clone();
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
            () = &mut self.output_ended => {
                let status = self.process.wait().await.unwrap();
                return Err((status.code(), output.text()));
            }
        };
        Ok(Host {
            client: Client::new(format!("http://127.0.0.1:{port}")),
            process: self.process,
            port,
            _folder: self.folder,
            output,
        })
    }

    /// Waits until local-host has ended, and returns its exit code with all output.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let ended = async {
            self.output_ended.await;
            self.process.wait().await.unwrap()
        };
        let status = tokio::time::timeout(TIME_LIMIT, ended).await;
        let status = status.unwrap_or_else(|_| panic!("it runs:\n{}", self.output.text()));
        (status.code(), self.output.text())
    }

    /// Kills local-host alone.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}

/// A running host. It ends, and the handler with it, when this is dropped; a test that fails prints its output.
pub(crate) struct Host {
    process: Child,
    port: u16,
    _folder: Arc<TempDir>,
    output: Output,
    client: Client,
}

impl Host {
    /// The HTTP client of this host.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// All output up to now, the handler's included.
    pub(crate) fn log(&self) -> String {
        self.output.text()
    }

    /// Runs `purge-jobs` to its end, for the time of this number since the host was started.
    pub(crate) async fn purge_jobs(&self, run: usize) {
        let answer = self.client().post("/admin/functions/purge-jobs", "{}");
        assert_eq!(answer.await.status, 202);
        self.logged("Executed 'Functions.purge-jobs' (Succeeded", run)
            .await;
    }

    /// Waits until this many lines contain the text.
    pub(crate) async fn logged(&self, text: &str, count: usize) {
        self.output.until(text, count).await;
    }

    /// The same, and returns the last of these lines.
    pub(crate) async fn line(&self, text: &str, count: usize) -> String {
        self.output.until(text, count).await
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

    /// The port of its HTTP functions.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The process id of local-host.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Kills local-host alone.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Asks local-host to end, and waits until it has ended. Returns its exit code.
    #[cfg(unix)]
    pub(crate) async fn stop(&mut self, signal: &str) -> Option<i32> {
        send_signal(self.process_id(), signal);
        let ended = tokio::time::timeout(TIME_LIMIT, self.process.wait()).await;
        ended.expect("local-host ends").unwrap().code()
    }
}

/// Sends a signal, such as `TERM`, to a process that may have ended.
#[cfg(unix)]
pub(crate) fn send_signal(process: u32, signal: &str) {
    let kill = std::process::Command::new("kill")
        .args(["-s", signal, &process.to_string()])
        .stderr(Stdio::null())
        .status();
    kill.unwrap();
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
pub(crate) struct Output(watch::Sender<Vec<String>>);

impl Output {
    /// Reads the stream in a task, which completes at its end.
    pub(crate) fn collect(
        &self,
        stream: impl AsyncRead + Send + Unpin + 'static,
    ) -> JoinHandle<()> {
        let lines = self.0.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                lines.send_modify(|lines| lines.push(line));
            }
        })
    }

    /// Waits until this many lines contain the text, and returns the last of them.
    pub(crate) async fn until(&self, text: &str, count: usize) -> String {
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

    pub(crate) fn text(&self) -> String {
        self.0.borrow().join("\n")
    }
}
