//! Captured requests of a real host: the axum handler sees what the client sent.

use crate::support::{Reply, http, invoke, invoke_as};
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use functions_handler::{App, Invocation, OriginalUrl, Params, logs};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::HashMap;
use tracing::instrument::WithSubscriber;

fn cases() -> Vec<Value> {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/requests.json")).unwrap();
    fixture["cases"].as_array().unwrap().clone()
}

/// Bodies that are not UTF-8, under types that the host decodes as text.
const DAMAGED: [&str; 4] = [
    "request-body/image",
    "request-body/no-content-type-binary",
    "request-body/gzip",
    "request-body/latin1",
];

/// Answers with what it sees.
async fn mirror(
    invocation: Invocation,
    url: OriginalUrl,
    Params(params): Params<HashMap<String, String>>,
    request: Request,
) -> Json<Value> {
    let (
        Parts {
            method,
            uri,
            headers,
            ..
        },
        body,
    ) = request.into_parts();
    let body: Bytes = body.collect().await.unwrap().to_bytes();
    let headers: Vec<_> = headers
        .iter()
        .map(|(n, v)| {
            (
                n.as_str().to_owned(),
                String::from_utf8(v.as_bytes().to_vec()).unwrap(),
            )
        })
        .collect();
    Json(json!({
        "id": invocation.id(), "function": invocation.function_name(), "url": url.as_str(), "params": params,
        "method": method.as_str(), "uri": uri.to_string(), "headers": headers, "body": STANDARD.encode(&body),
    }))
}

async fn seen(case: &Value) -> Value {
    let function = case["target"].as_str().unwrap().trim_start_matches('/');
    let router = App::new().http(function, mirror).into_router();
    let id = case["headers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|h| h[0] == "X-Azure-Functions-InvocationId")
        .unwrap()[1]
        .as_str()
        .unwrap();
    let reply = invoke_as(&router, function, id, case["body"].to_string()).await;
    let seen: Value = serde_json::from_str(reply.res()["body"].as_str().unwrap()).unwrap();
    if reply.res()["statusCode"] == 200 {
        assert_eq!(seen["id"], id, "{}", case["name"]);
        assert_eq!(seen["function"], function);
    }
    seen
}

#[tokio::test]
async fn the_handler_sees_the_client_s_method_path_query_headers_and_body() {
    let (mut compared, mut bodies) = (0, 0);
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        if name.contains("/chunked") || DAMAGED.contains(&name) {
            continue;
        }
        let (client, seen) = (&case["client"], seen(&case).await);
        assert_eq!(seen["method"], client["method"], "{name}");
        // The one change that the host makes to a target: a doubly escaped slash loses a level.
        let target = client["target"].as_str().unwrap().replace("%252F", "%2F");
        assert_eq!(seen["uri"], target, "{name}");
        assert_eq!(seen["url"], case["body"]["Data"]["req"]["Url"], "{name}");

        let lines = |headers: &Value| {
            let mut lines: Vec<(String, String)> = headers
                .as_array()
                .unwrap()
                .iter()
                .map(|h| {
                    (
                        h[0].as_str().unwrap().to_lowercase(),
                        h[1].as_str().unwrap().trim().to_owned(),
                    )
                })
                // The host adds this header to a request without a body.
                .filter(|(n, v)| (n.as_str(), v.as_str()) != ("content-length", "0"))
                .collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&seen["headers"]), lines(&client["headers"]), "{name}");

        // UTF-16 with a byte order mark is the one encoding that the host turns into UTF-8.
        let sent = match (&client["body"], &client["bodyBase64"]) {
            _ if name == "request-body/utf16" => br#"{"a":1}"#.to_vec(),
            (Value::String(text), _) => text.clone().into_bytes(),
            (_, Value::String(base64)) => STANDARD.decode(base64).unwrap(),
            _ => Vec::new(),
        };
        bodies += usize::from(!sent.is_empty());
        assert_eq!(
            STANDARD.decode(seen["body"].as_str().unwrap()).unwrap(),
            sent,
            "{name}"
        );
        compared += 1;
    }
    assert!(
        compared > 30 && bodies > 8,
        "{compared} cases, {bodies} bodies"
    );
}

#[tokio::test]
async fn route_parameters_arrive_without_those_left_out() {
    for (name, params) in [
        ("request-route/optional-given", json!({ "name": "Ada" })),
        ("request-route/optional-absent", json!({})),
        ("request-route/encoded", json!({ "name": "x yé+z" })),
        ("request-route/encoded-slash", json!({ "name": "a%2Fb" })),
        ("request-route/catch-all", json!({ "rest": "a/b%2Fc/d" })),
        ("request-route/two-optional", json!({ "a": "1" })),
    ] {
        let case = cases()
            .into_iter()
            .find(|case| case["name"] == name)
            .unwrap();
        assert_eq!(seen(&case).await["params"], params, "{name}");
    }
}

#[tokio::test]
async fn a_chunked_request_whose_body_the_host_dropped_gets_411_and_the_reason() {
    for name in ["request-body/chunked", "request-body/chunked-octet"] {
        let case = cases().into_iter().find(|case| case["name"] == name);
        let res = refused(case.unwrap()["body"].to_string()).await;
        assert_eq!(res["statusCode"], 411);
        let body: Value = serde_json::from_str(res["body"].as_str().unwrap()).unwrap();
        let error = body["error"].as_str().unwrap();
        assert!(
            error.contains("chunked") && error.contains("Content-Length"),
            "{error}"
        );
    }
}

