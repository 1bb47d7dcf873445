//! The contract with the host: which requests are answered how.

use std::panic::panic_any;
use std::time::Duration;

use crate::support::{Bomb, data, get, http, invoke, invoke_as};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use functions_handler::{
    Answer, App, BoxFuture, Function, FunctionError, Invocation, Params, logs,
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;
use tracing::instrument::WithSubscriber;

async fn echo(invocation: Invocation) -> Result<Answer, FunctionError> {
    let input: Value = invocation.data("input").ok_or("no input")?.json()?;
    Ok(Answer::new()
        .return_value(&input)?
        .output("copy", [&input])?)
}

#[tokio::test]
async fn the_readiness_probe_is_answered_with_200() {
    let response = App::new()
        .into_router()
        .oneshot(Request::get("/").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_function_sets_outputs_and_the_return_value() {
    let router = App::new().function("echo", echo).into_router();
    let reply = invoke(&router, "echo", data(json!({ "input": { "a": 1 } }))).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(
        reply.body,
        json!({ "Outputs": { "copy": [{ "a": 1 }] }, "Logs": [], "ReturnValue": { "a": 1 } })
    );
}

#[tokio::test]
async fn an_answer_without_anything_still_has_all_three_members() {
    let nothing = async |_: Invocation| -> Result<Answer, FunctionError> { Ok(Answer::new()) };
    let router = App::new().function("nothing", nothing).into_router();
    let reply = invoke(&router, "nothing", data(json!({}))).await;
    assert_eq!(
        reply.body,
        json!({ "Outputs": {}, "Logs": [], "ReturnValue": null })
    );
}

#[tokio::test]
async fn an_error_or_a_panic_fails_the_invocation_without_its_text() {
    let error = async |_: Invocation| -> Result<Answer, FunctionError> { Err("password=1".into()) };
    let panic = async |_: Invocation| -> Result<Answer, FunctionError> { panic!("password=2") };
    let router = App::new()
        .function("error", error)
        .function("panic", panic)
        .function("echo", echo)
        .into_router();
    for function in ["error", "panic"] {
        let reply = invoke(&router, function, data(json!({}))).await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(reply.body["id"], "4711-id");
        assert!(
            !reply.body.to_string().contains("password"),
            "{}",
            reply.body
        );
    }
    let reply = invoke(&router, "echo", data(json!({ "input": {} }))).await;
    assert_eq!(reply.status, StatusCode::OK);
}

/// What a host needs to fail the invocation and keep the text: see the README.
#[tokio::test]
async fn the_report_of_an_error_reaches_the_host_as_a_text_that_is_not_json() {
    let other = async |_: Invocation| -> Result<Answer, FunctionError> {
        Err(FunctionError::from("password=1").with_report("Busy: try 1 <x>\nKäse"))
    };
    let router = App::new().function("other", other).into_router();
    let reply = invoke(&router, "other", data(json!({}))).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.body, json!("Busy: try 1 <x>\nKäse"));
}

/// An empty body would make a host wait until functionTimeout.
#[tokio::test]
async fn an_empty_report_is_no_report() {
    let other = async |_: Invocation| -> Result<Answer, FunctionError> {
        Err(FunctionError::from("no reason").with_report(""))
    };
    let router = App::new().function("other", other).into_router();
    let reply = invoke(&router, "other", data(json!({}))).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_function_that_panics_before_its_future_exists_fails_the_invocation_too() {
    struct Hasty;
    impl Function for Hasty {
        fn call(&self, _: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
            panic!("too early")
        }
    }
    let router = App::new().function("hasty", Hasty).into_router();
    let reply = invoke(&router, "hasty", data(json!({}))).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_panic_that_throws_what_panics_when_it_is_dropped_is_answered_like_any_other() {
    let other = async |_: Invocation| -> Result<Answer, FunctionError> { panic_any(Bomb) };
    let router = App::new()
        .function("other", other)
        .http("http", async || -> &'static str { panic_any(Bomb) })
        .into_router();
    let reply = invoke(&router, "other", data(json!({}))).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    let reply = invoke(&router, "http", get()).await;
    assert_eq!(reply.res()["statusCode"], 500);
}

#[tokio::test]
async fn an_error_that_panics_when_it_is_written_is_answered_like_any_other() {
    #[derive(Debug)]
    struct Unwritable;
    impl std::fmt::Display for Unwritable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no text")
        }
    }
    impl std::error::Error for Unwritable {}

    let other = async |_: Invocation| -> Result<Answer, FunctionError> { Err(Unwritable.into()) };
    let router = App::new().function("other", other).into_router();
    let reply = invoke(&router, "other", data(json!({}))).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_unknown_function_is_named_together_with_the_known_ones() {
    let router = App::new()
        .function("echo", echo)
        .function("other", echo)
        .into_router();
    for path in ["Echo", "echo2", "echo/x", "/echo", "no%20such"] {
        let reply = invoke(&router, path, data(json!({}))).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        let error = reply.body["error"].as_str().unwrap();
        assert!(
            error.contains(&format!("`{path}`")) && error.contains("echo, other"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_web_page_cannot_run_a_function_past_the_host() {
    let router = App::new()
        .function(
            "echo",
            async |_: Invocation| -> Result<Answer, FunctionError> {
                panic!("the function must not run")
            },
        )
        .into_router();
    for origin in ["http://a.example", "null"] {
        // What a page can send without asking first.
        let request = Request::post("/echo")
            .header("Origin", origin)
            .header("Content-Type", "text/plain")
            .body(Body::from(data(json!({ "input": 1 })).to_string()))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{origin}");
    }
}

#[tokio::test]
async fn a_method_other_than_post_is_refused() {
    let router = App::new().function("echo", echo).into_router();
    let response = router
        .oneshot(Request::get("/echo").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_body_that_is_no_invocation_is_refused_with_the_reason() {
    let router = App::new()
        .function("echo", echo)
        .http("page", async || "x")
        .into_router();
    for (function, body, reason) in [
        ("echo", b"".as_slice(), "EOF"),
        ("echo", b"[]", "Data"),
        ("echo", b"{}", "missing field `Data`"),
        ("echo", br#"{"Data":5}"#, "expected a JSON object"),
        ("echo", b"{\"Data\":{\"a\":\"\xff\"}}", "UTF-8"),
        ("page", br#"{"Data":{"timer":{}}}"#, "httpTrigger"),
        (
            "page",
            br#"{"Data":{"req":{"Url":"/","Method":"GET","Headers":{"a":5}}}}"#,
            "Data: req",
        ),
        (
            "page",
            br#"{"Data":{"req":{"Url":"/","Method":"G T","Headers":{}}}}"#,
            "Method",
        ),
    ] {
        let reply = invoke(&router, function, body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(
            reply.body["error"].as_str().unwrap().contains(reason),
            "{}",
            reply.body
        );
    }
}

#[tokio::test]
async fn an_invocation_without_an_id_gets_a_uuid_of_its_own() {
    let id = async |invocation: Invocation| invocation.id().to_owned();
    let router = App::new().http("id", id).into_router();
    let request = || Request::post("/id").body(Body::from(get())).unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let response = router.clone().oneshot(request()).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        let reply: Value = serde_json::from_slice(&body).unwrap();
        let id = reply["Outputs"]["res"]["body"].as_str().unwrap();
        ids.push(uuid::Uuid::parse_str(id).unwrap());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn axum_extractors_work_in_an_http_function() {
    #[derive(Deserialize)]
    struct Route {
        kind: Kind,
        count: Option<u8>,
    }
    #[derive(Deserialize, Debug)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Query,
    }
    #[derive(Deserialize)]
    struct Search {
        s: String,
    }
    let handler = async |State(state): State<&'static str>,
                         Params(route): Params<Route>,
                         axum::extract::Query(search): axum::extract::Query<Search>,
                         method: Method,
                         headers: HeaderMap,
                         Json(body): Json<Value>| {
        format!(
            "{state} {:?} {:?} {} {method} {:?} {}",
            route.kind,
            route.count,
            search.s,
            headers.get_all("x-a").iter().collect::<Vec<_>>(),
            body["a"]
        )
    };
    let router = App::with_state("state").http("f", handler).into_router();
    let body = http(
        "PURGE",
        "http://localhost:7071/api/f/query?s=a%20b",
        json!({ "Content-Type": ["application/json"], "X-A": ["1", "2"] }),
        json!({ "kind": "query", "count": null }),
        Some(r#"{"a":7}"#),
    );
    let reply = invoke(&router, "f", body).await;
    assert_eq!(
        reply.res()["body"],
        r#"state Query None a b PURGE ["1", "2"] 7"#
    );
}

#[tokio::test]
async fn a_route_parameter_of_the_wrong_kind_gets_400_and_its_name() {
    #[derive(Deserialize)]
    #[allow(dead_code)] // Read by serde only.
    struct Route {
        id: u32,
    }
    let router = App::new()
        .http("f", async |Params(_): Params<Route>| "x")
        .into_router();
    for (params, error) in [
        (
            json!({ "id": "abc" }),
            "Invalid route parameter `id`: `abc` is not a non-negative integer of 32 bits.",
        ),
        (
            json!({ "id": null }),
            "Invalid route parameter `id`: missing.",
        ),
    ] {
        let reply = invoke(
            &router,
            "f",
            http("GET", "http://h/", json!({}), params, None),
        )
        .await;
        assert_eq!(reply.res()["statusCode"], 400);
        assert_eq!(reply.res()["headers"]["content-type"], "application/json");
        assert_eq!(reply.res()["body"], json!({ "error": error }).to_string());
    }
}

#[tokio::test]
async fn a_single_route_parameter_needs_no_struct() {
    let router = App::new()
        .http("f", async |Params(id): Params<u32>| (id + 1).to_string())
        .into_router();
    let reply = invoke(
        &router,
        "f",
        http("GET", "http://h/", json!({}), json!({ "id": "41" }), None),
    )
    .await;
    assert_eq!(reply.res()["body"], "42");
    let reply = invoke(
        &router,
        "f",
        http(
            "GET",
            "http://h/",
            json!({}),
            json!({ "a": "1", "b": "2" }),
            None,
        ),
    )
    .await;
    assert_eq!(
        reply.res()["statusCode"],
        500,
        "the type is wrong, not the request"
    );
}

/// The habit of axum's `Path`, which knows the order of its parameters.
#[tokio::test]
async fn a_tuple_for_route_parameters_is_a_mistake_of_the_function_and_logged() {
    let router = App::new()
        .http("f", async |Params(_): Params<(String, String)>| "x")
        .into_router();
    let params = json!({ "a": "1", "b": "2" });
    let log = logs::Builder::new().filter("info").build(std::io::sink);
    let reply = invoke_as(
        &router,
        "f",
        "id-1",
        http("GET", "http://h/", json!({}), params, None),
    )
    .with_subscriber(log.unwrap())
    .await;
    assert_eq!(reply.res()["statusCode"], 500);
    assert_eq!(
        reply.res()["body"],
        r#"{"error":"Internal server error.","id":"id-1"}"#
    );
    let logs = reply.logs();
    assert_eq!(logs.len(), 1, "{logs:?}");
    for part in ["ERROR", "no tuple", "use a struct with their names"] {
        assert!(logs[0].contains(part), "{logs:?}");
    }
}

#[tokio::test]
async fn a_body_beyond_axum_s_two_megabytes_is_read() {
    let length = async |body: Bytes| body.len().to_string();
    let router = App::new().http("length", length).into_router();
    let large = "x".repeat(6 << 20);
    let body = http(
        "POST",
        "http://h/",
        json!({ "Content-Type": ["text/plain"] }),
        json!({}),
        Some(&large),
    );
    let reply = invoke(&router, "length", body).await;
    assert_eq!(reply.res()["body"], (6 << 20).to_string());
}

#[tokio::test]
async fn metadata_is_read_as_any_json_object() {
    async fn look(invocation: Invocation) -> Result<Answer, FunctionError> {
        let read = |name| {
            invocation
                .metadata(name)
                .map(|value| value.raw().to_owned())
        };
        let names = ["a", "b", "é\"", "none"];
        Ok(Answer::new().return_value(names.map(read))?)
    }
    let router = App::new().function("f", look).into_router();
    for (metadata, expected) in [
        (
            // Of equal names the last counts, and an escaped name is the same name.
            r#","Metadata": { "a" : 1, "b":{"a":2}, "\u00e9\"":[3], "a":"4" }"#,
            json!(["\"4\"", "{\"a\":2}", "[3]", null]),
        ),
        (r#","Metadata":{}"#, json!([null, null, null, null])),
        (r#","Metadata":null"#, json!([null, null, null, null])),
        ("", json!([null, null, null, null])),
    ] {
        let reply = invoke(&router, "f", format!(r#"{{"Data":{{}}{metadata}}}"#)).await;
        assert_eq!(reply.body["ReturnValue"], expected, "{metadata}");
    }
    let reply = invoke(&router, "f", r#"{"Data":{},"Metadata":[1]}"#).await;
    assert_eq!(reply.status, 400);
    let error: &Value = &reply.body["error"];
    assert!(error.as_str().unwrap().contains("JSON object"), "{error}");
}

#[test]
fn a_router_runs_each_function_on_the_runtime_that_polls_it() {
    let thread = async || std::thread::current().name().unwrap_or_default().to_owned();
    let router = App::new()
        .function_timeout(Duration::from_secs(60))
        .http("thread", thread)
        .into_router();
    for name in ["one", "two"] {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .build()
            .unwrap();
        let reply = runtime.block_on(invoke(&router, "thread", get()));
        assert_eq!(reply.res()["body"], name);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_always_get_a_valid_answer(bytes in bodies()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = async |invocation: Invocation| -> Result<Answer, FunctionError> {
            for (_, value) in invocation.data_iter() {
                let _ = (value.text(), value.json::<Value>(), value.bytes());
            }
            Ok(Answer::new())
        };
        let router = App::new().function("read", read).http("page", async |body: Bytes| body).into_router();
        for function in ["read", "page"] {
            let reply = runtime.block_on(invoke(&router, function, bytes.clone()));
            prop_assert!([200, 400].contains(&reply.status.as_u16()));
        }
    }
}

/// Noise, invocations with arbitrary values, and well-formed ones with a few bytes changed.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let values = prop_oneof![
        any::<String>().prop_map(|text| json!(text)),
        any::<String>().prop_map(|text| json!(json!(text).to_string())),
        any::<i64>().prop_map(|number| json!(number)),
        Just(Value::Null),
    ];
    let page = http(
        "POST",
        "http://localhost:7071/api/f?a=1",
        json!({ "Content-Type": ["application/octet-stream"], "X": ["a", "b"] }),
        json!({ "p": null }),
        Some("AAEC"),
    );
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::hash_map(any::<String>(), values, 0..5)
            .prop_map(|values| data(json!(values)).into_bytes()),
        prop::collection::vec((0..page.len(), any::<u8>()), 0..4).prop_map(move |changes| {
            let mut bytes = page.clone().into_bytes();
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            bytes
        }),
    ]
}
