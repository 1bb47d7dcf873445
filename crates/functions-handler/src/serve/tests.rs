//! Start and stop. Every step waits for an event, none for time.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

use super::*;
use crate::App;

#[tokio::test]
async fn a_missing_port_names_the_variable_and_what_to_do() {
    let error = bind(|_| None).await.unwrap_err();
    let text = error.to_string();
    for part in ["FUNCTIONS_CUSTOMHANDLER_PORT", "func start", "local-host"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(error.code(), 1);
}

#[tokio::test]
async fn a_malformed_port_is_shown_with_its_variable() {
    for bad in ["", "0", "x", "65536", "-1"] {
        let error = bind(|name| (name == OLD_PORT).then(|| bad.to_owned()))
            .await
            .unwrap_err();
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
    let port = free.local_addr().unwrap().port();
    drop(free);
    let listener = bind(|name| {
        Some(if name == PORT {
            port.to_string()
        } else {
            "1".to_owned()
        })
    })
    .await
    .unwrap();
    assert_eq!(
        listener.local_addr().unwrap(),
        (Ipv4Addr::LOCALHOST, port).into()
    );

    let error = bind(|_| Some(port.to_string())).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")),
        "{error}"
    );
    assert_eq!(error.code(), 1);
}

#[tokio::test]
async fn wrong_registrations_stop_the_start() {
    let app = App::new().http("f", async || "x").http("f", async || "y");
    assert!(
        matches!(app.serve().await, Err(ServeError::DuplicateFunction { name }) if name == "f")
    );
    for wrong in ["", "1f", "a b", "a/b", "Host", "é"] {
        let app = App::new().http(wrong, async || "x");
        assert!(
            matches!(app.serve().await, Err(ServeError::FunctionName { name }) if name == wrong)
        );
    }
}

/// An app whose function `f` tells that it runs and then waits to be released.
struct Busy {
    running: Arc<Notify>,
    release: Arc<Notify>,
    stop: oneshot::Sender<Signal>,
    server: tokio::task::JoinHandle<Result<(), ServeError>>,
    client: TcpStream,
}

async fn busy(grace: Duration) -> Busy {
    let (running, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (running.clone(), release.clone());
    let app = App::new().http("f", async move || {
        tell.notify_one();
        wait.notified().await;
        "finished"
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (stop, stopped) = oneshot::channel();
    let signal = async { stopped.await.unwrap() };
    let server = tokio::spawn(app.serve_until(listener, signal, grace));
    let body = r#"{"Data":{"req":{"Url":"http://h/","Method":"GET","Headers":{}}}}"#;
    let head = format!(
        "POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
    running.notified().await;
    Busy {
        running,
        release,
        stop,
        server,
        client,
    }
}

#[tokio::test]
async fn an_invocation_in_flight_finishes_before_the_server_stops() {
    let mut busy = busy(Duration::from_secs(3600)).await;
    busy.stop.send(Signal::Interrupt).unwrap();
    busy.release.notify_one();
    let mut answer = String::new();
    busy.client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("finished"), "{answer}");
    let error = busy.server.await.unwrap().unwrap_err();
    assert!(matches!(error, ServeError::Stopped(Signal::Interrupt)));
    assert_eq!(error.code(), 200);
    drop(busy.running);
}

#[tokio::test]
async fn an_invocation_that_never_ends_does_not_hold_up_the_stop() {
    let busy = busy(Duration::ZERO).await;
    busy.stop.send(Signal::Terminate).unwrap();
    let error = busy.server.await.unwrap().unwrap_err();
    assert!(matches!(error, ServeError::Stopped(Signal::Terminate)));
    drop(busy.release);
}
