//! Messages reach a function with a message trigger.

use serde_json::{Value, json};

use crate::support::{Host, Options, Reply};

const FUNCTIONS: &[(&str, &str)] = &[
    (
        "on-queue",
        r#"{"bindings":[{"type":"queueTrigger","name":"message","queueName":"q","connection":"None"}]}"#,
    ),
    (
        "on-bytes",
        r#"{"bindings":[{"type":"queueTrigger","name":"message","queueName":"q","dataType":"binary"}]}"#,
    ),
    (
        "on-message",
        r#"{"bindings":[{"type":"serviceBusTrigger","name":"message","queueName":"q","connection":"None"},{"type":"durableClient","direction":"in","name":"starter"}]}"#,
    ),
];

async fn start() -> Host {
    Host::start_options(Options {
        functions: FUNCTIONS,
        ..Options::default()
    })
    .await
}

async fn post(host: &Host, function: &str, body: &str) -> Reply {
    let request = format!(
        "POST /admin/functions/{function} HTTP/1.1\r\nHost: localhost:7071\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    host.send_bytes(request.as_bytes()).await
}

/// Sends a message by hand and returns what the handler got.
async fn by_hand(host: &Host, function: &str, body: Value) -> Value {
    host.handler.answer_json("{}");
    assert_eq!(post(host, function, &body.to_string()).await.status, 202);
    let received = host.handler.next_received().await;
    assert_eq!(received.target(), format!("/{function}"));
    received.json()
}

#[tokio::test]
async fn a_queue_message_by_hand_has_the_binding_data_of_a_real_host() {
    let host = start().await;
    let text = r#"{"sessionId":"s-1","when":"2024-01-02T03:04:05+02:00"}"#;
    let mut received = by_hand(&host, "on-queue", json!({ "input": text })).await;
    assert_eq!(
        received["Data"],
        json!({ "message": serde_json::to_string(text).unwrap() })
    );
    let metadata = received["Metadata"].as_object_mut().unwrap();
    assert_eq!(
        metadata.remove("sys").unwrap()["MethodName"],
        json!("on-queue")
    );
    assert!(metadata.remove("InsertionTime").is_some());
    assert_eq!(
        received["Metadata"],
        json!({
            "DequeueCount": "0",
            "ExpirationTime": "9999-12-31T23:59:59+00:00",
            "NextVisibleTime": "9999-12-31T23:59:59+00:00",
            "sessionId": r#""s-1""#,
            "when": r#""01/02/2024 01:04:05""#,
        })
    );
}

#[tokio::test]
async fn a_message_for_a_binary_binding_is_base64() {
    let host = start().await;
    let received = by_hand(&host, "on-bytes", json!({ "input": "text" })).await;
    assert_eq!(received["Data"], json!({ "message": "dGV4dA==" }));
}

#[tokio::test]
async fn a_redelivery_and_a_session_can_be_told_by_hand() {
    let host = start().await;
    let received = by_hand(
        &host,
        "on-message",
        json!({"input": "text", "metadata": {"messageId": "m-1", "DeliveryCount": 2, "SessionId": "s-1"}}),
    )
    .await;
    assert_eq!(received["Data"]["message"], r#""text""#);
    assert!(
        received["Data"]["starter"]
            .as_str()
            .unwrap()
            .contains("MyHub")
    );
    let metadata = &received["Metadata"];
    assert_eq!(metadata["MessageId"], r#""m-1""#);
    assert_eq!(metadata["DeliveryCount"], "2");
    assert_eq!(metadata["SessionId"], r#""s-1""#);
    assert!(metadata["EnqueuedTimeUtc"].is_string());
    let received = by_hand(
        &host,
        "on-queue",
        json!({"input": "text", "metadata": {"Id": "i-1", "DequeueCount": 5}}),
    )
    .await;
    assert_eq!(received["Metadata"]["Id"], r#""i-1""#);
    assert_eq!(received["Metadata"]["DequeueCount"], "5");
}

#[tokio::test]
async fn the_members_of_a_body_replace_the_properties_of_the_message() {
    let host = start().await;
    let received = by_hand(
        &host,
        "on-message",
        json!({"input": r#"{"sessionId":"body"}"#, "metadata": {"SessionId": "message"}}),
    )
    .await;
    assert_eq!(received["Metadata"]["SessionId"], r#""body""#);
    assert_eq!(received["Metadata"].get("sessionId"), None);
}

#[tokio::test]
async fn properties_that_no_message_has_are_refused_with_a_reason() {
    let host = start().await;
    for (function, metadata, expected) in [
        ("on-queue", json!([]), "metadata: expected an object"),
        (
            "on-queue",
            json!({"MessageId": "m"}),
            "metadata.MessageId: no property",
        ),
        (
            "ON-MESSAGE",
            json!({"DeliveryCount": "2"}),
            "metadata.DeliveryCount: expected a whole number",
        ),
        ("act", json!({}), "metadata: expected for a function with"),
    ] {
        let body = json!({"input": "1", "metadata": metadata}).to_string();
        let reply = post(&host, function, &body).await;
        assert_eq!(reply.status, 400);
        assert!(reply.text().starts_with(expected), "{}", reply.text());
    }
    assert_eq!(host.handler.take_received().len(), 0);
}
