//! Messages that start no job, however often they are delivered.

use std::time::Duration;

use durable_functions::EntityRef;

use super::*;
use crate::support::host::TIME_LIMIT;

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What is wrong with a message, and what the log says of it.
const MALFORMED: [(&str, &str); 21] = [
    ("", "text: expected {"),
    ("  ", "text: expected {"),
    ("not json", "text: expected JSON, it ends at line 1, column"),
    (r#"{"sessionId":"s-1""#, "text: expected JSON"),
    (r#"{"sessionId":"s-1"} x"#, "text: expected JSON"),
    ("null", "text: expected {"),
    ("[]", "text: expected {"),
    (r#""s-1""#, "text: expected {"),
    (
        "{}",
        "sessionId: expected it in the text or as the SessionId of the message",
    ),
    (r#"{"sessionId":null}"#, "sessionId: expected it"),
    (r#"{"sessionId":5}"#, "sessionId: expected a string"),
    (r#"{"sessionId":["s"]}"#, "sessionId: expected a string"),
    (
        r#"{"sessionId":""}"#,
        "sessionId: expected 1 to 128 visible ASCII",
    ),
    (
        r#"{"sessionId":"../x"}"#,
        "sessionId: expected 1 to 128 visible ASCII",
    ),
    (
        r#"{"sessionId":"s","sessionId":"t"}"#,
        "sessionId: expected it once",
    ),
    (
        r#"{"sessionId":"s","end":"2021-01-31"}"#,
        "start: expected a day, it is missing",
    ),
    (
        r#"{"sessionId":"s","start":"2021-01-01","end":20210131}"#,
        "end: expected a day such as 2021-01-31",
    ),
    (
        r#"{"sessionId":"s","start":"2021-02-30","end":"2021-03-01"}"#,
        "start: expected a day such as 2021-01-31",
    ),
    (
        r#"{"sessionId":"s","start":"2021-01-31","end":"2021-01-01"}"#,
        "start, end: expected an end that is not before the start",
    ),
    (
        r#"{"sessionId":"s","start":"2021-01-01","end":"2025-01-01"}"#,
        "start, end: expected at most 366 days",
    ),
    (
        r#"{"sessionId":"s","start":"2021-01-01","end":"2021-01-31","DeliveryCount":1}"#,
        "text: expected no members but sessionId, start and end",
    ),
];

#[tokio::test]
async fn row_12_a_malformed_message_fails_and_the_log_names_the_field_and_the_message() {
    let table = table().await;
    let host = start(&table).await;
    for (index, (text, reason)) in MALFORMED.into_iter().enumerate() {
        let message = Delivery::of(text).with("MessageId", format!("message-{index}."));
        message.to(&host).await;
        host.logged(REFUSED, index + 1).await;
        let line = line(&host, index + 1).await;
        assert!(line.contains(&format!("message-{index}.")), "{line}");
        assert!(line.contains(reason), "{text}: {line}");
    }
    let large = "x".repeat(65_537);
    Delivery::of(large).to(&host).await;
    host.logged("text: expected at most 65536 bytes", 1).await;
    assert_eq!(instances(&TaskHub::of(&host).await).await.len(), 0);
    assert_eq!(table.requests().len(), 0);
}

#[tokio::test]
async fn row_12_the_last_delivery_of_a_message_is_an_error_and_those_before_are_warnings() {
    let table = table().await;
    for (queue, most, expected) in [
        (
            false,
            None,
            [(1, "WARN"), (9, "WARN"), (10, "ERROR"), (11, "ERROR")],
        ),
        (
            false,
            Some("3"),
            [(1, "WARN"), (2, "WARN"), (3, "ERROR"), (4, "ERROR")],
        ),
        // 0: a person has sent it.
        (
            true,
            None,
            [(1, "WARN"), (4, "WARN"), (5, "ERROR"), (0, "ERROR")],
        ),
    ] {
        let mut app = AppFolder::misbehaving(&table.connection_string());
        if let Some(most) = most {
            app = app.setting("MaxDeliveryCount", most);
        }
        let launch = app.launch();
        if queue {
            use_queue(launch.folder());
        }
        let host = launch.start().await;
        let (id, count_name) = match queue {
            true => ("Id", "DequeueCount"),
            false => ("MessageId", "DeliveryCount"),
        };
        for (index, (count, level)) in expected.into_iter().enumerate() {
            let message = Delivery::of("{").with(id, "m-1").with(count_name, count);
            message.to(&host).await;
            host.logged(REFUSED, index + 1).await;
            let line = line(&host, index + 1).await;
            assert!(line.contains(level), "{count}: {line}");
        }
    }
}

#[tokio::test]
async fn row_12_a_malformed_message_can_be_recorded_and_is_forgotten_later() {
    let table = table().await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .setting("MalformedMessages", "record")
        .setting("TOMBSTONES_EXPIRE_AT_ONCE", "1")
        .start()
        .await;
    let text = "{\"sessionId\":\"s\u{ffff}\"";
    let message = Delivery::of(text)
        .with("MessageId", "m-1")
        .with("SessionId", "s-1")
        .with("EnqueuedTimeUtc", "2026-01-01T00:00:00Z");
    let other = Delivery::of("other").with("MessageId", "m-1");
    // One after the other: two records of one entity could be one invocation of it.
    for (index, delivery) in [&message, &message, &other].into_iter().enumerate() {
        delivery.to(&host).await;
        host.logged("Executed 'Functions.poison-message' (Succeeded", index + 1)
            .await;
    }
    let hub = TaskHub::of(&host).await;
    let digest = Sha256::digest(text);
    let digest: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let entity = POISON_MESSAGE.id(format!("{}-{digest}", job_id("m-1")));
    let entity = hub.client().entity(entity);
    let state = stored(&entity, Option::is_some).await;
    let expected = json!({
        "messageId": "m-1",
        "reason": "text: expected JSON, it ends at line 1, column 19",
        "enqueuedAt": "2026-01-01T00:00:00Z",
        // The text may have replaced it.
        "sessionId": null,
        "text": text,
    });
    assert_eq!(state, Some(expected));
    host.client()
        .post("/admin/functions/purge-jobs", "{}")
        .await;
    host.logged("Executed 'Functions.poison-message' (Succeeded", 5)
        .await;
    stored(&entity, Option::is_none).await;
}

/// The state of an entity when it is as wanted. A host logs an invocation before it has stored what came of it.
async fn stored(entity: &EntityRef, wanted: impl Fn(&Option<Value>) -> bool) -> Option<Value> {
    let look = async {
        loop {
            let state = entity.state::<Value>().await.unwrap();
            if wanted(&state) {
                return state;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let state = tokio::time::timeout(TIME_LIMIT, look).await;
    state.expect("the state is stored in time")
}

#[tokio::test]
async fn a_message_is_recorded_as_a_whole_or_left_to_its_service() {
    let table = table().await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .setting("MalformedMessages", "record")
        .start()
        .await;
    let text = "x".repeat(1024 * 1024);
    let message = Delivery::of(&text).with("MessageId", "m-1");
    message.to(&host).await;
    host.logged("Executed 'Functions.poison-message' (Succeeded", 1)
        .await;
    let hub = TaskHub::of(&host).await;
    let key = host.log();
    let key = key.split("key=\"").nth(1).unwrap();
    let key = key.split('"').next().unwrap();
    let entity = hub.client().entity(POISON_MESSAGE.id(key));
    let state = stored(&entity, Option::is_some).await.unwrap();
    assert_eq!(state["text"], text);
    let longer = Delivery::of(text + "x").with("MessageId", "m-2");
    longer.to(&host).await;
    host.logged(REFUSED, 1).await;
    host.logged("not recorded: expected at most 1048576 bytes", 1)
        .await;
}

#[tokio::test]
async fn a_malformed_message_that_cannot_be_recorded_is_not_completed() {
    let table = table().await;
    let host = start(&table).await;
    let binding = binding(&host).await;
    let settings = Settings::read(|name| match name {
        "AuditStorage" => Some("UseDevelopmentStorage=true".to_owned()),
        "MalformedMessages" => Some("record".to_owned()),
        _ => None,
    });
    let sessions = Sessions::new(MemoryStore::new());
    let router = app_with_sessions(settings.unwrap(), Some(sessions)).into_router();
    let proxy = breaks_at_request(1, &address(&binding)).await;
    let message = Delivery::of("{").with("MessageId", "m-1");
    assert!(
        !message
            .to_handler(&router, &through(&binding, &proxy))
            .await
    );
    assert!(message.to_handler(&router, &binding).await);
}
