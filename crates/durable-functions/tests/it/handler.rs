//! Orchestrators and activities behind the custom-handler protocol, with the requests of a real host.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::{
    Activity, ActivityContext, AppExt, Failure, OrchestrationContext, Orchestrator, Result,
};
use durable_protocol::messages::{OrchestratorActionType, OrchestratorResponse};
use functions_handler::App;
use prost::Message;
use serde_json::{Value, json};
use tower::ServiceExt;

const ECHO: Activity<String, String> = Activity::new("echo");
const CHAIN: Orchestrator<(), Vec<String>> = Orchestrator::new("chain");

async fn chain(ctx: OrchestrationContext, (): ()) -> Result<Vec<String>> {
    let mut echoes = Vec::new();
    for (done, town) in ["Tokyo", "Oslo", "Lima"].into_iter().enumerate() {
        ctx.set_custom_status(Stage {
            stage: town,
            done,
            total: 3,
        });
        echoes.push(ctx.call(ECHO, town.to_owned()).await?);
    }
    ctx.set_custom_status("done");
    Ok(echoes)
}

#[derive(serde::Serialize)]
struct Stage {
    stage: &'static str,
    done: usize,
    total: usize,
}

/// The most common mistakes, each before anything durable is awaited.
const MISTAKES: [Orchestrator<(), ()>; 3] = [
    Orchestrator::new("mistake-sleep"),
    Orchestrator::new("mistake-spawn"),
    Orchestrator::new("mistake-socket"),
];

fn app() -> App {
    let [sleep, spawn, socket] = MISTAKES;
    let app = App::new()
        .orchestrator(sleep, async |_: OrchestrationContext, (): ()| {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            Ok(())
        })
        .orchestrator(spawn, async |_: OrchestrationContext, (): ()| {
            let _ = tokio::spawn(async {}).await;
            Ok(())
        })
        .orchestrator(socket, async |_: OrchestrationContext, (): ()| {
            let _ = tokio::net::TcpStream::connect("127.0.0.1:9").await;
            Ok(())
        });
    app.orchestrator(CHAIN, chain)
        .activity(ECHO, async |_: ActivityContext, town: String| {
            match town.as_str() {
                "panic" => panic!("secret detail"),
                "fail" => Err(Failure::new("Lost", "no such town").non_retriable().into()),
                "busy" => Err(Failure::new("Busy", "try 1").into()),
                _ => Ok(town),
            }
        })
}

/// Sends an invocation as the host does and gives the content type and the body of the answer.
async fn send(function: &str, body: &Value) -> (String, String) {
    let request = Request::post(format!("/{function}"))
        .header("content-type", "application/json; charset=utf-8")
        .header(
            "x-azure-functions-invocationid",
            "48535ede-2292-42ac-ab8f-55aefce23f26",
        )
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = app().into_router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let content_type = response.headers()["content-type"].to_str().unwrap();
    let content_type = content_type.to_owned();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (content_type, String::from_utf8(body.to_vec()).unwrap())
}

/// The parsed answer of a function that did not fail.
async fn invoke(function: &str, body: &Value) -> Value {
    let (content_type, body) = send(function, body).await;
    assert_eq!(content_type, "application/json", "{body}");
    serde_json::from_str(&body).unwrap()
}

/// The line for people and the record in the marker.
fn report(text: &str) -> (&str, Value) {
    let (line, marker) = text.split_once(" <activityFailure ").unwrap();
    let record = STANDARD.decode(marker.strip_suffix('>').unwrap()).unwrap();
    (line, serde_json::from_slice(&record).unwrap())
}

/// The exchanges of one kind in the recorded case.
fn recorded(kind: &str) -> Vec<Value> {
    let case: Value = serde_json::from_str(include_str!("../fixtures/chain.json")).unwrap();
    let exchanges = case["exchanges"].as_array().unwrap();
    exchanges
        .iter()
        .filter(|exchange| exchange["kind"] == kind)
        .cloned()
        .collect()
}

fn decode(answer: &Value) -> OrchestratorResponse {
    let message = STANDARD
        .decode(answer["ReturnValue"].as_str().unwrap())
        .unwrap();
    OrchestratorResponse::decode(message.as_slice()).unwrap()
}

#[tokio::test]
async fn every_recorded_turn_gets_the_recorded_answer() {
    let turns = recorded("orchestrator");
    assert_eq!(turns.len(), 4);
    for turn in turns {
        let ours = decode(&invoke("chain", &turn["request"]["body"]).await);
        let body: Value = serde_json::from_str(turn["response"]["body"].as_str().unwrap()).unwrap();
        let theirs = decode(&body);
        assert_eq!(ours.custom_status, theirs.custom_status);
        assert_eq!(ours.actions, theirs.actions);
    }
}

