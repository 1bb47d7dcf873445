//! Functions that block their threads. They cannot be dropped, but their invocations are answered in
//! time. The client is a thread of its own, so that nothing but the handler wakes the runtime.

use std::future::pending;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use functions_handler::{
    Answer, App, BoxFuture, Function, FunctionError, Interruption, Invocation, ServeError, Signal,
};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// Sends one call on a connection that stays open.
fn send(client: &mut TcpStream, function: &str) {
    let body = r#"{"Data":{"req":{"Url":"http://h/","Method":"GET","Headers":{}}}}"#;
    let head = format!(
        "POST /{function} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all((head + body).as_bytes()).unwrap();
}

/// The next answer on a connection.
fn receive(client: &mut TcpStream) -> String {
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

fn call(client: &mut TcpStream, function: &str) -> String {
    send(client, function);
    receive(client)
}

fn two_workers() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Functions that block their threads for as long as the sender lives. Each sends to the receiver just
/// before it blocks.
fn app() -> (App, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (begin, begun) = mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let block = move || {
        begin.send(()).unwrap();
        let _ = held.lock().unwrap().recv();
        "released"
    };
    let block_later = block.clone();
    let app = App::new()
        .function_timeout(Duration::from_millis(30))
        .http("quick", async || "quick")
        .http("stuck", async move || block())
        .http("stuck-later", async move || {
            // Woken by the worker that watches sockets and timers, and polled by it.
            tokio::time::sleep(Duration::from_millis(1)).await;
            block_later()
        });
    (app, begun, release)
}

fn listen(runtime: &Runtime) -> (TcpListener, SocketAddr) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    // A test that fails ends.
    client.set_read_timeout(Some(LONG)).unwrap();
    client
}

#[test]
fn a_function_that_blocks_its_thread_is_answered_for_on_an_idle_runtime() {
    let runtime = two_workers();
    let (app, _begun, release) = app();
    let (listener, address) = listen(&runtime);
    let mut client = connect(address);
    runtime.spawn(app.serve_on(listener, pending()));

    // On an idle runtime the second call blocks the worker that waits for sockets and timers.
    assert!(call(&mut client, "quick").contains("quick"));
    let answer = call(&mut client, "stuck");
    assert!(answer.contains(r#""statusCode":504"#), "{answer}");
    assert!(call(&mut client, "quick").contains("quick"));
    drop(release);
}

#[test]
fn a_function_that_waits_first_and_blocks_its_thread_then_is_answered_for() {
    let runtime = two_workers();
    let (app, _begun, release) = app();
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
    let runtime = two_workers();
    let (app, _begun, release) = app();
    let (listener, address) = listen(&runtime);
    let mut client = connect(address);
    runtime.spawn(axum::serve(listener, app.into_router()).into_future());

    let answer = call(&mut client, "stuck-later");
    assert!(answer.contains(r#""statusCode":504"#), "{answer}");
    assert!(call(&mut client, "quick").contains("quick"));
    drop(release);
}

/// A handler on `runtime`, whose `threads` are all blocked.
struct Blocked {
    address: SocketAddr,
    /// A connection for each of the functions that block.
    clients: Vec<TcpStream>,
    stop: oneshot::Sender<Signal>,
    server: JoinHandle<ServeError>,
    release: mpsc::Sender<()>,
}

fn blocked(threads: usize, runtime: Runtime, time: Option<Duration>) -> Blocked {
    let (app, begun, release) = app();
    let app = app.function_timeout(time).stop_grace(Duration::ZERO);
    let (listener, address) = listen(&runtime);
    let (stop, stopped) = oneshot::channel();
    let server = std::thread::spawn(move || {
        let signal = async { stopped.await.unwrap() };
        // In a task: a runtime with workers does not run functions on the thread that waits for them.
        runtime.block_on(async { tokio::spawn(app.serve_on(listener, signal)).await.unwrap() })
    });
    let clients = (0..threads).map(|_| {
        let mut client = connect(address);
        send(&mut client, "stuck");
        begun.recv().unwrap();
        client
    });
    Blocked {
        address,
        clients: clients.collect(),
        stop,
        server,
        release,
    }
}

fn readiness_and_deadlines_work(threads: usize, runtime: Runtime) {
    let mut handler = blocked(threads, runtime, Some(Duration::from_millis(30)));
    for client in &mut handler.clients {
        let answer = receive(client);
        assert!(answer.contains(r#""statusCode":504"#), "{answer}");
    }
    let mut client = connect(handler.address);
    write!(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut ready = [0; 15];
    client.read_exact(&mut ready).unwrap();
    assert_eq!(&ready, b"HTTP/1.1 200 OK");
    // No thread is free for it.
    let answer = call(&mut connect(handler.address), "quick");
    assert!(answer.contains(r#""statusCode":504"#), "{answer}");
    drop(handler.release);
    while !call(&mut connect(handler.address), "quick").contains("quick") {}
}

fn the_stop_works(threads: usize, runtime: Runtime) {
    let mut handler = blocked(threads, runtime, None);
    handler.stop.send(Signal::Terminate).unwrap();
    for client in &mut handler.clients {
        let answer = receive(client);
        assert!(answer.contains(r#""statusCode":503"#), "{answer}");
    }
    drop(handler.release);
    let ended = handler.server.join().unwrap();
    let signal = Signal::Terminate;
    assert!(matches!(ended, ServeError::Stopped(by) if by == signal));
}

/// A function that never ends, and blocks its thread when it is interrupted.
struct BlocksWhenInterrupted {
    begin: mpsc::Sender<()>,
    held: Mutex<mpsc::Receiver<()>>,
}

impl Function for BlocksWhenInterrupted {
    fn call(&self, _: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        Box::pin(pending())
    }

    fn interrupted(&self, _: &Invocation, why: Interruption) -> Result<Answer, FunctionError> {
        self.begin.send(()).unwrap();
        let _ = self.held.lock().unwrap().recv();
        Err(why.into())
    }
}

#[test]
fn an_answer_for_an_interrupted_function_that_blocks_holds_up_no_other_invocation() {
    let (begin, begun) = mpsc::channel();
    let (release, held) = mpsc::channel();
    let held = Mutex::new(held);
    let app = App::new()
        .function_timeout(Duration::from_millis(30))
        .http("quick", async || "quick")
        .function("blocks", BlocksWhenInterrupted { begin, held });
    let runtime = two_workers();
    let (listener, address) = listen(&runtime);
    runtime.spawn(app.serve_on(listener, pending()));
    let mut client = connect(address);
    send(&mut client, "blocks");
    begun.recv().unwrap();
    assert!(call(&mut connect(address), "quick").contains("quick"));
    drop(release);
    let mut status = [0; 12];
    client.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 504");
}

fn one_worker() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// What `#[tokio::main(flavor = "current_thread")]` starts.
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn readiness_and_deadlines_work_while_functions_block_both_workers() {
    readiness_and_deadlines_work(2, two_workers());
}

#[test]
fn readiness_and_deadlines_work_while_a_function_blocks_the_only_worker() {
    readiness_and_deadlines_work(1, one_worker());
}

#[test]
fn readiness_and_deadlines_work_while_a_function_blocks_the_only_thread() {
    readiness_and_deadlines_work(1, one_thread());
}

#[test]
fn the_stop_works_while_functions_block_both_workers() {
    the_stop_works(2, two_workers());
}

#[test]
fn the_stop_works_while_a_function_blocks_the_only_worker() {
    the_stop_works(1, one_worker());
}

#[test]
fn the_stop_works_while_a_function_blocks_the_only_thread() {
    the_stop_works(1, one_thread());
}
