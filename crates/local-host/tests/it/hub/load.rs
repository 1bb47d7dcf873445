//! Bursts, and many instances one after the other.

use std::io::Write as _;
use std::sync::Arc;

use durable_protocol::messages::{CreateInstanceRequest, OrchestrationStatus};
use local_host::hub::{Hub, HubOptions, Storage};
use local_host::log::LogLevel;
use tokio::net::TcpStream;

use super::http2;
use super::support::{
    Answer, Client, Handler, Log, complete, decide, hub_with, options, orchestrator,
};

fn done() -> Answer {
    decide(vec![complete(0, OrchestrationStatus::Completed, "1")])
}

#[tokio::test]
async fn the_instances_that_a_stop_loses_are_counted() {
    let functions = vec![orchestrator("quick"), orchestrator("waits")];
    let (hub, client) = hub_with(functions, &Log::default(), |function, _| match function {
        "quick" => done(),
        _ => decide(Vec::new()),
    })
    .await;
    assert_eq!(hub.unfinished_instances().await.unwrap(), 0);
    client.start("a", "waits", "null").await.unwrap();
    client.start("b", "quick", "null").await.unwrap();
    client.completion("b").await;
    assert_eq!(hub.unfinished_instances().await.unwrap(), 1);
    hub.stop().await;
}

/// The transport ends a connection when too many small frames wait to be read. Thousands of starts at once do
/// that, but only if the system hands them over in one piece. Messages in frames of one byte do it with some
/// hundred starts, which fit into the buffer of a socket: nothing is left to chance.
#[tokio::test]
async fn a_burst_of_starts_does_not_end_the_connection() {
    const STARTS: u32 = 300;
    let functions = vec![orchestrator("quick")];
    let (hub, client) = hub_with(functions, &Log::default(), |_, _| done()).await;
    let address = client.address.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address)
        .await
        .unwrap()
        .into_std()
        .unwrap();
    connection.set_nonblocking(false).unwrap();
    // The host runs on this thread, so it reads nothing while this writes.
    connection.write_all(http2::PREFACE).unwrap();
    connection.write_all(&http2::WIDE_WINDOWS).unwrap();
    for n in 0..STARTS {
        let start = CreateInstanceRequest {
            instance_id: format!("job-{n}"),
            name: "quick".into(),
            ..CreateInstanceRequest::default()
        };
        let call = http2::call("/TaskHubSidecarService/StartInstance", &start, 2 * n + 1);
        connection.write_all(&call).unwrap();
    }
    connection.set_nonblocking(true).unwrap();
    let mut connection = TcpStream::from_std(connection).unwrap();
    let mut answered = 0;
    while answered < STARTS {
        let frame = http2::read(&mut connection).await;
        assert_ne!(frame.kind, http2::GO_AWAY, "{}", frame.text());
        if frame.kind == http2::HEADERS && frame.ends_stream() {
            answered += 1;
        }
    }
    for n in 0..STARTS {
        client.completion(&format!("job-{n}")).await;
    }
    hub.stop().await;
}

#[tokio::test]
async fn the_oldest_finished_instances_beyond_the_limit_are_removed() {
    let log = Log::default();
    let options = HubOptions {
        storage: Storage::Memory {
            finished_instances: 2,
        },
        ..options()
    };
    let handler = Arc::new(Handler(|_: &str, _| done()));
    let hub = Hub::start(options, vec![orchestrator("quick")], handler, log.sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    // One after the other. `a` runs a second time and is then among the latest to end.
    for id in ["a", "b", "a", "c"] {
        client.start(id, "quick", "null").await.unwrap();
        client.completion(id).await;
    }
    log.wait_for(LogLevel::Warning, "2 orchestrations have finished")
        .await;
    assert!(client.get("b").await.is_none());
    assert!(client.get("a").await.is_some());
    assert!(client.get("c").await.is_some());
    hub.stop().await;
}
