//! Over a real connection, as the host calls: chunked or with a length, large, and many at once.

use std::net::SocketAddr;
use std::sync::Arc;

use functions_handler::{Answer, App, FunctionError, Invocation, logs};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tracing::instrument::WithSubscriber;

async fn start(app: App) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app.into_router()).await.unwrap() });
    address
}

/// One call on a connection of its own; the JSON of the answer.
async fn call(address: SocketAddr, function: &str, framing: &str, body: &[u8]) -> Value {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /{function} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{framing}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    serde_json::from_str(body).unwrap()
}

async fn length(invocation: Invocation) -> Result<Answer, FunctionError> {
    let text = invocation
        .data("context")
        .ok_or("no context")?
        .text()?
        .unwrap_or_default();
    Ok(Answer::new().return_value(text.len())?)
}

fn history(bytes: usize) -> Vec<u8> {
    json!({ "Data": { "context": json!("A".repeat(bytes)).to_string() }, "Metadata": {} })
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn a_large_body_is_read_with_a_length() {
    let address = start(App::new().function("length", length)).await;
    let body = history(24 << 20);
    let answer = call(
        address,
        "length",
        &format!("Content-Length: {}", body.len()),
        &body,
    )
    .await;
    assert_eq!(answer["ReturnValue"], 24 << 20);
}

#[tokio::test]
async fn a_large_body_is_read_in_chunks() {
    let address = start(App::new().function("length", length)).await;
    let mut chunked = Vec::new();
    for chunk in history(24 << 20).chunks(100_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let answer = call(address, "length", "Transfer-Encoding: chunked", &chunked).await;
    assert_eq!(answer["ReturnValue"], 24 << 20);
}

/// The server has a thread of its own, on which only a global subscriber would be found.
#[tokio::test]
async fn the_subscriber_of_whoever_serves_sees_the_events_of_the_functions() {
    let subscriber = logs::Builder::new()
        .filter("info")
        .build(std::io::sink)
        .unwrap();
    let speak = async |_: Invocation| {
        tracing::info!("hello");
        Ok::<_, FunctionError>(Answer::new())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = App::new()
        .function("speak", speak)
        .serve_on(listener, std::future::pending());
    tokio::spawn(served.with_subscriber(subscriber));
    let body = br#"{"Data":{}}"#;
    let framing = format!("Content-Length: {}", body.len());
    let answer = call(address, "speak", &framing, body).await;
    assert_eq!(answer["Logs"], json!(["INFO it::transport: hello"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_invocations_run_at_once() {
    // None gets past the barrier before all have arrived.
    let barrier = Arc::new(Barrier::new(200));
    let meet = move |invocation: Invocation| {
        let barrier = barrier.clone();
        async move {
            let n: u32 = invocation.data("n").ok_or("no n")?.json()?;
            barrier.wait().await;
            Ok::<_, FunctionError>(Answer::new().return_value(n)?)
        }
    };
    let address = start(App::new().function("meet", meet)).await;
    let calls = (0..200).map(|n| {
        tokio::spawn(async move {
            let body = json!({ "Data": { "n": n.to_string() } }).to_string();
            let answer = call(
                address,
                "meet",
                &format!("Content-Length: {}", body.len()),
                body.as_bytes(),
            )
            .await;
            assert_eq!(answer["ReturnValue"], n);
        })
    });
    for call in futures::future::join_all(calls).await {
        call.unwrap();
    }
}
