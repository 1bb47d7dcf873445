//! Bursts, and many instances one after the other.

use durable_protocol::messages::OrchestrationStatus;
use futures::future::join_all;
use local_host::hub::{Hub, HubOptions};
use local_host::log::LogLevel;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use tokio::runtime;

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
    assert_eq!(hub.unfinished_instances(), 0);
    client.start("a", "waits", "null").await.unwrap();
    client.start("b", "quick", "null").await.unwrap();
    client.completion("b").await;
    assert_eq!(hub.unfinished_instances(), 1);
    hub.stop().await;
}

/// All starts use the one connection that a handler keeps, and all are sent before the host reads the first.
#[tokio::test]
async fn a_burst_of_starts_does_not_end_the_connection() {
    const STARTS: usize = 8_000;
    let functions = vec![orchestrator("quick")];
    let (hub, client) = hub_with(functions, &Log::default(), |_, _| done()).await;
    let address = client.address.clone();
    let (connected, is_connected) = tokio::sync::oneshot::channel();
    let (sent, is_sent) = mpsc::channel();
    let made = Arc::new(AtomicUsize::new(0));
    let burst = std::thread::spawn(move || {
        let counted = Arc::clone(&made);
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            // The thread parks once everything is sent, because no answer comes yet.
            .on_thread_park(move || {
                if counted.load(Ordering::Relaxed) == STARTS {
                    let _ = sent.send(());
                }
            })
            .build()
            .unwrap();
        runtime.block_on(async move {
            let client = Client::to(address).await;
            // With this answer, the client knows the host's flow-control windows.
            client.start("first", "quick", "null").await.unwrap();
            connected.send(()).unwrap();
            let starts = (0..STARTS).map(|n| {
                let (client, made) = (&client, &made);
                async move {
                    let id = format!("job-{n}");
                    made.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(client.start(&id, "quick", "null").await.unwrap(), id);
                }
            });
            join_all(starts).await;
        });
    });
    is_connected.await.unwrap();
    // The host runs on this thread, so it reads nothing while this waits.
    is_sent.recv().unwrap();
    let joined = tokio::task::spawn_blocking(move || burst.join());
    joined.await.unwrap().unwrap();
    hub.stop().await;
}

#[tokio::test]
async fn the_oldest_finished_instances_beyond_the_limit_are_removed() {
    let log = Log::default();
    let options = HubOptions {
        finished_instances: 2,
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
