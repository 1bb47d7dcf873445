//! Durable HTTP: the host's built-in activity, and the polling that the engine adds.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::{Host, actions, answer, failure, orchestrator};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::worker::OrchestratorFunction;
use durable_functions::worker::run_turn;
use durable_functions::{HttpRequest, OrchestrationContext, Result};
use durable_functions::{Orchestrator, RetryPolicy};
use durable_protocol::messages::{
    EventType, OrchestratorActionType, OrchestratorRequest, OrchestratorResponse, TaskFailedEvent,
};
use prost::Message;
use serde_json::{Value, json};

/// One call of `request`; gives status and body.
fn calling(request: impl Fn() -> HttpRequest + Send + Sync + 'static) -> OrchestratorFunction {
    orchestrator(move |ctx: OrchestrationContext, (): ()| {
        let request = request();
        async move {
            let response = ctx.call_http(request).await?;
            Ok((response.status().as_u16(), response.into_text()))
        }
    })
}

/// The output of the built-in activity.
fn output(status: u16, headers: Value, content: &str) -> String {
    json!({"statusCode": status, "headers": headers, "content": content}).to_string()
}

/// The request in the input of the `index`-th action.
fn sent(answer: &OrchestratorResponse, index: usize) -> Value {
    match answer.actions[index].orchestrator_action_type.as_ref() {
        Some(OrchestratorActionType::ScheduleTask(task)) => {
            assert_eq!(task.name, "BuiltIn::HttpActivity");
            let input: Value = serde_json::from_str(task.input.as_ref().unwrap()).unwrap();
            assert_eq!(input.as_array().unwrap().len(), 1);
            input[0].clone()
        }
        other => panic!("{other:?}"),
    }
}

async fn recorded(ctx: OrchestrationContext, input: BTreeMap<String, String>) -> Result<Value> {
    let get = HttpRequest::get(&input["uri"]).header("x-test", "v");
    let first = ctx.call_http(get).await?;
    let post = HttpRequest::post(&input["uri"]).json(&json!({"posted": true}));
    let second = ctx.call_http(post).await?;
    let refused = ctx
        .call_http(HttpRequest::get("http://127.0.0.1:9/refused"))
        .await
        .unwrap_err();
    let fourth = ctx
        .call_http(HttpRequest::get(&input["uri"]))
        .await
        .unwrap_err();
    Ok(json!({
        "first": first.json::<Value>()?["headers"]["x-test"],
        "server": first.header("server"),
        "second": second.json::<Value>()?["body"],
        "refused": refused.into_failure().error_type(),
        "fourth": fourth.into_failure().error_type(),
    }))
}

/// A header's value may be a text or an array.
fn normal(mut request: Value) -> Value {
    for value in request
        .get_mut("headers")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|headers| headers.values_mut())
    {
        if value.is_string() {
            *value = json!([value]);
        }
    }
    request
}

#[test]
fn every_recorded_turn_asks_for_the_recorded_request() {
    let function = OrchestratorFunction::new(Orchestrator::new("builtinHttp"), recorded);
    let case: Value =
        serde_json::from_str(include_str!("../fixtures/durable/builtin-http.json")).unwrap();
    let turns = case["turns"].as_array().unwrap();
    assert_eq!(turns.len(), 5);
    for (index, turn) in turns.iter().enumerate() {
        let ours = decode(&run_turn(&function, turn["request"].as_str().unwrap()));
        let theirs = decode(turn["answer"].as_str().unwrap());
        match index {
            0..3 => assert_eq!(normal(sent(&ours, 0)), normal(sent(&theirs, 0))),
            // The recorded worker sent an input that is not an array; ours always sends an array.
            3 => assert_eq!(ours.actions[0].id, 3),
            _ => assert_eq!(
                output_of(&ours),
                json!({
                    "first": ["v"],
                    "server": "Kestrel",
                    "second": "{\"posted\":true}",
                    "refused": "HttpRequestFailed",
                    "fourth": "Newtonsoft.Json.JsonSerializationException",
                })
            ),
        }
    }
}

