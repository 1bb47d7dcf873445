//! Orchestrators and activities behind the custom-handler protocol, with the requests of a real host.
#![cfg(feature = "handler")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::proto::{OrchestratorActionType, OrchestratorResponse};
use durable_functions::{
    Activity, ActivityContext, AppExt, Failure, OrchestrationContext, Orchestrator, Result,
};
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

/// The commonest slips, each before anything durable is awaited.
const SLIPS: [Orchestrator<(), ()>; 3] = [
    Orchestrator::new("slip-sleep"),
    Orchestrator::new("slip-spawn"),
    Orchestrator::new("slip-socket"),
];

fn app() -> App {
    let [sleep, spawn, socket] = SLIPS;
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
                _ => Ok(town),
            }
        })
}

/// Sends an invocation as the host does and gives the parsed answer.
async fn invoke(function: &str, body: &Value) -> Value {
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
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// The exchanges of one kind in the recorded case.
fn recorded(kind: &str) -> Vec<Value> {
    let case: Value = serde_json::from_str(include_str!("fixtures/chain.json")).unwrap();
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
async fn what_wants_a_runtime_fails_the_instance_by_name_behind_the_handler_as_well() {
    let first = &recorded("orchestrator")[0]["request"]["body"];
    for slip in SLIPS {
        let answer = decode(&invoke(slip.name(), first).await);
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
async fn a_failing_and_a_panicking_activity_answer_with_their_failure() {
    let body =
        |town: &str| json!({"Data": {"input": format!("\"\\\"{town}\\\"\"")}, "Metadata": {}});
    let answer = invoke("echo", &body("fail")).await;
    assert_eq!(
        answer["ReturnValue"],
        json!(
            r#"{"activityFailure":{"errorType":"Lost","errorMessage":"no such town","isNonRetriable":true}}"#
        )
    );
    let answer = invoke("echo", &body("panic")).await;
    let text = answer["ReturnValue"].as_str().unwrap();
    assert!(
        text.starts_with(r#"{"activityFailure":{"errorType":"Panic""#),
        "{text}"
    );
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