/// An invocation of `echo` with its log lines.
async fn logged(router: &Router, body: String) -> Reply {
    let logs = logs::Builder::new().filter("info").build(std::io::sink);
    invoke(router, "echo", body)
        .with_subscriber(logs.unwrap())
        .await
}

/// The answer to an HTTP request whose function must not be called.
async fn refused(body: String) -> Value {
    let untouchable = async || -> &'static str { panic!("the handler was called") };
    let router = App::new().http("echo", untouchable).into_router();
    let reply = logged(&router, body).await;
    let res = reply.res().clone();
    assert_eq!(res["headers"]["content-type"], "application/json");
    assert!(
        reply.has_log(&["WARN", &res["statusCode"].to_string()]),
        "{:?}",
        reply.logs()
    );
    res
}

#[tokio::test]
async fn a_request_whose_body_the_host_damaged_gets_415_and_the_types_that_it_carries() {
    for name in DAMAGED {
        let case = cases().into_iter().find(|case| case["name"] == name);
        let res = refused(case.unwrap()["body"].to_string()).await;
        assert_eq!(res["statusCode"], 415, "{name}");
        let error = res["body"].as_str().unwrap();
        for part in ["UTF-8", "application/octet-stream", "multipart/*"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

/// The body of an HTTP invocation with these headers, however spelled.
fn with_body(headers: Value, body: &str) -> String {
    http("POST", "http://h/api/echo", headers, json!({}), Some(body))
}

#[tokio::test]
async fn a_replacement_character_of_the_client_s_own_reaches_the_function() {
    let text = "a\u{fffd}ü";
    for headers in [
        json!({ "content-length": ["6"] }),
        // The host has stripped a byte order mark.
        json!({ "Content-Length": ["9"] }),
        // It has read UTF-16.
        json!({ "Content-Length": ["8"], "Content-Type": ["text/plain; charset=utf-16"] }),
        // Without a length the damage cannot be seen.
        json!({}),
        json!({ "Content-Length": ["six"] }),
    ] {
        let router = App::new()
            .http("echo", async |body: String| body)
            .into_router();
        let reply = logged(&router, with_body(headers.clone(), text)).await;
        assert_eq!(reply.res()["body"], text, "{headers}");
        assert_eq!(reply.logs(), Vec::<&str>::new());
    }
    for length in ["1", "4", "5", "7", "10"] {
        let headers = json!({ "CONTENT-LENGTH": [length], "Content-Type": ["image/png"] });
        let res = refused(with_body(headers, text)).await;
        assert_eq!(res["statusCode"], 415, "{length}");
    }
    // A length that does not fit proves nothing by itself.
    let router = App::new()
        .http("echo", async |body: String| body)
        .into_router();
    let headers = json!({ "Content-Length": ["5"] });
    let reply = invoke(&router, "echo", with_body(headers, "abc")).await;
    assert_eq!(reply.res()["body"], "abc");
}

#[tokio::test]
async fn metadata_of_a_json_body_reads_by_type() {
    let case = cases()
        .into_iter()
        .find(|case| case["name"] == "request-body/json-object")
        .unwrap();
    let check = async |invocation: Invocation| {
        let text = |name: &str| {
            invocation
                .metadata(name)
                .unwrap()
                .text()
                .unwrap()
                .unwrap()
                .into_owned()
        };
        assert_eq!(text("s"), "x");
        assert_eq!(text("t"), "10/24/2024 12:00:00");
        assert_eq!(invocation.metadata("a").unwrap().json::<u8>().unwrap(), 5);
        assert_eq!(
            invocation.metadata("f").unwrap().json::<f64>().unwrap(),
            1.5
        );
        assert_eq!(
            invocation.metadata("b").unwrap().json::<Value>().unwrap(),
            json!({ "c": true })
        );
        assert_eq!(
            invocation.metadata("sys").unwrap().json::<Value>().unwrap()["MethodName"],
            "echo"
        );
        assert!(invocation.metadata("n").is_none());
        "checked"
    };
    let router = App::new().http("echo", check).into_router();
    let reply = invoke(&router, "echo", case["body"].to_string()).await;
    assert_eq!(reply.res()["body"], "checked", "{:?}", reply.logs());
}

#[tokio::test]
async fn a_method_that_the_registration_leaves_out_gets_405() {
    use functions_handler::routing::post;
    let router = App::new()
        .http("f", post(async || "called").with_route("/f"))
        .into_router();
    let call = |method: &str| http(method, "http://h/f", json!({}), json!({}), None);
    for (method, status) in [("POST", 200), ("post", 200), ("GET", 405), ("HEAD", 405)] {
        let reply = invoke(&router, "f", call(method)).await;
        assert_eq!(reply.res()["statusCode"], status, "{method}");
    }
    let refused = invoke(&router, "f", call("PUT")).await;
    assert_eq!(refused.res()["headers"]["allow"], "POST");
    assert_eq!(refused.res()["body"], r#"{"error":"Method not allowed."}"#);
}