/// The output that the answer ends the instance with.
fn output_of(answer: &OrchestratorResponse) -> Value {
    match answer.actions[0].orchestrator_action_type.as_ref() {
        Some(OrchestratorActionType::CompleteOrchestration(end)) => {
            serde_json::from_str(end.result.as_ref().unwrap()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn decode(answer: &str) -> OrchestratorResponse {
    OrchestratorResponse::decode(STANDARD.decode(answer).unwrap().as_slice()).unwrap()
}

#[test]
fn the_request_is_scheduled_when_it_is_made_not_when_it_is_awaited() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let call = ctx.call_http(HttpRequest::get("https://example.com/"));
        ctx.sleep(Duration::from_secs(1)).await;
        Ok(call.await?.into_text())
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    assert_eq!(sent(&first, 0)["uri"], "https://example.com/");
    assert_eq!(actions(&first)[1], "#1 timer +1");
    host.completed(0, &output(200, json!({}), "done")).fired(1);
    assert_eq!(actions(&host.turn()), [r#"#2 Completed("done")"#]);
}

#[test]
fn every_part_of_a_request_reaches_the_host_in_its_form() {
    let mut host = Host::new(
        calling(|| {
            HttpRequest::put("https://example.com/a?b=c")
                .header("X-One", "1")
                .header("x-one", "2")
                .body("text")
                .timeout(Duration::from_secs(100))
                .managed_identity("https://vault.azure.net/.default")
        }),
        None,
    );
    assert_eq!(
        sent(&host.turn(), 0),
        json!({
            "method": "PUT",
            "uri": "https://example.com/a?b=c",
            "headers": {"x-one": ["1", "2"]},
            "content": "text",
            "tokenSource": {
                "kind": "AzureManagedIdentity",
                "resource": "https://vault.azure.net/.default",
            },
            "timeout": "00:01:40",
        })
    );
}

fn accepted() -> HttpRequest {
    HttpRequest::post("https://example.com/jobs?code=k")
        .header("x-functions-key", "key")
        .header("Authorization", "Bearer t")
        .header("x-trace", "1")
        .json(&1)
        .managed_identity("r")
}

#[test]
fn an_accepted_request_is_polled_at_its_location_until_it_is_done() {
    let mut host = Host::new(calling(accepted), None);
    host.turn();
    let later = json!({"Location": "../status/7", "Retry-After": "5"});
    host.completed(0, &output(202, later, ""));
    assert_eq!(actions(&host.turn()), ["#1 timer +6"]);
    assert_eq!(
        sent(&host.fired(1).turn(), 0),
        json!({
            "method": "GET",
            "uri": "https://example.com/status/7",
            "headers": {"authorization": ["Bearer t"], "x-trace": ["1"]},
            "tokenSource": {"kind": "AzureManagedIdentity", "resource": "r"},
        }),
        "the key and the body stay behind, the rest goes along"
    );
    // A second 202 without Retry-After: the default of the extension.
    host.completed(2, &output(202, json!({"location": "8"}), ""));
    assert_eq!(actions(&host.turn()), ["#3 timer +33"]);
    let poll = sent(&host.fired(3).turn(), 0);
    assert_eq!(poll["uri"], "https://example.com/status/8");
    host.completed(4, &output(200, json!({}), "done"));
    assert_eq!(actions(&host.turn()), [r#"#5 Completed([200,"done"])"#]);
}

#[test]
fn a_poll_of_another_origin_carries_no_credentials() {
    let mut host = Host::new(calling(accepted), None);
    host.turn();
    let later = json!({"Location": "http://example.com/status", "Retry-After": "1"});
    host.completed(0, &output(202, later, "")).turn();
    assert_eq!(
        sent(&host.fired(1).turn(), 0),
        json!({
            "method": "GET",
            "uri": "http://example.com/status",
            "headers": {"x-trace": ["1"]},
        })
    );
}

#[test]
fn the_pause_between_polls_is_what_server_and_host_ask_for_and_never_none() {
    // The second turn is at 03:04:06.
    for (retry_after, timer) in [
        (json!("Tue, 02 Jan 2024 03:05:06 GMT"), 61),
        (json!("Tue, 02 Jan 2024 03:00:00 GMT"), 2),
        (json!("Tuesday, 02-Jan-24 03:05:06 GMT"), 61),
        (json!("0"), 2),
        (json!(["7", "9"]), 8),
        (json!("soon"), 31),
    ] {
        let mut host = Host::new(calling(accepted), None);
        host.turn();
        let headers = json!({"Location": "/s", "Retry-After": retry_after});
        host.completed(0, &output(202, headers, ""));
        assert_eq!(
            actions(&host.turn()),
            [format!("#1 timer +{timer}")],
            "{retry_after}"
        );
    }
}

#[test]
fn the_default_pause_is_that_of_host_json() {
    let function = calling(accepted);
    let mut host = Host::new(function.clone(), None);
    host.turn();
    host.completed(0, &output(202, json!({"Location": "/s"}), ""));
    let mut request: OrchestratorRequest = host.request();
    request.properties.insert(
        "HttpDefaultAsyncRequestSleepTimeMilliseconds".to_owned(),
        prost_types::Value {
            kind: Some(prost_types::value::Kind::NumberValue(90_000.0)),
        },
    );
    assert_eq!(actions(&answer(&function, &request)), ["#1 timer +91"]);
}

#[test]
fn an_accepted_answer_is_the_result_when_polling_is_off_or_has_no_place_to_go() {
    for (headers, polls) in [
        (json!({"Location": "/s"}), false),
        (json!({}), true),
        (json!({"Location": "ftp://example.com/"}), true),
    ] {
        let mut host = Host::new(
            calling(move || accepted().asynchronous_pattern(polls)),
            None,
        );
        host.turn();
        host.completed(0, &output(202, headers, "taken"));
        assert_eq!(actions(&host.turn()), [r#"#1 Completed([202,"taken"])"#]);
    }
}

#[test]
fn an_error_status_is_an_answer_that_can_be_made_a_failure() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let request = HttpRequest::get("https://example.com/");
        let response = ctx.call_http(request).await?.error_for_status()?;
        Ok(response.json::<u8>()?)
    });
    for (status, body, error_type, fatal) in [
        (404, "", "HttpStatus", true),
        (429, "", "HttpStatus", false),
        (503, "", "HttpStatus", false),
        (200, "text", "UnexpectedResult", true),
    ] {
        let mut host = Host::new(function.clone(), None);
        host.turn();
        let end = host.completed(0, &output(status, json!({}), body)).turn();
        let details = failure(&end);
        assert_eq!(details.error_type, error_type);
        assert_eq!(details.is_non_retriable, fatal, "{status}");
    }
}

#[test]
fn a_request_without_answer_is_sent_again_by_its_policy_and_then_names_itself() {
    let policy = RetryPolicy::new(2, Duration::from_secs(3));
    let mut host = Host::new(
        calling(move || HttpRequest::get("https://example.com/a?code=k").with_retry(policy)),
        None,
    );
    let lost = |id| {
        EventType::TaskFailed(Box::new(TaskFailedEvent {
            task_scheduled_id: id,
            failure_details: None,
        }))
    };
    host.turn();
    assert_eq!(actions(&host.deliver(lost(0)).turn()), ["#1 timer +4"]);
    host.fired(1).turn();
    let details = failure(&host.deliver(lost(2)).turn());
    assert_eq!(details.error_type, "HttpRequestFailed");
    let message = details.error_message;
    assert!(
        message.starts_with("HTTP request GET https://example.com/a failed: there was no answer"),
        "{message}"
    );
}

#[test]
fn a_request_that_is_not_valid_is_never_sent() {
    for (request, part) in [
        (HttpRequest::get("/relative"), "URL"),
        (HttpRequest::get("ftp://example.com/"), "'ftp'"),
        (
            HttpRequest::get("https://e.com/").header("a b", "c"),
            "'a b'",
        ),
        (HttpRequest::get("https://e.com/").header("a", "\n"), "'a'"),
        (HttpRequest::get("https://e.com/").header("a", "ä"), "'a'"),
        (
            HttpRequest::get("https://e.com/").header("Content-Length", "1"),
            "'content-length'",
        ),
        (
            HttpRequest::get("https://e.com/").timeout(Duration::ZERO),
            "time-out",
        ),
    ] {
        let mut host = Host::new(calling(move || request.clone()), None);
        let end = host.turn();
        assert_eq!(end.actions.len(), 1, "only the completion");
        let details = failure(&end);
        assert_eq!(details.error_type, "InvalidInput");
        assert!(details.error_message.contains(part), "{details:?}");
    }
}

/// Polls are made while the future is awaited, so that a fan-in has to await all of them at once.
#[test]
fn join_all_polls_for_every_accepted_request_at_the_same_time() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let calls =
            ["a", "b"].map(|host| ctx.call_http(HttpRequest::get(format!("http://{host}/"))));
        let answers = ctx.join_all(calls).await?;
        Ok(answers
            .into_iter()
            .map(|it| it.into_text())
            .collect::<Vec<_>>())
    });
    let mut host = Host::new(function, None);
    assert_eq!(host.turn().actions.len(), 2);
    let accepted = output(202, json!({"Location": "/job", "Retry-After": "7"}), "");
    host.completed(1, &accepted).completed(0, &accepted);
    assert_eq!(actions(&host.turn()), ["#2 timer +8", "#3 timer +8"]);
    let polls = host.fired(3).fired(2).turn();
    assert_eq!(sent(&polls, 0)["uri"], "http://a/job");
    assert_eq!(sent(&polls, 1)["uri"], "http://b/job");
    host.completed(5, &output(200, json!({}), "B"));
    assert!(host.turn().actions.is_empty());
    let end = host.completed(4, &output(200, json!({}), "A")).turn();
    assert_eq!(output_of(&end), json!(["A", "B"]));
}
