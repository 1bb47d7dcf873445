//! What a function is told of a message, in the forms in which hosts send them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::support::invoke;
use functions_handler::{
    Answer, App, FunctionError, Invocation, Message, MessageError, MessageService,
};
use serde_json::{Value, json};
use std::sync::Mutex;

/// The message as a function with the trigger `message` gets it.
async fn received(data: Value, metadata: Value) -> Result<Message, MessageError> {
    let slot = Arc::new(Mutex::new(None));
    let function = {
        let slot = Arc::clone(&slot);
        move |invocation: Invocation| {
            *slot.lock().unwrap() = Some(Message::of(&invocation, "message"));
            std::future::ready(Ok::<_, FunctionError>(Answer::new()))
        }
    };
    let router = App::new().function("on-message", function).into_router();
    let body = json!({ "Data": data, "Metadata": metadata }).to_string();
    invoke(&router, "on-message", body).await;
    slot.lock().unwrap().take().unwrap()
}

/// A .NET string on the wire.
fn quoted(text: &str) -> Value {
    json!(json!(text).to_string())
}

/// A message of Service Bus with this text. Its properties are as the host writes them; `more` are the members of the text
/// that the host has put among them.
async fn of_service_bus(text: &str, more: Value) -> Message {
    let mut metadata = json!({
        "MessageId": quoted("m-1"),
        "DeliveryCount": "3",
        "LockToken": quoted("8e03978e-40d5-43e8-bc93-6894a57f9324"),
        "EnqueuedTime": "2024-05-10T16:13:45+00:00",
        "EnqueuedTimeUtc": "2024-05-10T16:13:45",
        "ExpiresAtUtc": "9999-12-31T23:59:59",
        "SequenceNumber": "77",
        "SessionId": quoted("s-1"),
        "ApplicationProperties": {},
        "sys": { "MethodName": "on-message" },
    });
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    received(json!({ "message": quoted(text) }), metadata)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_message_of_service_bus_has_its_text_and_its_properties() {
    let message = of_service_bus("{\"a\":\"\\\"\u{e4}\"}\n", json!({ "a": quoted("\"ä") })).await;
    assert_eq!(message.text(), "{\"a\":\"\\\"\u{e4}\"}\n");
    assert_eq!(message.service(), MessageService::ServiceBus);
    assert_eq!(message.id(), Some("m-1"));
    assert_eq!(message.delivery_count(), Some(3));
    assert_eq!(message.session_id(), Some("s-1"));
    assert_eq!(message.sequence_number(), Some(77));
    let enqueued = SystemTime::UNIX_EPOCH + Duration::from_secs(1_715_357_625);
    assert_eq!(message.enqueued_at(), Some(enqueued));
}

/// As recorded from a host 4 in its HTTP envelope.
#[tokio::test]
async fn a_message_of_a_storage_queue_has_its_text_and_its_properties() {
    let message = received(
        json!({ "message": "\"{\\\"scraperId\\\":\\\"s2\\\"}\"" }),
        json!({
            "DequeueCount": "1",
            "ExpirationTime": "2024-05-17T16:13:45+00:00",
            "Id": "\"4434c1a0-0000-4000-8000-000000000000\"",
            "InsertionTime": "2024-05-10T16:13:45+00:00",
            "NextVisibleTime": "2024-05-10T16:23:47+00:00",
            "PopReceipt": "\"AgAAAAMAAAAAAAAA\"",
            "sys": { "MethodName": "on-message" },
            "scraperId": "\"s2\"",
        }),
    )
    .await
    .unwrap();
    assert_eq!(message.text(), r#"{"scraperId":"s2"}"#);
    assert_eq!(message.service(), MessageService::StorageQueue);
    assert_eq!(message.id(), Some("4434c1a0-0000-4000-8000-000000000000"));
    assert_eq!(message.delivery_count(), Some(1));
    assert_eq!(
        (message.session_id(), message.sequence_number()),
        (None, None)
    );
    let enqueued = SystemTime::UNIX_EPOCH + Duration::from_secs(1_715_357_625);
    assert_eq!(message.enqueued_at(), Some(enqueued));
}

/// The properties recorded from a host 4.1037 for `POST /admin/functions/NAME`, in both of its forms of a time.
#[tokio::test]
async fn a_queue_message_that_a_person_sends_has_no_id_and_the_delivery_count_0() {
    for time in [
        json!("2026-11-28T00:59:58+00:00"),
        json!("\"2026-11-28T00:59:58.4528241+00:00\""),
    ] {
        let message = received(
            json!({ "message": quoted(r#"{"sessionId":"s-1"}"#) }),
            json!({
                "DequeueCount": "0",
                "ExpirationTime": "9999-12-31T23:59:59+00:00",
                "InsertionTime": time,
                "NextVisibleTime": "9999-12-31T23:59:59+00:00",
                "sessionId": quoted("s-1"),
            }),
        )
        .await
        .unwrap();
        assert_eq!(message.service(), MessageService::StorageQueue);
        assert_eq!((message.id(), message.session_id()), (None, None));
        assert_eq!(message.delivery_count(), Some(0));
        let since = message.enqueued_at().unwrap();
        let since = since.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 1_795_827_598);
    }
}

#[tokio::test]
async fn a_property_that_the_text_has_replaced_is_not_believed() {
    let text = r#"{"messageId":"victim","DELIVERYCOUNT":1,"SessionId":"theirs","SequenceNumber":1,"EnqueuedTime":"x"}"#;
    let replaced = json!({
        "MessageId": quoted("victim"),
        "DeliveryCount": quoted("1"),
        "SessionId": quoted("theirs"),
        "SequenceNumber": quoted("1"),
        "EnqueuedTime": quoted("x"),
    });
    let message = of_service_bus(text, replaced).await;
    assert_eq!(message.text(), text);
    assert_eq!((message.id(), message.session_id()), (None, None));
    assert_eq!(
        (message.delivery_count(), message.sequence_number()),
        (None, None)
    );
    // The host wrote this one twice, and the text has replaced one of them.
    assert!(message.enqueued_at().is_some());
    assert_eq!(message.service(), MessageService::ServiceBus);
}

#[tokio::test]
async fn the_properties_of_the_other_service_cannot_be_added_by_the_text() {
    let text = r#"{"Id":"victim","DequeueCount":1}"#;
    let added = json!({ "Id": quoted("victim"), "DequeueCount": quoted("1") });
    let message = of_service_bus(text, added).await;
    assert_eq!(message.id(), Some("m-1"));
    assert_eq!(message.delivery_count(), Some(3));
    assert_eq!(message.service(), MessageService::ServiceBus);
}

#[tokio::test]
async fn a_text_that_only_the_host_takes_for_json_replaces_what_it_names() {
    let replaced = json!({ "MessageId": quoted("victim") });
    let message = of_service_bus("{MessageId:'victim'}", replaced).await;
    assert_eq!((message.id(), message.delivery_count()), (None, Some(3)));
    let message = of_service_bus(r#"{"sessionId":"s"#, json!({})).await;
    assert_eq!((message.id(), message.session_id()), (Some("m-1"), None));
}

#[tokio::test]
async fn properties_of_another_form_are_absent() {
    let nonsense = json!({
        "MessageId": { "a": 1 }, "DeliveryCount": "-1", "SessionId": "null", "SequenceNumber": "x",
        "EnqueuedTimeUtc": "yesterday", "EnqueuedTime": "\"\"",
    });
    let message = of_service_bus("", nonsense).await;
    assert_eq!((message.id(), message.session_id()), (None, None));
    assert_eq!(
        (message.delivery_count(), message.sequence_number()),
        (None, None)
    );
    assert_eq!((message.text(), message.enqueued_at()), ("", None));
}

#[tokio::test]
async fn without_a_text_the_message_is_empty_and_without_the_binding_the_error_names_it() {
    let message = received(json!({ "message": "null" }), json!({}))
        .await
        .unwrap();
    assert_eq!(message.text(), "");
    let error = received(json!({ "other": "null" }), json!({}))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("a binding \"message\""),
        "{error}"
    );
    let error = received(json!({ "message": { "secret": 1 } }), json!({}))
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("Data.message: expected text"),
        "{error}"
    );
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn the_debug_text_shows_neither_text_nor_session() {
    let message = of_service_bus("my-text", json!({ "SessionId": quoted("my-session") })).await;
    let debug = format!("{message:?}");
    assert!(debug.contains("m-1"), "{debug}");
    assert!(!debug.contains("my-"), "{debug}");
}
