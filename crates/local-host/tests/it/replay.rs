//! Replays the recorded traffic of a real host: the client's bytes must give the handler the
//! recorded envelope, and the handler's recorded answer must give the client the recorded response.

use crate::support::{Host, body_bytes, fixture};
use serde_json::{Value, json};

/// Cases in which local-host differs from the recording, each with its reason.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "request-body/one-megabyte",
        "the recording holds no body; see http.rs, large bodies",
    ),
    (
        "response-body/large",
        "the recording holds no body; see http.rs, large bodies",
    ),
    (
        "response-status/zero",
        "refused: a real host puts an impossible status on the wire",
    ),
    (
        "response-status/99",
        "refused: a real host puts an impossible status on the wire",
    ),
    (
        "response-status/100",
        "refused: a client would wait for the final response",
    ),
    (
        "response-status/101",
        "refused: a client would wait for the final response",
    ),
    (
        "response-status/1000",
        "refused: a real host puts an impossible status on the wire",
    ),
    (
        "response-headers/content-length-short",
        "refused: a real host aborts the connection",
    ),
    (
        "response-headers/content-length-long",
        "refused: a real host aborts the connection",
    ),
    (
        "response-headers/transfer-encoding",
        "refused: a real host lets the client hang",
    ),
    (
        "response-envelope/status-307",
        "an answer 3xx fails: no handler redirects the host on purpose",
    ),
    ("return-value/accept-xml", "no XML"),
    ("routing/home", "the home page has its own text"),
    ("routing/home-post", "the home page has its own text"),
    (
        "routing/webhook-unknown",
        "no keys locally: 404 instead of 401",
    ),
    (
        "client-binding/durable-client",
        "the value comes from the task hub; the rest is in http.rs",
    ),
    (
        "client-binding/retry-policy",
        "no retry policies; the host warns at start",
    ),
    (
        "client-binding/retry-exhausted",
        "no retry policies; the host warns at start",
    ),
];

async fn replay(group: &str) {
    let host = Host::start().await;
    let recorded = fixture(&format!("{group}.json"));
    let mut wrong = Vec::new();
    let cases = recorded["cases"].as_array().unwrap();
    for case in cases {
        let name = format!("{group}/{}", case["name"].as_str().unwrap());
        if DIFFERENT.iter().any(|(different, _)| *different == name) {
            continue;
        }
        for answer in case["answers"].as_array().unwrap() {
            host.handler.answer_with(answer_bytes(answer));
        }
        let reply = host.send(&case["client"]).await;
        let received = host.handler.take_received();
        let mut differs = |what: &str, got: String, expected: String| {
            if got != expected {
                wrong.push(format!(
                    "{name}: {what}\n  got      {got}\n  expected {expected}"
                ));
            }
        };

        let response = &case["response"];
        differs(
            "status",
            reply.status.to_string(),
            response["status"].to_string(),
        );
        let headers = |list: Vec<(String, String)>| format!("{list:?}");
        let mut got = reply.headers();
        got.retain(|(name, _)| name != "x-custom-default");
        let expected = response_headers(response);
        if !expected.iter().any(|(name, _)| name == "server") {
            got.retain(|(name, _)| name != "server");
        }
        differs("headers", headers(got), headers(expected));
        if response["bodyLength"].is_number() {
            differs(
                "length",
                reply.body.len().to_string(),
                response["bodyLength"].to_string(),
            );
        } else {
            differs(
                "body",
                format!("{:?}", reply.body),
                format!("{:?}", body_bytes(response)),
            );
        }

        match &case["received"] {
            Value::Array(expected) => {
                differs(
                    "calls",
                    received.len().to_string(),
                    expected.len().to_string(),
                );
                for (got, expected) in received.iter().zip(expected) {
                    differs(
                        "target",
                        got.target().to_owned(),
                        expected["target"].as_str().unwrap().to_owned(),
                    );
                    differs(
                        "envelope",
                        envelope(got.json()).to_string(),
                        envelope(expected["body"].clone()).to_string(),
                    );
                }
            }
            count => differs("calls", received.len().to_string(), count.to_string()),
        }
    }
    assert!(
        !cases.is_empty() && wrong.is_empty(),
        "{}",
        wrong.join("\n")
    );
}

