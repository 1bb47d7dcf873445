//! Start and stop. Every step waits for an event, none for a time.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

use super::*;
use crate::{Answer, App, BoxFuture, Function, FunctionError, Invocation};

#[test]
fn a_missing_port_names_the_variable_and_what_to_do() {
    let error = port(|_| None).unwrap_err();
    let text = error.to_string();
    for part in [
        "FUNCTIONS_CUSTOMHANDLER_PORT",
        "func start",
        "local-host",
        "functions [--write]",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(error.code(), 1);
}

#[test]
fn a_malformed_port_is_shown_with_its_variable() {
    for bad in ["", "0", "x", "65536", "-1"] {
        let error = port(|name| (name == OLD_PORT).then(|| bad.to_owned())).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("FUNCTIONS_HTTPWORKER_PORT") && text.contains(&format!("`{bad}`")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_port_is_bound_on_loopback_and_the_newer_variable_wins() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let free_port = free.local_addr().unwrap().port();
    drop(free);
    let given = port(|name| {
        Some(if name == PORT {
            free_port.to_string()
        } else {
            "1".to_owned()
        })
    })
    .unwrap();
    let server = Server::start().unwrap();
    let listener = server.bind(given).await.unwrap();
    assert_eq!(
        listener.local_addr().unwrap(),
        (Ipv4Addr::LOCALHOST, free_port).into()
    );

    let error = server.bind(free_port).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot listen on 127.0.0.1:{free_port}: ")),
        "{error}"
    );
    assert_eq!(error.code(), 1);
}

#[tokio::test]
async fn wrong_registrations_stop_the_start() {
    let app = App::new().http("f", async || "x").http("f", async || "y");
    assert!(matches!(app.serve().await, ServeError::DuplicateFunction { name } if name == "f"));
    for wrong in ["", "1f", "a b", "a/b", "Host", "é"] {
        let app = App::new().http(wrong, async || "x");
        assert!(matches!(app.serve().await, ServeError::FunctionName { name } if name == wrong));
    }
}

/// A function with another trigger, which is never called in these tests.
struct Trigger;

impl Function for Trigger {
    fn call(&self, _: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        Box::pin(async { Ok(Answer::new()) })
    }
}

/// An app whose function `f` notifies that it runs and then waits to be released. `g` answers at once.
struct Busy {
    address: SocketAddr,
    release: Arc<Notify>,
    stop: oneshot::Sender<Signal>,
    /// Notified when `f` has seen its token fire.
    stopping: Arc<Notify>,
    server: tokio::task::JoinHandle<ServeError>,
    client: TcpStream,
}

async fn busy(grace: Duration) -> Busy {
    let (running, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (running.clone(), release.clone());
    let stopping = Arc::new(Notify::new());
    let seen = stopping.clone();
    let app = App::new()
        .stop_grace(grace)
        .http("f", async move |invocation: Invocation| {
            tell.notify_one();
            invocation.cancellation().cancelled().await;
            seen.notify_one();
            wait.notified().await;
            "finished"
        })
        .http("g", async || "hello")
        .function("t", Trigger);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let signal = async { stopped.await.unwrap() };
    let server = tokio::spawn(app.serve_on(listener, signal));
    let client = call(address, "f").await;
    running.notified().await;
    Busy {
        address,
        release,
        stop,
        stopping,
        server,
        client,
    }
}

/// Sends an HTTP invocation on a connection of its own.
async fn call(address: SocketAddr, function: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let body = r#"{"Data":{"req":{"Url":"http://h/","Method":"GET","Headers":{}}}}"#;
    let head = format!(
        "POST /{function} HTTP/1.1\r\nHost: h\r\nX-Azure-Functions-InvocationId: 47\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
    client
}

/// Everything that comes back until the connection is closed.
async fn answer(mut client: TcpStream) -> String {
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The client's 503, inside the answer to the host.
fn turned_away(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 OK")
        && answer.contains(r#""statusCode":503"#)
        && answer
            .contains(r#"{\"error\":\"The function app is restarting. Try again.\",\"id\":\"47\"}"#)
}

const FOR_EVER: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn an_invocation_in_flight_sees_its_token_and_finishes_before_the_server_stops() {
    let busy = busy(FOR_EVER).await;
    busy.stop.send(Signal::Interrupt).unwrap();
    busy.stopping.notified().await;
    busy.release.notify_one();
    let answer = answer(busy.client).await;
    assert!(answer.contains("finished"), "{answer}");
    let error = busy.server.await.unwrap();
    assert!(matches!(error, ServeError::Stopped(Signal::Interrupt)));
    assert_eq!(error.code(), 200);
}

#[tokio::test]
async fn what_comes_in_while_the_server_stops_is_turned_away_and_not_refused() {
    let busy = busy(FOR_EVER).await;
    busy.stop.send(Signal::Terminate).unwrap();
    busy.stopping.notified().await;
    let late = answer(call(busy.address, "g").await).await;
    assert!(turned_away(&late), "{late}");
    busy.release.notify_one();
    let first = answer(busy.client).await;
    assert!(first.contains("finished"), "{first}");
    let error = busy.server.await.unwrap();
    assert!(matches!(error, ServeError::Stopped(Signal::Terminate)));
}

#[tokio::test]
async fn other_triggers_are_turned_away_at_the_end_of_the_stop_so_that_a_host_keeps_its_queue() {
    let busy = busy(FOR_EVER).await;
    busy.stop.send(Signal::Terminate).unwrap();
    busy.stopping.notified().await;
    let late = call(busy.address, "t").await;
    // Two answers to later requests: the server has had the time to answer this one.
    for _ in 0..2 {
        assert!(turned_away(&answer(call(busy.address, "g").await).await));
    }
    let early = late.try_read(&mut [0]).unwrap_err();
    assert_eq!(early.kind(), io::ErrorKind::WouldBlock);
    busy.release.notify_one();
    let late = answer(late).await;
    assert!(late.starts_with("HTTP/1.1 503 "), "{late}");
    assert!(answer(busy.client).await.contains("finished"));
    assert!(matches!(busy.server.await.unwrap(), ServeError::Stopped(_)));
}

#[tokio::test]
async fn every_answer_after_the_signal_says_that_the_handler_is_stopping() {
    const HEADER: &str = "\r\nx-handler-stopping: ";
    let busy = busy(FOR_EVER).await;
    let before = answer(call(busy.address, "g").await).await;
    assert!(!before.contains(HEADER), "{before}");
    busy.stop.send(Signal::Terminate).unwrap();
    busy.stopping.notified().await;
    let turned_away = answer(call(busy.address, "g").await).await;
    busy.release.notify_one();
    let finished = answer(busy.client).await;
    for answer in [turned_away, finished] {
        assert!(answer.contains(HEADER), "{answer}");
    }
    assert!(matches!(busy.server.await.unwrap(), ServeError::Stopped(_)));
}

#[tokio::test]
async fn an_invocation_that_never_ends_is_answered_and_does_not_hold_up_the_stop() {
    let busy = busy(Duration::ZERO).await;
    busy.stop.send(Signal::Terminate).unwrap();
    let first = answer(busy.client).await;
    assert!(turned_away(&first), "{first}");
    let error = busy.server.await.unwrap();
    assert!(matches!(error, ServeError::Stopped(Signal::Terminate)));
    drop(busy.release);
}

#[tokio::test]
async fn a_server_whose_future_is_dropped_ends_and_the_tokens_of_its_invocations_fire() {
    let (send, mut tokens) = tokio::sync::mpsc::unbounded_channel();
    let app = App::new().http("f", async move |invocation: Invocation| {
        send.send(invocation.cancellation().clone()).unwrap();
        std::future::pending::<&str>().await
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(app.serve_on(listener, std::future::pending()));
    let client = call(address, "f").await;
    let token = tokens.recv().await.unwrap();
    assert!(!token.is_cancelled());
    server.abort();
    token.cancelled().await;
    assert_eq!(answer(client).await, "");
}
