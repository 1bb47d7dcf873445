//! Messages of a queue reach their function, and none is lost.

use local_host::host_json::QueueOptions;
use serde_json::json;

use crate::queue_service::QueueService;
use crate::support::{Host, Options, http_answer};

const FUNCTIONS: &[(&str, &str)] = &[
    (
        "on-queue",
        r#"{"bindings":[{"type":"queueTrigger","name":"message","queueName":"Events","connection":"Q"}]}"#,
    ),
    (
        "send",
        r#"{"bindings":[{"type":"httpTrigger","name":"req","methods":["get"]},{"type":"http","direction":"out","name":"res"},{"type":"queue","direction":"out","name":"messages","queueName":"sent","connection":"Q"}]}"#,
    ),
];

async fn start(service: &QueueService, options: QueueOptions) -> Host {
    Host::start_options(Options {
        functions: FUNCTIONS,
        queues: Some((service.connection_string(), options)),
        ..Options::default()
    })
    .await
}

fn log(host: &Host) -> Vec<String> {
    let messages = host.log.messages().into_iter();
    messages.map(|(_, text)| text).collect()
}

fn is_empty(service: &QueueService) -> impl Future<Output = ()> {
    service.until(|state| state.queues.get("events").is_some_and(Vec::is_empty))
}

