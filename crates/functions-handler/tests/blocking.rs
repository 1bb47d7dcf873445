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
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use functions_handler::App;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

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

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Functions that block their threads for as long as the sender lives.
fn app() -> (App, mpsc::Sender<()>) {
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let held_later = held.clone();
    let app = App::new()
        .function_timeout(Duration::from_millis(30))
        .http("quick", async || "quick")
        .http("stuck", async move || {
            let _ = held.lock().unwrap().recv();
            "released"
        })
        .http("stuck-later", async move || {
            // Woken by the worker that watches sockets and timers, and polled by it.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let _ = held_later.lock().unwrap().recv();
            "released"
        });
    (app, release)
}

fn listen(runtime: &Runtime) -> (TcpListener, SocketAddr) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    // A test that fails ends.
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

#[test]
fn a_function_that_blocks_its_thread_is_answered_for_on_an_idle_runtime() {
    let runtime = runtime();
    let (app, release) = app();
    let (listener, address) = listen(&runtime);
    let mut client = connect(address);
    runtime.spawn(app.serve_on(listener, pending()));

    // The second call comes in on the worker that watches sockets and timers, and blocks it: the
    // other must have taken the watch over.
    assert!(call(&mut client, "quick").contains("quick"));
    let answer = call(&mut client, "stuck");
    assert!(answer.contains(r#""statusCode":504"#), "{answer}");
    assert!(call(&mut client, "quick").contains("quick"));
    drop(release);
}

#[test]
fn a_function_that_waits_first_and_blocks_its_thread_then_is_answered_for() {
    let runtime = runtime();
    let (app, release) = app();
    let (listener, address) = listen(&runtime);
    let mut client = connect(address);
    runtime.spawn(app.serve_on(listener, pending()));

    let answer = call(&mut client, "stuck-later");
    assert!(answer.contains(r#""statusCode":504"#), "{answer}");
    // On a connection that is new, too.
    assert!(call(&mut connect(address), "quick").contains("quick"));
    drop(release);
}

#[test]
fn a_function_that_blocks_its_thread_is_answered_for_by_the_router_in_another_server() {
    let runtime = runtime();
    let (app, release) = app();
    let (listener, address) = listen(&runtime);
    let mut client = connect(address);
    runtime.spawn(axum::serve(listener, app.into_router()).into_future());

    let answer = call(&mut client, "stuck-later");
    assert!(answer.contains(r#""statusCode":504"#), "{answer}");
    assert!(call(&mut client, "quick").contains("quick"));
    drop(release);
}
