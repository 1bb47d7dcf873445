//! `BuiltIn::HttpActivity` against a server: the request, and the result for the orchestrator.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{any, get};
use durable_protocol::messages::{
    EventType, OrchestrationStatus, OrchestratorActionType, ScheduleTaskAction, TaskFailureDetails,
};
use http_body_util::BodyExt;
use local_host::log::LogLevel;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::support::{Log, action, complete, decide, history, hub_with, orchestrator};

/// Answers with the request, chunked.
async fn echo(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = body.collect().await.unwrap().to_bytes();
    let seen = json!({
        "method": head.method.as_str(),
        "uri": head.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    let chunks = futures::stream::iter([Ok::<_, std::io::Error>(seen.to_string())]);
    (
        [("content-type", "application/json"), ("server", "Kestrel")],
        Body::from_stream(chunks),
    )
        .into_response()
}

async fn server() -> SocketAddr {
    let app = Router::new()
        .route("/echo", any(echo))
        .route(
            "/moved",
            any(|| async { (http::StatusCode::FOUND, [("location", "/echo?moved")]) }),
        )
        .route(
            "/kept",
            any(|| async {
                (
                    http::StatusCode::TEMPORARY_REDIRECT,
                    [("location", "/echo?kept")],
                )
            }),
        )
        .route(
            "/latin",
            get(|| async {
                let headers = [("content-type", "text/plain; charset=ISO-8859-1")];
                let cookies = AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2")]);
                let body = vec![0x47, 0xfc];
                (http::StatusCode::NOT_FOUND, headers, cookies, body)
            }),
        )
        .route("/never", any(std::future::pending::<http::StatusCode>));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

type Outcome = Result<Value, Option<Box<TaskFailureDetails>>>;

/// Schedules the activity with this input and returns the outcome in the history.
async fn call(input: &str) -> (Outcome, Log) {
    let log = Log::default();
    let (seen, mut outcome) = tokio::sync::mpsc::unbounded_channel();
    let input = input.to_owned();
    let (hub, client) = hub_with(vec![orchestrator("caller")], &log, move |_, request| {
        let ended = history(&request).find_map(|event| match &event.event_type {
            Some(EventType::TaskCompleted(it)) => Some(Ok(it.result.clone().unwrap())),
            Some(EventType::TaskFailed(it)) => Some(Err(it.failure_details.clone())),
            _ => None,
        });
        let Some(ended) = ended else {
            let task = ScheduleTaskAction {
                name: "builtin::HttpActivity".into(),
                input: Some(input.clone()),
                ..ScheduleTaskAction::default()
            };
            return decide(vec![action(
                0,
                OrchestratorActionType::ScheduleTask(Box::new(task)),
            )]);
        };
        seen.send(ended).unwrap();
        decide(vec![complete(1, OrchestrationStatus::Completed, "1")])
    })
    .await;
    client.start("caller", "caller", "null").await.unwrap();
    client.completion("caller").await;
    hub.stop().await;
    let outcome = outcome.recv().await.unwrap();
    let outcome = outcome
        .map(|text| serde_json::from_str(&text).unwrap())
        .map_err(|details| details.map(Box::new));
    (outcome, log)
}

fn content(result: &Value) -> Value {
    serde_json::from_str(result["content"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_call_sends_and_returns_what_a_real_host_does() {
    let server = server().await;
    let request = json!([{"method": "GET", "uri": format!("http://{server}/echo?q=1"), "headers": {"x-test": "v"}}]);
    let result = call(&request.to_string()).await.0.unwrap();
    assert_eq!(result["statusCode"], 200);
    let headers = result["headers"].as_object().unwrap();
    let mut names: Vec<&String> = headers.keys().collect();
    names.sort();
    assert_eq!(names, ["Date", "Server", "Transfer-Encoding"]);
    assert_eq!(headers["Server"], "Kestrel");
    let mut seen = content(&result);
    let sent = seen["headers"].as_array_mut().unwrap();
    sent.sort_by_key(Value::to_string);
    assert_eq!(
        seen,
        json!({
            "method": "GET",
            "uri": "/echo?q=1",
            "headers": [
                ["host", server.to_string()],
                ["user-agent", "Microsoft.Azure.WebJobs.Extensions.DurableTask/3.19.0"],
                ["x-test", "v"],
            ],
            "body": "",
        })
    );
}

#[tokio::test]
async fn content_goes_out_with_its_type_and_length() {
    let server = server().await;
    let uri = format!("http://{server}/echo");
    for (headers, expected) in [
        (
            json!({"content-type": ["application/json"]}),
            "application/json",
        ),
        (json!(null), "text/plain; charset=utf-8"),
    ] {
        let request = json!([{"method": "POST", "uri": uri, "content": "{\"posted\":true}", "headers": headers}]);
        let seen = content(&call(&request.to_string()).await.0.unwrap());
        assert_eq!(seen["method"], "POST");
        assert_eq!(seen["body"], "{\"posted\":true}");
        let sent = seen["headers"].as_array().unwrap();
        assert!(sent.contains(&json!(["content-type", expected])));
        assert!(sent.contains(&json!(["content-length", "15"])));
    }
}

#[tokio::test]
async fn an_error_status_is_an_answer_and_its_text_is_decoded() {
    let server = server().await;
    let request = json!([{"method": "GET", "uri": format!("http://{server}/latin")}]);
    let result = call(&request.to_string()).await.0.unwrap();
    assert_eq!(result["statusCode"], 404);
    assert_eq!(result["content"], "Gü");
    assert_eq!(result["headers"]["Set-Cookie"], json!(["a=1", "b=2"]));
}

#[tokio::test]
async fn redirects_are_followed_as_by_dotnet() {
    let server = server().await;
    for (path, method, uri, body) in [
        ("moved", "GET", "/echo?moved", ""),
        ("kept", "POST", "/echo?kept", "x"),
    ] {
        let request = json!([{
            "method": "POST", "uri": format!("http://{server}/{path}"), "content": "x",
            "headers": {"Authorization": "Bearer t"},
        }]);
        let seen = content(&call(&request.to_string()).await.0.unwrap());
        assert_eq!(
            (&seen["method"], &seen["uri"]),
            (&json!(method), &json!(uri))
        );
        assert_eq!(seen["body"], body);
        assert!(!seen["headers"].to_string().contains("authorization"));
    }
}

#[tokio::test]
async fn the_reason_of_a_call_without_a_response_is_only_in_the_log() {
    // Bound and closed: no program listens on this port.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = nobody.local_addr().unwrap();
    drop(nobody);
    let server = server().await;
    let get = |uri: String| json!({"method": "GET", "uri": uri});
    let mut late = get(format!("http://{server}/never"));
    late["timeout"] = json!("00:00:00.05");
    let mut identity = get(format!("http://{server}/echo"));
    identity["tokenSource"] = json!({"kind": "AzureManagedIdentity", "resource": "r"});
    let mut length = get(format!("http://{server}/echo"));
    length["headers"] = json!({"Content-Length": "1"});
    for (request, why) in [
        (get(format!("http://{refused}/")), "refused"),
        (late, "no answer within 50ms"),
        (get(format!("https://{server}/echo")), "client error"),
        (get("ftp://127.0.0.1/".to_owned()), "absolute http or https"),
        (identity, "managed identity"),
        (length, "takes only Content-Type"),
    ] {
        let (outcome, log) = call(&json!([request]).to_string()).await;
        assert_eq!(outcome, Err(None), "{request}");
        assert!(log.contains(LogLevel::Error, why), "{why}");
    }
}

#[tokio::test]
async fn the_orchestrator_gets_the_reason_for_an_input_that_is_no_array() {
    let outcome = call(r#"{"method":"GET","uri":"http://127.0.0.1/"}"#)
        .await
        .0;
    let details = outcome.unwrap_err().unwrap();
    assert_eq!(
        details.error_type,
        "Newtonsoft.Json.JsonSerializationException"
    );
    // The recorded text.
    assert!(details.error_message.starts_with(
        "Cannot deserialize the current JSON object (e.g. {\"name\":\"value\"}) into type 'System.Collections.Generic.IList`1[Microsoft.Azure.WebJobs.Extensions.DurableTask.DurableHttpRequest]' because the type requires a JSON array (e.g. [1,2,3]) to deserialize correctly.\nTo fix this error either change"
    ));
    assert!(
        details
            .error_message
            .ends_with("\nPath 'method', line 1, position 10.")
    );
    for (input, kind) in [
        ("[]", "System.InvalidOperationException"),
        ("[1]", "Newtonsoft.Json.JsonSerializationException"),
        ("1", "Newtonsoft.Json.JsonSerializationException"),
        ("nonsense", "Newtonsoft.Json.JsonReaderException"),
        (r#"[{"method":"GET"}]"#, "System.ArgumentNullException"),
    ] {
        let details = call(input).await.0.unwrap_err().unwrap();
        assert_eq!(details.error_type, kind, "{input}");
    }
}