/// The handler has a runtime; its orchestrators have none.
#[tokio::test]
async fn what_needs_a_runtime_fails_the_instance_by_name_in_the_handler_as_well() {
    let first = &recorded("orchestrator")[0]["request"]["body"];
    for mistake in MISTAKES {
        let answer = decode(&invoke(mistake.name(), first).await);
        let end = answer.actions[0].orchestrator_action_type.as_ref().unwrap();
        let OrchestratorActionType::CompleteOrchestration(end) = end else {
            panic!("{end:?}");
        };
        let failure = end.failure_details.as_ref().unwrap();
        assert_eq!(failure.error_type, "NonDurableAwait", "{failure:?}");
    }
}

#[tokio::test]
async fn an_activity_answers_with_its_result_in_a_string_that_the_host_leaves_alone() {
    let answer = invoke("echo", &recorded("activity")[0]["request"]["body"]).await;
    assert_eq!(
        answer["ReturnValue"],
        json!(r#"{"activityResult":"Tokyo"}"#)
    );
}

#[tokio::test]
async fn a_failing_activity_fails_its_invocation_and_keeps_its_details() {
    let body =
        |town: &str| json!({"Data": {"input": format!("\"\\\"{town}\\\"\"")}, "Metadata": {}});
    let (content_type, text) = send("echo", &body("fail")).await;
    // Not JSON: that is what makes a host fail the invocation, and keep the whole text.
    assert_eq!(content_type, "text/plain; charset=utf-8");
    assert_eq!(
        report(&text),
        (
            "Lost: no such town",
            json!({"activityFailure": {
                "errorType": "Lost", "errorMessage": "no such town", "isNonRetriable": true
            }})
        )
    );
    let (_, text) = send("echo", &body("panic")).await;
    let (line, record) = report(&text);
    assert_eq!(line, "Panic: the activity panicked: secret detail");
    assert_eq!(record["activityFailure"]["errorType"], "Panic");
}

/// The recorded activity wrote the same in other brackets, at which the host's redaction does not stop.
#[tokio::test]
async fn a_failing_activity_answers_what_the_recorded_one_answered() {
    let body = json!({"Data": {"input": "\"\\\"busy\\\"\""}, "Metadata": {}});
    let (content_type, text) = send("echo", &body).await;
    assert_eq!(content_type, "text/plain; charset=utf-8");
    assert_eq!(
        text,
        "Busy: try 1 <activityFailure eyJhY3Rpdml0eUZhaWx1cmUiOnsiZXJyb3JUeXBlIjoiQnVzeSIsImVycm9yTWVzc2FnZSI6InRyeSAxIn19>"
    );
}

#[tokio::test]
async fn an_input_that_an_activity_cannot_read_fails_its_invocation() {
    for (data, what) in [
        (json!({}), "is missing"),
        (json!({"input": "\"{"}), "cannot be read"),
        (json!({"input": "7"}), "is not of type String"),
    ] {
        let body = json!({"Data": data, "Metadata": {}});
        let (_, text) = send("echo", &body).await;
        let (line, record) = report(&text);
        assert!(line.contains(what), "{line}");
        assert_eq!(record["activityFailure"]["errorType"], "InvalidInput");
        assert_eq!(record["activityFailure"]["isNonRetriable"], true);
    }
}

#[tokio::test]
async fn a_trigger_value_that_is_no_request_fails_the_instance_in_a_valid_answer() {
    for context in [
        json!("\"not base64!\""),
        json!("\"AAAA\""),
        json!("null"),
        json!({"a": 1}),
    ] {
        let answer = invoke(
            "chain",
            &json!({"Data": {"context": context}, "Metadata": {}}),
        )
        .await;
        match decode(&answer).actions[0]
            .orchestrator_action_type
            .as_ref()
            .unwrap()
        {
            OrchestratorActionType::CompleteOrchestration(end) => {
                assert_eq!(
                    end.failure_details.as_ref().unwrap().error_type,
                    "InvalidRequest"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_activity_reads_the_other_bindings_of_its_function() {
    const COUNT: Activity<String, usize> = Activity::new("count");
    let count = async |context: ActivityContext, name: String| {
        let page = context.data("page").unwrap();
        let page = page.text()?.unwrap_or_default().into_owned();
        assert!(context.data("other").is_none());
        assert_eq!(context.invocation().unwrap().function_name(), "count");
        Ok(page.matches(&name).count())
    };
    let body = json!({"Data": {"inputTrigger": "\"\\\"Ada\\\"\"", "page": "\"Ada and Ada\""}});
    let request = Request::post("/count")
        .body(Body::from(body.to_string()))
        .unwrap();
    let router = App::new().activity(COUNT, count).into_router();
    let response = router.oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["ReturnValue"], r#"{"activityResult":2}"#);
}
