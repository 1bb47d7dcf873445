//! A real Redis server for one test, on a port of its own: the distribution's package `redis-server`.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use tempfile::TempDir;

/// It has characters that a URL must encode.
pub(crate) const PASSWORD: &str = "p@ss/w?rd";
const ENCODED_PASSWORD: &str = "p%40ss%2Fw%3Frd";

/// A Redis server with a password and nothing in it; it ends when this is dropped.
pub(crate) struct Redis {
    /// `None` while it is away.
    process: Option<Child>,
    port: u16,
    /// 0 without TLS.
    tls_port: u16,
    folder: TempDir,
    options: Vec<String>,
}

impl Redis {
    /// Starts Redis and waits until it answers. It forgets all when it ends.
    ///
    /// Panics when it cannot start, and says what to install. Skipping the test would hide that it did not run.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more options, as on the command line. They win over those that are given here.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        Self::start_anywhere(options, false)
    }

    /// The same, which also listens for TLS on a second port.
    pub(crate) fn start_with_tls(certificate: &Path, key: &Path) -> Self {
        let options = [
            "--tls-cert-file",
            certificate.to_str().unwrap(),
            "--tls-key-file",
            key.to_str().unwrap(),
            // Clients have a password, not a certificate.
            "--tls-auth-clients",
            "no",
        ];
        Self::start_anywhere(&options, true)
    }

    fn start_anywhere(options: &[&str], tls: bool) -> Self {
        let mut redis = Self {
            process: None,
            port: 0,
            tls_port: 0,
            folder: TempDir::new().unwrap(),
            options: options.iter().map(|it| (*it).to_owned()).collect(),
        };
        for _ in 0..5 {
            redis.port = free_port();
            if tls {
                redis.tls_port = free_port();
            }
            if redis.try_begin() {
                return redis;
            }
        }
        panic!("redis-server ended before it listened, five times");
    }

    /// Starts it again on its port, with what it has saved.
    pub(crate) fn begin(&mut self) {
        assert!(self.try_begin(), "redis-server does not start again");
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// It keeps its connections and does not answer any more, as a machine that is out of reach.
    pub(crate) fn suspend(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().unwrap();
        let done = Command::new("kill")
            .args([signal, &process.id().to_string()])
            .status();
        assert!(done.unwrap().success());
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Its address and password, as a URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://:{ENCODED_PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// A connection for the test itself.
    pub(crate) fn connection(&self) -> ::redis::Connection {
        let client = ::redis::Client::open(self.url()).unwrap();
        client.get_connection().unwrap()
    }

    /// What it answers to a command.
    pub(crate) fn command<T: ::redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = ::redis::Cmd::new();
        command.arg(words);
        command.query(&mut self.connection()).unwrap()
    }

    fn try_begin(&mut self) -> bool {
        let port = self.port.to_string();
        let mut process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1"])
            .args(["--tls-port", &self.tls_port.to_string()])
            .args(["--requirepass", PASSWORD])
            .args(["--save", "", "--appendonly", "no"])
            // Debian's default is the disk of the system.
            .arg("--dir")
            .arg(self.folder.path())
            .args(["--enable-debug-command", "yes"])
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start redis-server: {error}; install the package redis-server")
            });
        let output = BufReader::new(process.stdout.take().unwrap());
        let (ready, listens) = mpsc::channel();
        // The thread reads to the end, so that Redis never blocks on a full pipe.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if line.contains("Ready to accept connections") {
                    let _ = ready.send(());
                }
            }
        });
        // The sender is dropped at the end of the output, which is the end of the process.
        let runs = listens.recv().is_ok();
        if runs {
            self.process = Some(process);
        } else {
            let _ = process.wait();
        }
        runs
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
