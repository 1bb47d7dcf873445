//! What the integration tests share: invocations as the host writes them, and the rules for
//! answers that the host passes on unchanged.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;

/// The value of a panic that panics again when it is dropped.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the bomb was dropped");
    }
}

/// A handler's answer to the host. Only a report has a string as its body.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn res(&self) -> &Value {
        &self.body["Outputs"]["res"]
    }

    pub(crate) fn logs(&self) -> Vec<&str> {
        self.body["Logs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap())
            .collect()
    }

    pub(crate) fn has_log(&self, parts: &[&str]) -> bool {
        self.logs()
            .iter()
            .any(|line| parts.iter().all(|part| line.contains(part)))
    }
}

/// Two subscribers that stay. While a process has only one, `tracing` asks nobody but the current thread whether a line
/// is wanted, and remembers the answer for all threads. So a test without a subscriber could silence the lines of
/// another one.
static SUBSCRIBERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::new())));

pub(crate) async fn invoke(router: &Router, function: &str, body: impl Into<Body>) -> Reply {
    invoke_as(router, function, "4711-id", body).await
}

pub(crate) async fn invoke_as(
    router: &Router,
    function: &str,
    id: &str,
    body: impl Into<Body>,
) -> Reply {
    LazyLock::force(&SUBSCRIBERS);
    let request = Request::post(format!("/{function}"))
        .header("X-Azure-Functions-InvocationId", id)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .body(body.into())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let content_type = response.headers()[header::CONTENT_TYPE].clone();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    if content_type == "text/plain; charset=utf-8" {
        let body = Value::String(String::from_utf8(bytes.to_vec()).unwrap());
        return Reply { status, body };
    }
    assert_eq!(content_type, "application/json");
    let body: Value = serde_json::from_slice(&bytes).expect("the answer is JSON");
    let reply = Reply { status, body };
    if status == StatusCode::OK {
        assert_complete(&reply.body);
    } else {
        assert!(reply.body["error"].is_string(), "{}", reply.body);
    }
    reply
}

/// A 200 must hold all three members: without one the host waits for ever or changes the answer.
fn assert_complete(body: &Value) {
    assert!(body["Outputs"].is_object(), "{body}");
    assert!(
        body["Logs"]
            .as_array()
            .is_some_and(|l| l.iter().all(Value::is_string)),
        "{body}"
    );
    assert!(
        body.as_object().unwrap().contains_key("ReturnValue"),
        "{body}"
    );
}

/// The body of an HTTP invocation, as the host sends it.
pub(crate) fn http(
    method: &str,
    url: &str,
    headers: Value,
    params: Value,
    body: Option<&str>,
) -> String {
    let mut req = json!({
        "Url": url, "Method": method, "Query": {}, "Headers": headers, "Params": params, "Identities": [],
    });
    if let Some(body) = body {
        req["Body"] = json!(body);
    }
    json!({ "Data": { "req": req }, "Metadata": { "sys": { "MethodName": "f" } } }).to_string()
}

pub(crate) fn get() -> String {
    http(
        "GET",
        "http://localhost:7071/api/f",
        json!({}),
        json!({}),
        None,
    )
}

/// The body of any other invocation.
pub(crate) fn data(data: Value) -> String {
    json!({ "Data": data, "Metadata": { "sys": { "MethodName": "f" } } }).to_string()
}

/// Why the host would not pass this value of `res` on to the client as it is; checked against the
/// captured traffic in `host_responses.rs`.
pub(crate) fn trouble(res: &Value) -> Option<String> {
    let Some(res) = res.as_object() else {
        return Some("not an object".into());
    };
    if !res
        .get("statusCode")
        .and_then(Value::as_u64)
        .is_some_and(|s| (200..=599).contains(&s))
    {
        return Some(format!("statusCode {:?}", res.get("statusCode")));
    }
    let Some(body) = res.get("body").and_then(Value::as_str) else {
        return Some("body".into());
    };
    if rewritten(body) {
        return Some("the body is a date".into());
    }
    if !matches!(
        res.get("headers"),
        None | Some(Value::Null | Value::Object(_))
    ) {
        return Some("headers".into());
    }
    let mut names = Vec::new();
    for (name, value) in res
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let lower = name.to_ascii_lowercase();
        let Some(value) = value.as_str() else {
            return Some(format!("{name} is no string"));
        };
        if !value.bytes().all(|b| (0x20..0x7f).contains(&b)) || rewritten(value) {
            return Some(format!("{name}: {value}"));
        }
        if matches!(
            lower.as_str(),
            "content-length" | "transfer-encoding" | "connection" | "upgrade"
        ) {
            return Some(format!("{name} is the host's"));
        }
        if names.contains(&lower) {
            return Some(format!("{name} twice"));
        }
        names.push(lower);
    }
    None
}

/// Whether the host reads the whole text as date and time. Written without the crate, to check it.
fn rewritten(text: &str) -> bool {
    let t = text.as_bytes();
    (t.len() >= 19
        && t[0].is_ascii_digit()
        && t[4] == b'-'
        && t[10] == b'T'
        && t[13] == b':'
        && !text.contains(' '))
        || (text.starts_with("/Date(") && text.ends_with(")/"))
}
