//! What is changed or refused in a response, each with a log line that names it.

use crate::support::{Reply, get, invoke_as};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use functions_handler::{App, logs};
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;

/// Runs a handler with the crate's own logging, so that the log lines are in `Logs`.
async fn send<R: IntoResponse>(make: impl Fn() -> R + Clone + Send + Sync + 'static) -> Reply {
    let router = App::new()
        .http("f", async move || make().into_response())
        .into_router();
    let subscriber = logs::Builder::new()
        .filter("info")
        .build(std::io::sink)
        .unwrap();
    invoke_as(&router, "f", "id-1", get())
        .with_subscriber(subscriber)
        .await
}

fn header(name: &'static str, value: &'static [u8]) -> impl IntoResponse + Clone {
    ([(name, HeaderValue::from_bytes(value).unwrap())], "x")
}

fn internal_error(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.res()["statusCode"], 500);
    assert_eq!(reply.res()["headers"]["content-type"], "application/json");
    assert_eq!(
        reply.res()["body"],
        r#"{"error":"Internal server error.","id":"id-1"}"#
    );
}

#[tokio::test]
async fn json_goes_out_as_compact_text_with_its_content_type_and_without_a_warning() {
    let reply = send(|| Json(json!({ "n": 1.0, "when": "2024-10-24T12:00:00.000Z" }))).await;
    assert_eq!(
        reply.res()["body"],
        r#"{"n":1.0,"when":"2024-10-24T12:00:00.000Z"}"#
    );
    assert_eq!(
        reply.res()["headers"],
        json!({ "content-type": "application/json" })
    );
    assert_eq!(reply.logs(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_location_that_is_not_ascii_is_percent_encoded_once() {
    let reply = send(|| header("location", "/a b/é?x=%C3%A9&y=1#f".as_bytes())).await;
    assert_eq!(
        reply.res()["headers"]["location"],
        "/a%20b/%C3%A9?x=%C3%A9&y=1#f"
    );
    assert!(reply.has_log(&["WARN", "location"]), "{:?}", reply.logs());
}

#[tokio::test]
async fn another_header_that_is_not_ascii_is_dropped_without_its_value_in_the_log() {
    let reply = send(|| header("x-name", "sécret".as_bytes())).await;
    assert_eq!(reply.res()["headers"].get("x-name"), None);
    assert_eq!(reply.res()["body"], "x");
    assert!(
        reply.has_log(&["WARN", "x-name"]) && !reply.has_log(&["cret"]),
        "{:?}",
        reply.logs()
    );
}

#[tokio::test]
async fn headers_of_the_connection_are_dropped() {
    for name in [
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "trailer",
        "te",
    ] {
        let reply = send(move || header(name, b"9")).await;
        assert_eq!(reply.res()["headers"].get(name), None);
        assert!(reply.has_log(&["WARN", name]), "{:?}", reply.logs());
    }
}

#[tokio::test]
async fn a_right_content_length_is_left_to_the_host_without_a_warning() {
    let reply = send(|| header("content-length", b"1")).await;
    assert_eq!(reply.res()["headers"].get("content-length"), None);
    assert_eq!(reply.logs(), Vec::<&str>::new());
}

#[tokio::test]
async fn several_values_of_a_list_header_become_one() {
    let reply = send(|| (AppendHeaders([("vary", "accept"), ("vary", "origin")]), "x")).await;
    assert_eq!(reply.res()["headers"]["vary"], "accept, origin");
    assert_eq!(reply.logs(), Vec::<&str>::new());
}

#[tokio::test]
async fn the_first_of_several_cookies_is_kept_and_the_loss_logged() {
    let reply = send(|| {
        (
            AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2")]),
            "x",
        )
    })
    .await;
    assert_eq!(reply.res()["headers"]["set-cookie"], "a=1");
    assert!(reply.has_log(&["WARN", "set-cookie"]), "{:?}", reply.logs());
}

#[tokio::test]
async fn a_date_gets_a_space_in_front_in_headers_and_bodies() {
    for date in [
        "2024-10-24T12:00:00Z",
        "2024-10-24T12:00:00.1234567+02:00",
        "2024-10-24T12:00:00",
        "/Date(1700000000000)/",
    ] {
        let reply = send(move || ([("x-when", date)], date)).await;
        assert_eq!(reply.res()["headers"]["x-when"], format!(" {date}"));
        assert_eq!(reply.res()["body"], format!(" {date}"));
        assert!(
            reply.has_log(&["WARN", "x-when"]) && reply.has_log(&["WARN", "body"]),
            "{:?}",
            reply.logs()
        );
    }
}

#[tokio::test]
async fn what_only_resembles_a_date_is_left_alone() {
    for text in [
        "2024-10-24",
        "at 2024-10-24T12:00:00Z",
        "\"2024-10-24T12:00:00Z\"",
        "2024-10-24T12:00",
        "Thu, 24 Oct 2024 12:00:00 GMT",
    ] {
        let reply = send(move || ([("x-when", text)], text)).await;
        assert_eq!(reply.res()["headers"]["x-when"], text);
        assert_eq!(reply.res()["body"], text);
        assert_eq!(reply.logs(), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn a_status_that_clients_do_not_understand_becomes_500() {
    for status in [100, 101, 199, 600, 999] {
        let reply = send(move || StatusCode::from_u16(status).unwrap()).await;
        internal_error(&reply);
        assert!(
            reply.has_log(&["ERROR", "id-1", &status.to_string()]),
            "{:?}",
            reply.logs()
        );
    }
    for status in [200, 204, 299, 304, 404, 599] {
        let reply = send(move || StatusCode::from_u16(status).unwrap()).await;
        assert_eq!(reply.res()["statusCode"], status);
    }
}

#[tokio::test]
async fn a_body_that_is_not_text_becomes_500() {
    let reply = send(|| Bytes::from_static(b"\x89PNG\r\n")).await;
    internal_error(&reply);
    assert!(
        reply.has_log(&["ERROR", "id-1", "UTF-8"]),
        "{:?}",
        reply.logs()
    );
}

#[tokio::test]
async fn a_streaming_body_is_collected() {
    let chunks = || ["Grü", "ße"].map(|text| Ok::<_, std::io::Error>(Bytes::from(text)));
    let reply = send(move || Body::from_stream(futures::stream::iter(chunks()))).await;
    assert_eq!(reply.res()["body"], "Grüße");
}

#[tokio::test]
async fn a_streaming_body_that_fails_or_panics_becomes_500_without_its_text() {
    let fail = || {
        Body::from_stream(futures::stream::iter([
            Ok(Bytes::from("a")),
            Err(std::io::Error::other("disk 7")),
        ]))
    };
    let reply = send(fail).await;
    internal_error(&reply);
    assert!(reply.has_log(&["ERROR", "disk 7"]), "{:?}", reply.logs());

    let panic = || {
        Body::from_stream(futures::stream::poll_fn(
            |_| -> std::task::Poll<Option<std::io::Result<Bytes>>> { panic!("disk 8") },
        ))
    };
    let reply = send(panic).await;
    internal_error(&reply);
    assert!(reply.has_log(&["ERROR", "disk 8"]), "{:?}", reply.logs());
}

#[tokio::test]
async fn a_panic_becomes_500_with_the_id_that_is_in_the_log() {
    let reply = send(|| -> Response { panic!("the secret reason") }).await;
    internal_error(&reply);
    assert!(
        reply.has_log(&["ERROR", "id-1", "the secret reason"]),
        "{:?}",
        reply.logs()
    );
    let outputs: &Value = &reply.body["Outputs"];
    assert!(!outputs.to_string().contains("secret"), "{outputs}");
}
