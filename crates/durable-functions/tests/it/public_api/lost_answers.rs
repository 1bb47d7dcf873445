//! A call whose answer is lost: the client reports only what it knows.

use durable_functions::{ClientError, DurableClient, Event, Orchestrator};
use durable_protocol::messages::OrchestrationState;
use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::task_hub::TaskHub;

const ORDER: Orchestrator<u32, u32> = Orchestrator::new("order");

/// What happens on the first connection. It is cut in each case.
#[derive(Clone, Copy)]
enum First {
    /// The start arrives, its answer does not.
    AnswerLost,
    /// The start does not arrive.
    StartLost,
}

/// A client whose connections go through a proxy that cuts the first one, and, if `all`, the later
/// ones as well.
async fn client_behind(hub: &TaskHub, first: First, all: bool) -> DurableClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let binding = hub.binding().replace(
        hub.address(),
        &format!("http://{}", listener.local_addr().unwrap()),
    );
    let hub = hub.clone();
    let to = hub.address().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        match first {
            First::AnswerLost => {
                let mut server = TcpStream::connect(&to).await.unwrap();
                let arrived = async {
                    while hub.started().is_empty() {
                        tokio::task::yield_now().await;
                    }
                };
                let (mut from_client, _to_client) = client.split();
                let (_from_server, mut to_server) = server.split();
                tokio::select! {
                    _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
                    () = arrived => {}
                }
            }
            First::StartLost => {
                // The preface and the start; nothing of it is passed on.
                let _ = client.read_u8().await;
            }
        }
        drop(client);
        while let Ok((mut client, _)) = listener.accept().await {
            if !all {
                let mut server = TcpStream::connect(&to).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
            }
        }
    });
    DurableClient::from_binding(&binding).unwrap()
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_found() {
    let hub = TaskHub::listen();
    let client = client_behind(&hub, First::AnswerLost, false).await;
    let instance = client.start(ORDER, &1).await.unwrap();
    let started = hub.started();
    assert_eq!(started.len(), 1, "it is not sent again");
    assert_eq!(instance.id(), started[0].instance_id);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_call_means_that_nothing_was_started() {
    let hub = TaskHub::listen();
    let client = client_behind(&hub, First::StartLost, false).await;
    let error = client.start(ORDER, &1).await.err().unwrap();
    assert!(
        matches!(error, ClientError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(hub.started().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_start_that_may_have_arrived_is_an_error_with_the_id() {
    let hub = TaskHub::listen();
    let client = client_behind(&hub, First::AnswerLost, true).await;
    match client.start(ORDER, &1).await.err().unwrap() {
        ClientError::StartUnknown { id, .. } => assert_eq!(id, hub.started()[0].instance_id),
        other => panic!("{other:?}"),
    }
}

/// An earlier instance with a chosen id looks just like the one that was asked for.
#[tokio::test]
async fn an_instance_with_a_chosen_id_is_not_taken_for_the_one_that_was_started() {
    let hub = TaskHub::listen();
    hub.put(OrchestrationState {
        instance_id: "order-7".to_owned(),
        ..Default::default()
    });
    let client = client_behind(&hub, First::StartLost, false).await;
    match client
        .start(ORDER, &1)
        .with_id("order-7")
        .await
        .err()
        .unwrap()
    {
        ClientError::StartUnknown { id, .. } => assert_eq!(id, "order-7"),
        other => panic!("{other:?}"),
    }
}

/// What the instance looks like afterwards does not tell whether the event was raised.
#[tokio::test]
async fn an_operation_whose_answer_is_lost_is_not_explained_by_a_look_up() {
    const GO: Event<u32> = Event::new("go");
    let hub = TaskHub::listen();
    let client = client_behind(&hub, First::StartLost, false).await;
    let instance = client.instance(ORDER, "order-7");
    let error = instance.raise(GO, &1).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Unavailable { .. }),
        "{error:?}"
    );
    // The host is there again, and has no such instance.
    assert_eq!(instance.status().await.unwrap(), None);
}
