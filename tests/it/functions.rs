//! The functions as the host calls them: a request envelope in, a response envelope out.

use crate::support::fake_table::{FakeTable, Step};
use axum::{Router, body::Body, http::Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use function_app::{app, settings::Settings};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tower::ServiceExt;

fn router(storage: &str) -> Router {
    let settings =
        Settings::read(|name| (name == "AuditStorage").then(|| storage.to_owned())).unwrap();
    app(settings).unwrap().into_router()
}

async fn invoke(router: Router, function: &str, data: Value) -> Value {
    let envelope = json!({ "Data": data, "Metadata": {} }).to_string();
    let request = Request::post(format!("/{function}"))
        .header("Content-Type", "application/json")
        .header(
            "X-Azure-Functions-InvocationId",
            "11111111-1111-4111-8111-000000000001",
        )
        .body(Body::from(envelope))
        .unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    // The answer of a failed activity is a text, so that the host fails the invocation.
    serde_json::from_slice(&body)
        .unwrap_or_else(|_| json!(String::from_utf8(body.to_vec()).unwrap()))
}

/// The value of a `durableClient` binding; nothing listens at its address.
fn starter() -> Value {
    starter_at("http://127.0.0.1:1")
}

fn starter_at(address: &str) -> Value {
    let binding = json!({
        "taskHubName": "AuditJobs",
        "requiredQueryStringParameters": "code=SYSTEM_KEY",
        "rpcBaseUrl": address,
        "httpBaseUrl": "http://localhost:7071/runtime/webhooks/durabletask",
    });
    json!(serde_json::to_string(&binding.to_string()).unwrap())
}

async fn http(
    function: &str,
    method: &str,
    target: &str,
    params: Value,
    body: Option<&str>,
) -> Value {
    http_with(starter(), function, method, target, params, body).await
}

async fn http_with(
    starter: Value,
    function: &str,
    method: &str,
    target: &str,
    params: Value,
    body: Option<&str>,
) -> Value {
    let mut req = json!({
        "Url": format!("http://localhost:7071{target}"),
        "Method": method,
        "Query": {},
        "Headers": { "Host": ["localhost:7071"], "Content-Type": ["application/json"] },
        "Params": params,
        "Identities": [],
    });
    if let Some(body) = body {
        req["Body"] = json!(body);
    }
    let answer = invoke(
        router("UseDevelopmentStorage=true"),
        function,
        json!({ "req": req, "starter": starter }),
    )
    .await;
    let text = answer.to_string();
    assert!(
        !text.contains("SYSTEM_KEY") && !text.contains("webhooks"),
        "{text}"
    );
    answer["Outputs"]["res"].clone()
}

fn assert_answer(res: &Value, status: u16, body: &str) {
    assert_eq!(
        res["statusCode"].to_string().trim_matches('"'),
        status.to_string(),
        "{res}"
    );
    assert_eq!(res["body"], body);
}

#[tokio::test]
async fn without_a_store_every_route_of_sessions_says_that_the_app_keeps_none() {
    for (function, method, target) in [
        ("get-session", "GET", "/api/sessions/s-1"),
        ("get-latest-job", "GET", "/api/sessions/s-1/latest"),
        ("register-session", "PUT", "/api/sessions/s-1"),
    ] {
        let params = json!({ "sessionId": "s-1" });
        let res = http(function, method, target, params, None).await;
        let body: Value = serde_json::from_str(res["body"].as_str().unwrap()).unwrap();
        assert_answer(&res, 501, &body.to_string());
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["error"], "{function}");
        let code = &res["headers"]["x-ms-error-code"];
        assert_eq!(code, "SessionsNotConfigured", "{function}");
    }
}

