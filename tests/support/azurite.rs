//! A real Azurite table service for one test, on a port of its own.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak, mpsc},
    thread,
};

use super::npm;

/// The emulator's account and key are public and the same everywhere.
pub(super) const ACCOUNT: &str = "devstoreaccount1";
pub(crate) const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running Azurite table service with nothing in it; it ends when this is dropped.
pub(crate) struct Azurite {
    process: Child,
    port: u16,
}

/// The one that running tests share.
static SHARED: Mutex<Weak<Azurite>> = Mutex::new(Weak::new());

impl Azurite {
    /// One that other tests of this process use, too, as long as any of them runs. For a test that needs no table of its own.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let azurite = Arc::new(Self::start());
            *shared = Arc::downgrade(&azurite);
            azurite
        })
    }

    /// Installs Azurite if it is not there yet, starts it and waits until it listens.
    ///
    /// Panics when it cannot start, and says what to install. Skipping the test would hide that it did not run.
    pub(crate) fn start() -> Self {
        let program = install("azurite-table");
        for _ in 0..5 {
            if let Some(running) = Self::start_once(&program) {
                return running;
            }
        }
        panic!(
            "Azurite ended before it listened, five times: is Node.js 20 or later installed (`node --version`)?"
        );
    }

    /// Ends it. What it has kept is lost.
    pub(crate) fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again on the same port, with nothing in it.
    pub(crate) fn restart(&mut self) {
        self.stop();
        // The port is that of a listener that has just ended, which Azurite may take over.
        self.process = Self::listen(&install("azurite-table"), self.port)
            .expect("Azurite does not start again");
    }

    fn start_once(program: &Path) -> Option<Self> {
        // Azurite takes port 0 but does not say which port it got; so a free one is chosen here. Should another
        // process be faster, Azurite ends, and the caller tries again.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Self::listen(program, port)?;
        Some(Self { process, port })
    }

    /// A process that listens on this port. `None` when it cannot.
    fn listen(program: &Path, port: u16) -> Option<Child> {
        let port = port.to_string();
        listening(
            program,
            &[
                "--inMemoryPersistence",
                "--tableHost",
                "127.0.0.1",
                "--tablePort",
                &port,
            ],
        )
    }

    /// The port of the table service.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The base URL of the table service.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    /// A connection string for it.
    pub(crate) fn connection_string(&self) -> String {
        self.connection_string_with_key(ACCOUNT_KEY)
    }

    /// A connection string for it with another key.
    pub(crate) fn connection_string_with_key(&self, key: &str) -> String {
        format!(
            "AccountName={ACCOUNT};AccountKey={key};TableEndpoint={}",
            self.endpoint()
        )
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A process of Azurite that listens. `None` when it cannot.
pub(super) fn listening(program: &Path, arguments: &[&str]) -> Option<Child> {
    let mut process = Command::new(program)
        .args(["--disableTelemetry", "--silent", "--skipApiVersionCheck"])
        .args(arguments)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "cannot start {}: {error}; install Node.js 20 or later",
                program.display()
            )
        });
    let output = BufReader::new(process.stdout.take().unwrap());
    let (ready, listens) = mpsc::channel();
    // The thread reads to the end, so that Azurite never blocks on a full pipe.
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if line.contains("successfully") {
                let _ = ready.send(());
            }
        }
    });
    // The sender is dropped at the end of the output, which is the end of the process.
    if listens.recv().is_ok() {
        return Some(process);
    }
    let _ = process.wait();
    None
}

/// The program of this name, installed if it is not there yet.
pub(super) fn install(program: &str) -> PathBuf {
    let extension = if cfg!(windows) { ".cmd" } else { "" };
    npm::install("tests/azurite")
        .join(".bin")
        .join(format!("{program}{extension}"))
}
