//! HTTP functions: warnings and errors that a real host does not have, and what the recordings do not cover.

use crate::support::{Host, load, recorded_app};
use local_host::log::LogLevel;
use serde_json::{Value, json};
use std::time::Duration;

const OK: &str = r#"{"Outputs":{"res":{"statusCode":200,"body":"ok"}}}"#;

async fn warning_for(answer: &str) -> String {
    let host = Host::start().await;
    host.handler.answer_json(answer);
    host.get("/api/reply").await;
    let messages = host.log.messages().into_iter();
    messages
        .filter(|(level, _)| *level > LogLevel::Info)
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join("\n")
}

fn post(target: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("POST {target} HTTP/1.1\r\nHost: localhost:7071\r\n{headers}\r\n{body}").into_bytes()
}

#[tokio::test]
async fn the_handler_gets_exactly_the_headers_of_a_host_under_core_tools() {
    let host = Host::start().await;
    host.handler.answer_json(OK);
    assert_eq!(host.get("/api/reply").await.status, 200);
    let received = host.handler.take_received();
    let lines: Vec<_> = received[0].head.lines().collect();
    assert_eq!(lines[0], "POST /reply HTTP/1.1");
    let names: Vec<String> = lines[1..]
        .iter()
        .map(|line| line.split(':').next().unwrap().to_lowercase())
        .collect();
    assert_eq!(
        names,
        [
            "host",
            "x-azure-functions-hostversion",
            "x-azure-functions-invocationid",
            "user-agent",
            "content-type",
            "content-length"
        ]
    );
    assert!(
        received[0].body.starts_with(
            r#"{"Data":{"req":{"Url":"http://localhost:7071/api/reply","Method":"GET""#
        )
    );
}

#[tokio::test]
async fn a_durable_client_is_a_string_that_holds_a_json_string() {
    let host = Host::start().await;
    host.handler.answer_json(OK);
    host.get("/api/withclient").await;
    let data = host.handler.take_received()[0].json()["Data"].clone();
    let once: String = serde_json::from_str(data["client"].as_str().unwrap()).unwrap();
    let twice: Value = serde_json::from_str(&once).unwrap();
    assert_eq!(twice, json!({"taskHubName": "MyHub"}));
}

#[tokio::test]
async fn a_lost_chunked_upload_is_reported() {
    let host = Host::start().await;
    host.handler.answer_json(OK);
    let request = post(
        "/api/echo",
        "Transfer-Encoding: chunked\r\n",
        "7\r\n{\"a\":1}\r\n0\r\n\r\n",
    );
    assert_eq!(host.send_bytes(&request).await.status, 200);
    let received = host.handler.take_received()[0].json();
    assert!(received["Data"]["req"].get("Body").is_none());
    assert!(
        host.log
            .messages()
            .iter()
            .any(|(_, text)| text.contains("chunked upload is lost"))
    );
}