#[tokio::test]
async fn a_message_reaches_its_function_and_is_deleted() {
    let service = QueueService::start().await;
    let host = start(&service, QueueOptions::default()).await;
    // Nobody has made the queue.
    is_empty(&service).await;
    host.handler.answer_json("{}");
    service.put_encoded("events", "m-1", r#"{"sessionId":"s-1"}"#);
    let received = host.handler.next_received().await;
    assert_eq!(received.target(), "/on-queue");
    let mut received = received.json();
    assert_eq!(received["Data"]["message"], r#""{\"sessionId\":\"s-1\"}""#);
    let metadata = received["Metadata"].as_object_mut().unwrap();
    assert!(metadata.remove("sys").is_some());
    assert_eq!(
        received["Metadata"],
        json!({
            "Id": r#""m-1""#,
            "DequeueCount": "1",
            "InsertionTime": "2022-06-27T13:38:48+00:00",
            "ExpirationTime": "2022-07-04T13:38:48+00:00",
            "NextVisibleTime": "2022-06-27T13:39:48+00:00",
            "PopReceipt": r#""r+1=""#,
            "sessionId": r#""s-1""#,
        })
    );
    is_empty(&service).await;
    let log = log(&host);
    let line = log.iter().find(|line| line.contains("m-1")).unwrap();
    assert_eq!(
        line,
        "on-queue: Trigger Details: MessageId: m-1, DequeueCount: 1, InsertedOn: 2022-06-27T13:38:48+00:00"
    );
    assert!(!log.concat().contains("s-1"), "{log:?}");
}

#[tokio::test]
async fn a_message_whose_function_always_fails_is_in_the_poison_queue_after_five_tries() {
    let service = QueueService::start().await;
    let host = start(&service, QueueOptions::default()).await;
    for _ in 0..5 {
        host.handler.answer_with(http_answer(500, &[], b""));
    }
    service.put_encoded("events", "m-1", "<poison>");
    for count in 1..=5 {
        let received = host.handler.next_received().await.json();
        assert_eq!(received["Metadata"]["DequeueCount"], count.to_string());
    }
    is_empty(&service).await;
    assert_eq!(service.texts("events-poison"), ["PHBvaXNvbj4="]);
    assert_eq!(host.handler.take_received().len(), 0);
    let expected = "Message has reached MaxDequeueCount of 5. Moving message to queue 'events-poison'. MessageId: m-1";
    assert!(log(&host).iter().any(|line| line == expected));
}

#[tokio::test]
async fn a_message_stays_hidden_while_its_function_runs() {
    let service = QueueService::start().await;
    let host = start(&service, QueueOptions::default()).await;
    // Without an answer the function runs on.
    host.handler.hold_connections();
    service.put_encoded("events", "m-1", "text");
    service
        .until(|state| {
            let messages = state.queues.get("events").into_iter().flatten();
            messages.map(|message| message.renewals).max() >= Some(2)
        })
        .await;
    host.handler.next_received().await;
    assert_eq!(host.handler.take_received().len(), 0);
}

#[tokio::test]
async fn a_message_that_is_done_while_the_service_is_away_is_not_delivered_again() {
    let service = QueueService::start().await;
    let host = start(&service, QueueOptions::default()).await;
    service.leave_after("GET");
    host.handler.answer_json("{}");
    service.put_encoded("events", "m-1", "text");
    service
        .until(|state| {
            let deletes = state.requests.iter();
            deletes
                .filter(|request| request.starts_with("DELETE /a/events/messages/m-1"))
                .count()
                >= 2
        })
        .await;
    service.come_back();
    is_empty(&service).await;
    host.handler.next_received().await;
    assert_eq!(host.handler.take_received().len(), 0);
}

#[tokio::test]
async fn a_message_is_copied_to_the_poison_queue_once() {
    let service = QueueService::start().await;
    let options = QueueOptions {
        max_dequeue_count: 1,
        ..QueueOptions::default()
    };
    let host = start(&service, options).await;
    service.leave_after("POST");
    host.handler.answer_with(http_answer(500, &[], b""));
    service.put_encoded("events", "m-1", "text");
    service
        .until(|state| {
            let mut requests = state.requests.iter();
            state.away && requests.any(|request| request.starts_with("DELETE "))
        })
        .await;
    service.come_back();
    is_empty(&service).await;
    assert_eq!(service.texts("events-poison"), ["dGV4dA=="]);
}

#[tokio::test]
async fn a_service_that_is_away_is_said_once_and_read_when_it_is_there() {
    let service = QueueService::start().await;
    service.go_away();
    let host = start(&service, QueueOptions::default()).await;
    service.until(|state| state.requests.len() >= 3).await;
    host.handler.answer_json("{}");
    service.put_encoded("events", "m-1", "text");
    service.come_back();
    host.handler.next_received().await;
    is_empty(&service).await;
    let log = log(&host);
    let count = |text: &str| log.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("on-queue: the queue 'events' cannot be read"), 1);
    assert_eq!(count("Start the storage emulator"), 1);
    assert_eq!(
        count("on-queue: reading the queue 'events' at http://127.0.0.1:"),
        1
    );
}

#[tokio::test]
async fn a_message_in_another_encoding_is_named_and_ends_in_the_poison_queue() {
    let service = QueueService::start().await;
    service.put("events", "m-1", "plain text");
    let host = start(&service, QueueOptions::default()).await;
    is_empty(&service).await;
    assert_eq!(service.texts("events-poison"), ["plain text"]);
    assert_eq!(host.handler.take_received().len(), 0);
    let log = log(&host);
    let said = log.iter().filter(|line| line.contains("is not base64"));
    assert_eq!(said.count(), 5, "{log:?}");
    assert!(!log.concat().contains("plain text"), "{log:?}");
}

#[tokio::test]
async fn without_an_encoding_the_text_is_the_message() {
    let service = QueueService::start().await;
    service.put("events", "m-1", " plain &amp; &lt;simple> ");
    let options = QueueOptions {
        base64: false,
        ..QueueOptions::default()
    };
    let host = start(&service, options).await;
    host.handler.answer_json("{}");
    let received = host.handler.next_received().await.json();
    assert_eq!(received["Data"]["message"], r#"" plain & <simple> ""#);
    is_empty(&service).await;
}

#[tokio::test]
async fn a_batch_is_not_followed_by_another_before_there_is_room() {
    let service = QueueService::start().await;
    for n in 1..=5 {
        service.put_encoded("events", &format!("m-{n}"), "text");
    }
    let options = QueueOptions {
        batch_size: 2,
        new_batch_threshold: 1,
        ..QueueOptions::default()
    };
    let host = start(&service, options).await;
    host.handler.hold_connections();
    // Two functions run on without an answer, so there is no room for the third message.
    service
        .until(|state| {
            let messages = &state.queues["events"];
            let renewed = messages.iter().filter(|message| message.renewals >= 2);
            let taken = messages.iter().filter(|message| message.dequeue_count > 0);
            (renewed.count(), taken.count()) == (2, 2)
        })
        .await;
}

#[tokio::test]
async fn values_of_a_queue_output_are_messages_before_the_function_has_ended() {
    let service = QueueService::start().await;
    let host = start(&service, QueueOptions::default()).await;
    host.handler
        .answer_json(r#"{"Outputs":{"res":{"statusCode":201},"messages":["one",{"a":1}]}}"#);
    assert_eq!(host.get("/api/send").await.status, 201);
    assert_eq!(service.texts("sent"), ["b25l", "ewogICJhIjogMQp9"]);
}

#[tokio::test]
async fn a_function_whose_message_cannot_be_put_fails() {
    let service = QueueService::start().await;
    let host = start(&service, QueueOptions::default()).await;
    service.go_away();
    host.handler
        .answer_json(r#"{"Outputs":{"messages":"one"}}"#);
    assert_eq!(host.get("/api/send").await.status, 500);
    let expected = "Error while handling parameter messages after function returned: queue 'sent': nothing answers";
    assert!(log(&host).iter().any(|line| line.contains(expected)));
}