/// The handler's recorded answer as bytes.
fn answer_bytes(answer: &Value) -> Vec<u8> {
    if answer["closesConnection"] == true {
        return Vec::new();
    }
    let mut head = format!("HTTP/1.1 {} Reason\r\n", answer["status"]);
    for pair in answer["headers"].as_array().unwrap() {
        head += &format!(
            "{}: {}\r\n",
            pair[0].as_str().unwrap(),
            pair[1].as_str().unwrap()
        );
    }
    let mut body = body_bytes(answer);
    if let Some(chunks) = answer["chunks"].as_array() {
        head += "Transfer-Encoding: chunked\r\n";
        for chunk in chunks {
            let chunk = chunk.as_str().unwrap();
            body.extend(format!("{:x}\r\n{chunk}\r\n", chunk.len()).bytes());
        }
        body.extend(b"0\r\n\r\n");
    } else if answer["endsByClosingConnection"] != true {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    [
        format!("{head}Connection: close\r\n\r\n").into_bytes(),
        body,
    ]
    .concat()
}

fn response_headers(response: &Value) -> Vec<(String, String)> {
    let pairs = response["headers"].as_array().unwrap().iter();
    let mut headers: Vec<_> = pairs
        .map(|pair| {
            (
                pair[0].as_str().unwrap().to_lowercase(),
                pair[1].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    headers.sort();
    headers
}

/// An envelope without the parts that differ by design: random values, times, the identity of a caller with a
/// key (Admin locally), and the spelling of header names.
fn envelope(mut body: Value) -> Value {
    let metadata = body["Metadata"].as_object_mut().unwrap();
    for name in ["sys", "$sys"] {
        if let Some(sys) = metadata.get_mut(name).and_then(Value::as_object_mut) {
            sys.remove("UtcNow").unwrap();
            sys.remove("RandGuid").unwrap();
        }
    }
    if let Some(headers) = metadata
        .get_mut("Headers")
        .filter(|headers| headers.is_object())
    {
        lower_names(headers);
    }
    let request = body["Data"]
        .as_object_mut()
        .unwrap()
        .values_mut()
        .next()
        .unwrap();
    lower_names(&mut request["Headers"]);
    let with_key = ["x-functions-key", "x-ms-client-principal"]
        .iter()
        .any(|name| request["Headers"].get(name).is_some());
    if with_key || request["Query"].get("code").is_some() {
        request["Identities"] = json!(null);
    }
    sorted(body)
}

fn lower_names(headers: &mut Value) {
    let members = std::mem::take(headers.as_object_mut().unwrap());
    *headers = Value::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_lowercase(), value))
            .collect(),
    );
}

/// The same value with its members sorted, whatever map `serde_json` is built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[test]
fn every_listed_difference_names_a_recorded_case() {
    for (name, _) in DIFFERENT {
        let (group, case) = name.split_once('/').unwrap();
        let recorded = fixture(&format!("{group}.json"));
        let cases = recorded["cases"].as_array().unwrap();
        assert!(cases.iter().any(|known| known["name"] == case), "{name}");
    }
}

macro_rules! groups {
    ($($test:ident $group:literal)*) => {
        $(#[tokio::test]
        async fn $test() {
            replay($group).await;
        })*
    };
}

groups! {
    request_bodies_reach_the_handler_as_from_a_real_host "request-body"
    request_headers_reach_the_handler_as_from_a_real_host "request-headers"
    request_methods_reach_the_handler_as_from_a_real_host "request-method"
    queries_reach_the_handler_as_from_a_real_host "request-query"
    route_parameters_reach_the_handler_as_from_a_real_host "request-route"
    statuses_reach_the_client_as_from_a_real_host "response-status"
    headers_reach_the_client_as_from_a_real_host "response-headers"
    bodies_reach_the_client_as_from_a_real_host "response-body"
    answers_are_read_as_by_a_real_host "response-envelope"
    return_values_reach_the_client_as_from_a_real_host "return-value"
    requests_are_routed_as_by_a_real_host "routing"
}