#[tokio::test]
async fn what_a_real_host_changes_or_cannot_send_is_reported() {
    let cases = [
        (r#"{"Outputs":{"res":{"status":404}}}"#, "ignores 'status'"),
        (
            r#"{"Outputs":{"res":{"body":"2024-10-24T12:00:00Z"}}}"#,
            "10/24/2024 12:00:00",
        ),
        (
            r#"{"Outputs":{"res":{"body":{"d":"2024-10-24T12:00:00+02:00"}}}}"#,
            "2024-10-24T10:00:00+00:00",
        ),
        (r#"{"Outputs":{"res":{"headers":{"X-A":"é"}}}}"#, "'X-A'"),
        (
            r#"{"Outputs":{"res":{"statusCode":1000}}}"#,
            "statusCode 1000",
        ),
        (
            r#"{"Outputs":{"res":{"headers":{"Transfer-Encoding":"chunked"}}}}"#,
            "Transfer-Encoding",
        ),
        (r#"{"Outputs":{}}"#, "missing in Outputs"),
        ("null", "hangs until functionTimeout"),
    ];
    for (answer, expected) in cases {
        let warning = warning_for(answer).await;
        assert!(warning.contains(expected), "{answer}: {warning}");
    }
    assert_eq!(warning_for(OK).await, "");
}

#[tokio::test]
async fn an_invocation_is_logged_from_begin_to_end() {
    let host = Host::start().await;
    host.handler
        .answer_json(r#"{"Outputs":{"res":{"body":"x"}},"Logs":["first","second"]}"#);
    host.get("/api/reply").await;
    let lines: Vec<_> = host
        .log
        .messages()
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert!(lines[0].starts_with(
        "Executing 'Functions.reply' (Reason='This function was programmatically called via the host APIs.', Id="
    ));
    assert_eq!(lines[1..3], ["first", "second"]);
    assert!(lines[3].starts_with("Executed 'Functions.reply' (Succeeded, Id="));
}

#[tokio::test]
async fn the_reason_of_a_failed_invocation_is_logged_and_not_sent_to_the_client() {
    let host = Host::start().await;
    host.handler.answer_with(crate::support::http_answer(
        500,
        &[],
        br#"{"error":"secret"}"#,
    ));
    let reply = host.get("/api/reply").await;
    assert_eq!((reply.status, reply.text()), (500, ""));
    let log = format!("{:?}", host.log.messages());
    assert!(
        log.contains(
            "Response status code does not indicate success: 500 (Internal Server Error)."
        )
    );
    assert!(!log.contains("secret"));
}

#[tokio::test]
async fn the_message_of_a_handler_that_refuses_a_call_is_logged() {
    let host = Host::start().await;
    let json = br#"{"error":"no function `reply` is registered; registered: other","id":"1"}"#;
    host.handler
        .answer_with(crate::support::http_answer(404, &[], json));
    let reply = host.get("/api/reply").await;
    assert_eq!((reply.status, reply.text()), (500, ""));
    let messages = host.log.messages();
    let said = "reply: the handler says: no function `reply` is registered; registered: other";
    assert!(
        messages.iter().any(|(_, text)| text == said),
        "{messages:?}"
    );
}

#[tokio::test]
async fn a_function_time_out_ends_the_call() {
    let host = Host::start_with(1_000, Some(Duration::from_millis(50))).await;
    // The body of the answer is never sent.
    host.handler
        .answer_with("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    host.handler.hold_connections();
    let reply = host.get("/api/reply").await;
    assert_eq!((reply.status, reply.text()), (500, ""));
    let log = format!("{:?}", host.log.messages());
    assert!(
        log.contains("Timeout value of 00:00:00.0500000 was exceeded by function: Functions.reply"),
        "{log}"
    );
}

#[tokio::test]
async fn large_bodies_pass_and_too_large_ones_are_a_500() {
    let host = Host::start_with(1_048_576, None).await;
    let body = "x".repeat(1_048_576);
    host.handler
        .answer_json(&format!(r#"{{"Outputs":{{"res":{{"body":"{body}"}}}}}}"#));
    let request = post(
        "/api/reply",
        &format!("Content-Length: {}\r\n", body.len()),
        &body,
    );
    let reply = host.send_bytes(&request).await;
    assert_eq!((reply.status, reply.body.len()), (200, body.len()));
    assert_eq!(
        host.handler.take_received()[0].json()["Data"]["req"]["Body"],
        json!(body)
    );

    let reply = host
        .send_bytes(&post("/api/reply", "Content-Length: 1048577\r\n", ""))
        .await;
    assert_eq!(reply.status, 500);
    // Without a length it is noticed on the way.
    let chunk = format!("{:x}\r\n{body}\r\n1\r\nx\r\n0\r\n\r\n", body.len());
    let reply = host
        .send_bytes(&post(
            "/api/reply",
            "Transfer-Encoding: chunked\r\n",
            &chunk,
        ))
        .await;
    assert_eq!(reply.status, 500);
    assert!(host.handler.take_received().is_empty());
}

#[tokio::test]
async fn the_home_page_and_the_admin_api_answer() {
    let host = Host::start().await;
    let home = host.get("/").await;
    assert_eq!(
        (home.status, home.header("Content-Type")),
        (200, Some("text/html"))
    );
    assert!(
        home.text()
            .contains("Your Azure Function App is up and running.")
    );
    assert_eq!(home.header("X-Custom-Default"), Some("1"));

    let ping = host.get("/admin/host/ping").await;
    assert_eq!(
        (ping.status, ping.header("Cache-Control")),
        (200, Some("no-store,no-cache"))
    );
    let status: Value = serde_json::from_slice(&host.get("/admin/host/status").await.body).unwrap();
    assert_eq!(status["state"], "Running");
    assert_eq!(host.get("/admin/functions/reply/status").await.text(), "{}");
    let bad = host.get("/admin/functions/bad-two/status").await;
    assert!(
        bad.text()
            .starts_with(r#"{"errors":["Multiple trigger bindings defined."#)
    );
    assert_eq!(host.get("/admin/functions/nosuch/status").await.status, 404);
}

#[tokio::test]
async fn a_function_can_be_run_by_hand() {
    let host = Host::start().await;
    let run = |name: &str, kind: &str, body: &str| {
        let headers = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        post(&format!("/admin/functions/{name}"), &headers, body)
    };
    let json = "application/json";
    for (name, kind, body, status) in [
        ("act", "text/plain", "{}", 415),
        ("act", json, "[]", 400),
        ("act", json, r#"{"input":{}}"#, 400),
        ("nosuch", json, "{}", 404),
    ] {
        assert_eq!(
            host.send_bytes(&run(name, kind, body)).await.status,
            status,
            "{body}"
        );
    }
    host.handler.answer_json("{}");
    let request = run("ACT", json, r#"{"input":"{\"a\":1}"}"#);
    assert_eq!(host.send_bytes(&request).await.status, 202);
    let received = host.handler.next_received().await.json();
    assert_eq!(received["Data"]["input"], r#""[{\"a\":1}]""#);
    assert_eq!(received["Metadata"]["data"], r#""[{\"a\":1}]""#);
    assert_eq!(received["Metadata"]["input"], r#""{\"a\":1}""#);
    assert_eq!(received["Metadata"]["sys"]["MethodName"], "act");
}

#[tokio::test]
async fn a_callers_key_makes_it_admin() {
    let host = Host::start().await;
    for (target, kind) in [
        ("/api/reply", json!(null)),
        ("/api/reply?code=x", json!("WebJobsAuthLevel")),
        ("/api/keyfn", json!("WebJobsAuthLevel")),
    ] {
        host.handler.answer_json(OK);
        host.get(target).await;
        let received = host.handler.take_received()[0].json();
        assert_eq!(
            received["Data"]["req"]["Identities"][0]["AuthenticationType"], kind,
            "{target}"
        );
    }
    // A disabled anonymous function runs for Admin only. Every caller of a function of another level is
    // Admin.
    host.handler.answer_json(OK);
    assert_eq!(host.get("/api/off?code=x").await.status, 200);
    assert_eq!(host.get("/api/off").await.status, 404);
    host.handler.answer_json(OK);
    assert_eq!(host.get("/api/offfn").await.status, 200);
}

#[test]
fn the_help_for_a_function_in_error_names_the_file_the_place_and_what_to_write() {
    let trigger =
        |more: &str| format!(r#"{{"bindings":[{{"type":"httpTrigger","name":"req"{more}}}]}}"#);
    for (text, expected) in [
        (
            "{".to_owned(),
            "f/function.json:1:2: this is not valid JSON.",
        ),
        (
            trigger("").replace("Trigger", "Triger"),
            "f/function.json: no host knows the type 'httpTriger'. Triggers that local-host runs are httpTrigger,",
        ),
        (
            trigger(r#","authLevel":"anonymus""#),
            "authLevel is 'anonymus', expected one of anonymous, user, function, system, admin.",
        ),
        (
            trigger(r#","direction":"inn""#),
            "binding 'req': the direction is in (the default), out or inout.",
        ),
        (
            trigger(r#"},{"type":"http","name":"res""#),
            r#"binding 'res': write "direction": "out"."#,
        ),
    ] {
        let root = tempfile::tempdir().unwrap();
        let host =
            r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"h"}}}"#;
        std::fs::write(root.path().join("host.json"), host).unwrap();
        std::fs::create_dir(root.path().join("f")).unwrap();
        std::fs::write(root.path().join("f/function.json"), &text).unwrap();
        let functions = load(root.path(), &serde_json::json!({"environment": {}}));
        let help = &functions.errors[0].help;
        assert!(help.contains(expected), "{text}: {help}");
    }
}

#[test]
fn functions_are_checked_with_the_texts_of_a_real_host() {
    let (root, recorded) = recorded_app();
    let functions = load(root.path(), &recorded);
    let expected: Vec<(String, String)> =
        serde_json::from_value(recorded["errors"].clone()).unwrap();
    assert_eq!(functions.errors.len(), expected.len());
    for (error, (expected_name, expected_error)) in functions.errors.iter().zip(&expected) {
        let (name, error) = (&error.function, &error.error);
        // The rest of this text names a .NET type.
        let expected_error = match name.as_str() {
            "bad-dir" => "'sideways' is not a valid binding direction.",
            _ => expected_error,
        };
        assert_eq!((name, error.as_str()), (expected_name, expected_error));
    }
    let mapped: Vec<String> = functions
        .usable
        .iter()
        .filter_map(|function| {
            let route = function.route.as_ref()?;
            let methods = route
                .methods
                .as_ref()
                .map_or("all".to_owned(), |methods| methods.join(","));
            Some(format!(
                "Mapped function route '{}' [{methods}] to '{}'",
                route.text, function.name
            ))
        })
        .collect();
    let expected: Vec<String> = serde_json::from_value(recorded["routes"].clone()).unwrap();
    assert_eq!(mapped, expected);
}

#[test]
fn what_stops_a_whole_real_host_is_refused_and_named() {
    use local_host::host_json::HostJson;
    use local_host::settings::Environment;
    let http = r#"{"bindings":[{"type":"httpTrigger","name":"req","route":"/x"},{"type":"http","direction":"out","name":"res"}]}"#;
    let orchestrator = r#"{"bindings":[{"type":"orchestrationTrigger","name":"context"}]}"#;
    for (folders, expected) in [
        (
            &[("F", http)][..],
            "Function 'F': An error occurred while creating the route with name 'F' and template 'api//x'",
        ),
        (
            &[("Twin", orchestrator), ("twin", orchestrator)][..],
            "'Twin' and 'twin' differ only in case",
        ),
    ] {
        let root = tempfile::tempdir().unwrap();
        for (name, json) in folders {
            std::fs::create_dir(root.path().join(name)).unwrap();
            std::fs::write(root.path().join(name).join("function.json"), json).unwrap();
        }
        std::fs::write(
            root.path().join("host.json"),
            r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"h"}}}"#,
        )
        .unwrap();
        let environment = Environment::default();
        let host = HostJson::read(root.path(), &environment).unwrap();
        let error = local_host::functions::load(root.path(), &host, &environment)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn requests_below_the_webhooks_prefix_go_to_the_task_hub() {
    let host = Host::start().await;
    let reply = host
        .get("/Runtime/Webhooks/DurableTask/instances/a%20b%252B?code=SECRET&showInput=false")
        .await;
    assert_eq!(reply.status, 202);
    let text = reply.text();
    for part in [
        r#"method: "GET""#,
        r#"path: "/instances/a b%2B""#,
        r#"query: "?code=SECRET&showInput=false""#,
        r#"origin: "http://localhost:7071""#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for other in [
        "/runtime/webhooks/eventgrid",
        "/runtime/webhooks/durabletasks",
    ] {
        assert_eq!(host.get(other).await.status, 404, "{other}");
    }
}