#[tokio::test]
async fn a_refused_submission_reaches_the_client_through_the_envelope() {
    let kind = |kind: Option<&str>| json!({ "kind": kind });
    let res = http(
        "submit",
        "GET",
        "/api/submit/query?s=2021-01-01",
        kind(Some("query")),
        None,
    )
    .await;
    assert_answer(&res, 400, r#"{"error":"Empty end date."}"#);
    let res = http(
        "submit",
        "POST",
        "/api/submit/query?s=2021-01-02&e=2021-01-01",
        kind(Some("query")),
        None,
    )
    .await;
    assert_answer(&res, 400, r#"{"error":"Invalid date range."}"#);
    let res = http(
        "submit",
        "POST",
        "/api/submit",
        kind(None),
        Some(r#"{"start":"03/02/2021"}"#),
    )
    .await;
    assert_answer(&res, 400, r#"{"error":"Invalid start date format."}"#);
    let res = http(
        "submit",
        "POST",
        "/api/submit/other",
        kind(Some("other")),
        None,
    )
    .await;
    assert_answer(
        &res,
        404,
        r#"{"error":"Unknown kind of submission. The known kind is query."}"#,
    );
    let res = http("submit", "GET", "/api/submit", kind(None), None).await;
    assert_answer(
        &res,
        405,
        r#"{"error":"Method not allowed. Use POST with a JSON body."}"#,
    );
}

/// Nothing listens at the task hub's address, so a call to it would give 503.
#[tokio::test]
async fn an_id_that_no_job_can_have_is_not_found_without_asking_the_task_hub() {
    for id in [
        "",
        " ",
        "@counter@1",
        ".",
        "..",
        "%2e%2E",
        "a/b",
        "a\\b",
        "a#b",
        "a?b",
        "a+b",
        "a\nb",
        &"x".repeat(257),
    ] {
        let res = http(
            "get-status",
            "GET",
            "/api/status/x",
            json!({ "id": id }),
            None,
        )
        .await;
        assert_answer(&res, 404, r#"{"error":"Job not found"}"#);
    }
    for id in ["a b", "ä", "...", &"x".repeat(256)] {
        let res = http(
            "get-status",
            "GET",
            "/api/status/x",
            json!({ "id": id }),
            None,
        )
        .await;
        assert_eq!(res["statusCode"], 503, "{id}");
    }
}

#[tokio::test]
async fn a_task_hub_that_cannot_be_reached_is_a_503_without_internals() {
    let res = http(
        "submit",
        "GET",
        "/api/submit/query?s=2021-01-01&e=2021-01-02",
        json!({ "kind": "query" }),
        None,
    )
    .await;
    assert_answer(
        &res,
        503,
        r#"{"error":"The job could not be started. Try again later."}"#,
    );
    let res = http(
        "get-status",
        "GET",
        "/api/status/1a",
        json!({ "id": "1a" }),
        None,
    )
    .await;
    assert_answer(
        &res,
        503,
        r#"{"error":"The status cannot be read at the moment. Try again later."}"#,
    );
}

/// 503 would say that no job was started.
#[tokio::test]
async fn a_start_that_may_have_arrived_is_answered_with_the_address_of_the_job_and_no_503() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // Accepts every connection and closes it after the first byte.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read_u8().await;
        }
    });
    let res = http_with(
        starter_at(&address),
        "submit",
        "GET",
        "/api/submit/query?s=2021-01-01&e=2021-01-02",
        json!({ "kind": "query" }),
        None,
    )
    .await;
    assert_eq!(res["statusCode"], 500, "{res}");
    let location = res["headers"]["Location"]
        .as_str()
        .or(res["headers"]["location"].as_str());
    let id = location
        .unwrap()
        .strip_prefix("http://localhost:7071/api/status/");
    assert_eq!(id.unwrap().len(), 36, "{res}");
    assert!(res["body"].as_str().unwrap().contains("not known"), "{res}");
}

#[tokio::test]
async fn the_activity_answers_with_the_values_of_its_slice_or_fails_its_invocation_and_says_why() {
    let input = json!({
        "range": { "start": "2021-01-01", "end": "2021-01-31" },
        "slice": [{ "start": "2021-01-01", "end": "2021-01-01" }],
        "scope": "6b0f5d0c-1c5e-5a6c-8b57-0b6d3a1f4c11",
    });
    let days = json!({ "input": input.to_string() });
    let server = FakeTable::start(vec![Step::page(&["1", "2", "2"])]).await;
    let answer = invoke(
        router(&server.connection_string()),
        "query-activity",
        days.clone(),
    )
    .await;
    assert_eq!(
        answer["ReturnValue"],
        // A value is 16 bytes of the SHA-256 of its text.
        r#"{"activityResult":{"slice":"kZin01gKNgdE4dREc2SXwg","rows":3,"values":["a4ayc_80_OGda4BO_1o_Vw","1HNeOiZeFu7gP1lxi5tdAw"]}}"#
    );

    let server = FakeTable::start(vec![Step::Status(
        404,
        vec![("x-ms-error-code", "TableNotFound")],
        "",
    )])
    .await;
    let answer = invoke(router(&server.connection_string()), "query-activity", days).await;
    let text = answer.as_str().unwrap();
    let (line, marker) = text.split_once(" <activityFailure ").unwrap();
    assert_eq!(
        line,
        "TableNotFound: The audit table does not exist. Check the setting AuditTable."
    );
    let record = STANDARD.decode(marker.strip_suffix('>').unwrap()).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&record).unwrap(),
        json!({"activityFailure": {
            "errorType": "TableNotFound",
            "errorMessage": "The audit table does not exist. Check the setting AuditTable.",
            "isNonRetriable": true,
        }})
    );
}

#[tokio::test]
async fn row_73_a_service_that_cannot_reach_its_task_hub_is_not_ready() {
    let res = http("get-health", "GET", "/api/health", json!({}), None).await;
    assert_eq!(res["statusCode"], 503, "{res}");
    let health: Value = serde_json::from_str(res["body"].as_str().unwrap()).unwrap();
    assert_eq!(health["status"], "NotReady");
    assert_eq!(health["taskHub"], "NotReady");
    let members: Vec<_> = health.as_object().unwrap().keys().collect();
    assert_eq!(members, ["counters", "startedTime", "status", "taskHub"]);
}

/// Without the extension, or without the binding in function.json.
#[tokio::test]
async fn an_invocation_without_a_durable_client_is_a_500_in_the_form_of_every_error() {
    let text = r#"{"error":"Internal server error."}"#;
    let object = r#"{"error":{"code":"Internal","message":"Internal server error."}}"#;
    for (function, target, params, body) in [
        (
            "submit",
            "/api/submit/query",
            json!({ "kind": "query" }),
            text,
        ),
        ("get-status", "/api/status/1a", json!({ "id": "1a" }), text),
        (
            "get-operation",
            "/api/operations/1a",
            json!({ "id": "1a" }),
            object,
        ),
    ] {
        let res = http_with(json!("{}"), function, "GET", target, params, None).await;
        assert_answer(&res, 500, body);
        assert_eq!(res["headers"]["x-ms-error-code"], "Internal", "{res}");
    }
}

/// The host always sends it; the registration and function.json agree on its name.
#[tokio::test]
async fn an_invocation_without_its_route_parameter_is_a_400_that_names_it() {
    let res = http("get-status", "GET", "/api/status/1a", json!({}), None).await;
    assert_answer(
        &res,
        400,
        r#"{"error":"Invalid route parameter `id`: missing."}"#,
    );
    assert_eq!(res["headers"]["x-ms-error-code"], "InvalidParameter");
}
