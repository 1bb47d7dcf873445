//! Entity functions behind the custom-handler protocol, with the requests of a real host.
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
use durable_functions::proto::{EntityBatchResult, ResultType};
use durable_functions::{
    AppExt, Entity, EntityContext, EntityFunction, Failure, Operation, Orchestrator,
};
use functions_handler::App;
use prost::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt;

const COUNTER: Entity<i64> = Entity::new("counter");
const ADD: Operation<i64, ()> = Operation::new("add");
const GET: Operation<(), i64> = Operation::new("get");
const FAIL: Operation<(), ()> = Operation::new("fail");
const ACTIONS: Operation<Start, String> = Operation::new("actions");
const ONE_ACTIVITY: Orchestrator<String, ()> = Orchestrator::new("oneActivity");

#[derive(Serialize, Deserialize)]
struct Start {
    id: String,
}

fn app() -> App {
    let counter = EntityFunction::new(COUNTER)
        .on(ADD, async |_, count: &mut i64, n| {
            *count += n;
            Ok(())
        })
        .on(GET, async |_, count: &mut i64, ()| Ok(*count))
        .on(FAIL, async |_, _: &mut i64, ()| {
            Err(Failure::new("CounterError", "the counter refuses").into())
        })
        .on(
            ACTIONS,
            async |ctx: EntityContext, _: &mut i64, start: Start| {
                let other = COUNTER.id(format!("{}.other", ctx.id().key()));
                ctx.signal(other, ADD, 7)?;
                ctx.start_with_id(ONE_ACTIVITY, start.id, "by entity".to_owned())?;
                Ok("sent".to_owned())
            },
        );
    App::new().entity(counter)
}

/// Sends an invocation as the host does.
async fn invoke(body: &Value) -> (StatusCode, Value) {
    let request = Request::post("/counter")
        .header("content-type", "application/json; charset=utf-8")
        .header(
            "x-azure-functions-invocationid",
            "48535ede-2292-42ac-ab8f-55aefce23f26",
        )
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = app().into_router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn decode(body: &Value) -> EntityBatchResult {
    let answer = body["ReturnValue"].as_str().unwrap();
    let answer = STANDARD.decode(answer).unwrap();
    let mut answer = EntityBatchResult::decode(answer.as_slice()).unwrap();
    for result in &mut answer.results {
        // Times and stack traces may differ.
        match result.result_type.as_mut().unwrap() {
            ResultType::Success(success) => {
                success.start_time_utc = None;
                success.end_time_utc = None;
            }
            ResultType::Failure(failure) => {
                failure.start_time_utc = None;
                failure.end_time_utc = None;
                failure.failure_details.as_mut().unwrap().stack_trace = None;
            }
        }
    }
    answer
}

/// Our answers to the batches of a recorded case, each with its exchange.
async fn answers(case: &str) -> Vec<(Value, EntityBatchResult)> {
    let case: Value = serde_json::from_str(case).unwrap();
    let mut answers = Vec::new();
    for exchange in case["exchanges"].as_array().unwrap() {
        if exchange["kind"] == "entity" {
            let (status, body) = invoke(&exchange["request"]["body"]).await;
            assert_eq!(status, StatusCode::OK);
            answers.push((exchange.clone(), decode(&body)));
        }
    }
    assert!(!answers.is_empty());
    answers
}

fn theirs(exchange: &Value) -> EntityBatchResult {
    let body = exchange["response"]["body"].as_str().unwrap();
    decode(&serde_json::from_str(body).unwrap())
}

fn error_types(result: &EntityBatchResult) -> Vec<String> {
    let failed = |result: &ResultType| match result {
        ResultType::Success(_) => String::new(),
        ResultType::Failure(failure) => {
            failure.failure_details.as_ref().unwrap().error_type.clone()
        }
    };
    let results = result.results.iter();
    results
        .map(|result| failed(result.result_type.as_ref().unwrap()))
        .collect()
}

#[tokio::test]
async fn batches_and_calls_get_the_recorded_answers() {
    for case in [
        include_str!("fixtures/entities/entity-batch.json"),
        include_str!("fixtures/entities/entity-lock-labelled.json"),
        include_str!("fixtures/entities/entity-scheduled.json"),
        include_str!("fixtures/entities/entity-signal-action.json"),
        include_str!("fixtures/entities/entity-actions.json"),
    ] {
        for (exchange, ours) in answers(case).await {
            assert_eq!(ours, theirs(&exchange), "{exchange}");
        }
    }
}

#[tokio::test]
async fn failures_get_the_recorded_answers_but_for_the_name_of_a_missing_operation() {
    let case = include_str!("fixtures/entities/entity-call-labelled.json");
    for (exchange, ours) in answers(case).await {
        let operation = &exchange["request"]["decoded"]["operations"][0]["operation"];
        if operation == "noSuchOperation" {
            assert_eq!(error_types(&ours), ["OperationNotFound"]);
            assert_eq!(ours.entity_state, theirs(&exchange).entity_state);
        } else {
            assert_eq!(ours, theirs(&exchange), "{exchange}");
        }
    }
}

/// The recorded worker added the text "8" to 12 and went on with the text "128"; ours has a type.
#[tokio::test]
async fn a_typed_state_refuses_what_the_recorded_worker_took() {
    let case = include_str!("fixtures/entities/entity-signal.json");
    let answers = answers(case).await;
    let last = answers.len() - 3;
    for (exchange, ours) in &answers[..last] {
        assert_eq!(*ours, theirs(exchange));
    }
    let (add, fail, delete) = (&answers[last].1, &answers[last + 1].1, &answers[last + 2].1);
    assert_eq!(error_types(add), ["InvalidInput"]);
    assert_eq!(add.entity_state.as_deref(), Some("12"));
    assert_eq!(error_types(fail), ["InvalidState"]);
    assert_eq!(fail.entity_state.as_deref(), Some("\"128\""));
    assert_eq!(
        *delete,
        theirs(&answers[last + 2].0),
        "a broken state can be deleted"
    );
}

#[tokio::test]
async fn the_batches_that_poisoned_the_host_get_a_result_for_every_operation() {
    let case = include_str!("fixtures/entities/entity-bad-answers.json");
    for (exchange, ours) in answers(case).await {
        let request = &exchange["request"]["decoded"];
        let operation = &request["operations"][0]["operation"];
        assert_eq!(ours.results.len(), 1);
        assert_eq!(ours.failure_details, None);
        if operation == "add" {
            assert_eq!(ours.entity_state.as_deref(), Some("1"));
        } else {
            assert_eq!(error_types(&ours), ["OperationNotFound"]);
            assert_eq!(
                ours.entity_state.as_deref(),
                request["entityState"].as_str()
            );
        }
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_fails_the_invocation_so_that_the_host_keeps_the_state() {
    for context in [
        json!("\"not base64!\""),
        json!("\"AAAA\""),
        json!("null"),
        json!({"a": 1}),
    ] {
        let body = json!({"Data": {"context": context}, "Metadata": {}});
        let (status, _) = invoke(&body).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
