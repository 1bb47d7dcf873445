//! What ties a client's request, its answer and the lines of the log together.

use std::io::Write;
use std::sync::{Arc, Mutex};

use crate::support::{Reply, data, get, http, invoke};
use axum::http::StatusCode;
use functions_handler::logs::Builder;
use functions_handler::{Answer, App, FunctionError, Invocation};
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn traced(mut headers: Value) -> String {
    headers["traceparent"] = json!([format!("00-{TRACE}-00f067aa0ba902b7-01")]);
    headers["X-Ms-Client-Request-Id"] = json!(["mine"]);
    http(
        "GET",
        "http://localhost:7071/api/f",
        headers,
        json!({}),
        None,
    )
}

#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn ask(app: App, function: &str, body: String) -> (Reply, String) {
    let console = Console::default();
    let writer = console.clone();
    let subscriber = Builder::new().filter("info");
    let subscriber = subscriber.build(move || writer.clone()).unwrap();
    let router = app.into_router();
    let reply = invoke(&router, function, body);
    let reply = reply.with_subscriber(subscriber).await;
    let console = String::from_utf8(console.0.lock().unwrap().clone()).unwrap();
    (reply, console)
}

fn app() -> App {
    App::new()
        .http("f", async || {
            tracing::info!("found");
            "ok"
        })
        .http("own", async || [("x-ms-request-id", "own")])
        .http("panics", async || -> StatusCode { panic!("a bug") })
        .function(
            "other",
            async |_: Invocation| -> Result<Answer, FunctionError> {
                tracing::info!("found");
                Ok(Answer::new())
            },
        )
        .correlate()
}

#[tokio::test]
async fn an_answer_and_its_log_lines_belong_to_the_trace_of_the_client() {
    let (reply, console) = ask(app(), "f", traced(json!({}))).await;
    let headers = &reply.res()["headers"];
    assert_eq!(headers["x-ms-request-id"], "4711-id");
    assert_eq!(headers["x-ms-client-request-id"], "mine");
    let traceparent = headers["traceparent"].as_str().unwrap();
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")));
    assert!(!traceparent.contains("00f067aa0ba902b7"), "{traceparent}");
    let expected = format!("INFO it::correlation: found trace_id={TRACE}");
    assert_eq!(reply.logs(), [expected]);
    let line = console.lines().find(|line| line.contains("found")).unwrap();
    assert!(
        line.contains("id=4711-id") && line.contains(TRACE),
        "{line}"
    );
}

#[tokio::test]
async fn a_client_without_a_trace_gets_one() {
    let (reply, _) = ask(app(), "f", get()).await;
    let headers = &reply.res()["headers"];
    let traceparent = headers["traceparent"].as_str().unwrap().to_owned();
    let trace = traceparent.split('-').nth(1).unwrap();
    assert!(reply.has_log(&["found", trace]), "{:?}", reply.logs());
    assert_eq!(headers.get("x-ms-client-request-id"), None);
}

#[tokio::test]
async fn answers_in_place_of_the_functions_have_the_headers_too() {
    let chunked = json!({ "Transfer-Encoding": ["chunked"] });
    for (function, headers, status) in [("panics", json!({}), 500), ("f", chunked, 411)] {
        let (reply, console) = ask(app(), function, traced(headers)).await;
        assert_eq!(reply.res()["statusCode"], status);
        let headers = &reply.res()["headers"];
        assert_eq!(headers["x-ms-request-id"], "4711-id");
        assert!(headers["traceparent"].as_str().unwrap().contains(TRACE));
        let lines: Vec<_> = console.lines().collect();
        assert!(!lines.is_empty());
        assert!(lines.iter().all(|line| line.contains(TRACE)), "{lines:?}");
    }
}

#[tokio::test]
async fn what_a_function_sets_itself_stays() {
    let (reply, _) = ask(app(), "own", get()).await;
    assert_eq!(reply.res()["headers"]["x-ms-request-id"], "own");
}

#[tokio::test]
async fn a_function_without_http_and_an_app_that_does_not_ask_for_it_have_no_trace() {
    let (reply, _) = ask(app(), "other", data(json!({}))).await;
    assert_eq!(reply.logs(), ["INFO it::correlation: found"]);
    let plain = App::new().http("f", async || tracing::info!("found"));
    let (reply, _) = ask(plain, "f", traced(json!({}))).await;
    assert_eq!(reply.res()["headers"], json!({}));
    assert_eq!(reply.logs(), ["INFO it::correlation: found"]);
}
