//! A function that blocks its thread: it cannot be dropped, but the host must not notice. The client
//! is a thread of its own, so that nothing but the handler wakes the runtime.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::future::pending;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use functions_handler::App;
use tokio::net::TcpListener;

/// One call on a connection that stays open; the answer.
fn call(client: &mut TcpStream, function: &str) -> String {
    let body = r#"{"Data":{"req":{"Url":"http://h/","Method":"GET","Headers":{}}}}"#;
    let head = format!(
        "POST /{function} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all((head + body).as_bytes()).unwrap();
    let mut answer = Vec::new();
    // The answers end with the last member of the envelope.
    while !answer.ends_with(br#""ReturnValue":null}"#) {
        let mut buffer = [0; 1024];
        let read = client.read(&mut buffer).unwrap();
        assert_ne!(read, 0, "the connection was closed");
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_function_that_blocks_its_thread_is_answered_for_on_an_idle_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let app = App::new()
        .function_timeout(Duration::from_millis(30))
        .http("quick", async || "quick")
        .http("stuck", async move || {
            let _ = held.lock().unwrap().recv();
            "released"
        });
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    runtime.spawn(app.serve_on(listener, pending()));

    // The second call comes in on the worker that watches sockets and timers, and blocks it: the
    // other must have taken the watch over.
    assert!(call(&mut client, "quick").contains("quick"));
    let answer = call(&mut client, "stuck");
    assert!(answer.contains(r#""statusCode":504"#), "{answer}");
    assert!(call(&mut client, "quick").contains("quick"));
    drop(release);
}
