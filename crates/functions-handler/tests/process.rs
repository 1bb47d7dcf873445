//! The life of a whole handler process: what it takes from its environment, and how it ends. Runs
//! itself again as a child process, which a signal may end.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use functions_handler::{App, logs};

const CHILD: &str = "FUNCTIONS_HANDLER_PROCESS_TEST";

/// A handler as `main` would be, with functions that block their threads for ever.
fn handler() -> ! {
    logs::init().unwrap();
    let app = App::new()
        .stop_grace(Duration::from_millis(10))
        .http("stuck", async || block())
        .http("stuck-later", async || {
            // Woken by the worker that watches sockets, timers and signals, and polled by it.
            tokio::time::sleep(Duration::from_millis(1)).await;
            block()
        });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(app.serve()).unwrap_err();
    error.exit()
}

/// A test that fails leaves no handler behind.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

fn block() -> &'static str {
    tracing::info!("blocks");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_stopped_process_answers_for_a_function_that_blocks_its_thread_and_ends_with_200() {
    stops_while_blocked_by(
        "stuck",
        "a_stopped_process_answers_for_a_function_that_blocks_its_thread_and_ends_with_200",
    );
}

#[test]
fn a_stopped_process_answers_for_a_function_that_waits_first_and_blocks_its_thread_then() {
    stops_while_blocked_by(
        "stuck-later",
        "a_stopped_process_answers_for_a_function_that_waits_first_and_blocks_its_thread_then",
    );
}

/// The body of `test`, which is what the child process runs.
fn stops_while_blocked_by(function: &str, test: &str) {
    if std::env::var_os(CHILD).is_some() {
        handler();
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env("AzureFunctionsJobHost__functionTimeout", "00:00:20")
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut wait_for = |text: &str| {
        let found = lines.any(|line| line.unwrap().contains(text));
        assert!(found, "the handler ended without the line `{text}`");
    };
    // The port is bound by then.
    wait_for("functionTimeout is 20s: functions have 18s");

    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // A test that fails ends.
    client
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let body = r#"{"Data":{"req":{"Url":"http://h/","Method":"GET","Headers":{}}}}"#;
    write!(
        client,
        "POST /{function} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    wait_for("blocks");

    let kill = Command::new("kill")
        .args(["-TERM", &child.0.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(r#""statusCode":503"#), "{answer}");
    assert_eq!(child.0.wait().unwrap().code(), Some(200));
}
