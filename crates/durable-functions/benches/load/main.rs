//! Orchestrations a second through local-host and the handler: clients start one over HTTP, poll its status until it
//! has ended, and start the next.
//!
//! One program in three roles, each a process of its own: the clients, local-host, and the handler that it starts.
//! Besides the rate it prints how much CPU time an orchestration costs, by process and thread. Run with
//! `cargo bench -p durable-functions --bench load`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cpu::Times;

mod app;
mod cpu;

const CLIENTS: usize = 20;

/// The pause before each poll.
const PAUSE: Duration = Duration::from_millis(5);

const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("handler") => return app::handler(),
        Some("host") => return app::host(arguments.next().as_deref() == Some("ephemeral")),
        // cargo's own arguments.
        _ => {}
    }
    for storage in ["ephemeral", "folder"] {
        measure(storage);
    }
    ExitCode::SUCCESS
}

fn measure(storage: &str) {
    let folder = tempfile::tempdir().unwrap();
    app::write(folder.path());
    let host = Host::start(folder.path(), storage);
    let (is_over, ended, polls) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::new(host.port);
                while !is_over.load(Ordering::Relaxed) {
                    let id = client.call("POST", "/api/start");
                    loop {
                        std::thread::sleep(PAUSE);
                        polls.fetch_add(1, Ordering::Relaxed);
                        match client.call("GET", &format!("/api/status?id={id}")).as_str() {
                            "Completed" => break,
                            "Failed" => panic!("{id} has failed"),
                            _ => {}
                        }
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(WARM_UP);
        let counts = || (ended.load(Ordering::Relaxed), polls.load(Ordering::Relaxed));
        let (before, cpu) = (counts(), Times::of(&host.processes()));
        let began = Instant::now();
        std::thread::sleep(MEASURED);
        let seconds = began.elapsed().as_secs_f64();
        let (after, used) = (counts(), Times::of(&host.processes()).since(&cpu));
        is_over.store(true, Ordering::Relaxed);
        let count = (after.0 - before.0) as f64;
        let polls = (after.1 - before.1) as f64;
        println!(
            "{storage}: {:.0} orchestrations a second, {:.1} polls each",
            count / seconds,
            polls / count
        );
        used.print(count);
    });
}

struct Host {
    process: Child,
    port: u16,
}

impl Host {
    fn start(folder: &Path, storage: &str) -> Self {
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["host", storage])
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

    /// local-host and the handler.
    fn processes(&self) -> Vec<(&'static str, u32)> {
        let host = self.process.id();
        let threads = fs::read_dir(format!("/proc/{host}/task"));
        let children = threads.into_iter().flatten().flatten().flat_map(|thread| {
            let children = fs::read_to_string(thread.path().join("children"));
            let children = children.unwrap_or_default();
            let ids = children.split_whitespace().filter_map(|it| it.parse().ok());
            ids.collect::<Vec<u32>>()
        });
        let handlers = children.map(|child| ("handler", child));
        std::iter::once(("local-host", host))
            .chain(handlers)
            .collect()
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

/// HTTP/1.1 on one connection.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The body of the answer.
    fn call(&mut self, method: &str, target: &str) -> String {
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let status = self.line();
        assert!(status.contains(" 200 "), "{method} {target}: {status}");
        let mut length = None;
        loop {
            let line = self.line().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok();
            }
        }
        let body = match length {
            Some(length) => self.bytes(length),
            None => self.chunks(),
        };
        String::from_utf8(body).unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        body
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line(), 16).unwrap();
            body.extend(self.bytes(length));
            self.line();
            if length == 0 {
                return body;
            }
        }
    }
}
