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
use durable_functions::proto::{EntityBatchRequest, EntityBatchResult, ResultType};
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

fn decode(answer: &Value) -> EntityBatchResult {
    let answer = STANDARD.decode(answer.as_str().unwrap()).unwrap();
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

/// A batch of a recorded case: the request, and what we answer.
struct Answered {
    request: EntityBatchRequest,
    ours: EntityBatchResult,
    /// What the recorded worker answered, if that was valid.
    theirs: Option<EntityBatchResult>,
}

async fn answers(case: &str) -> Vec<Answered> {
    let case: Value = serde_json::from_str(case).unwrap();
    let mut answers = Vec::new();
    for batch in case["entityBatches"].as_array().unwrap() {
        let request = batch["request"].as_str().unwrap();
        // The host quotes the text once more.
        let context = Value::from(request).to_string();
        let (status, body) = invoke(&json!({"Data": {"context": context}, "Metadata": {}})).await;
        assert_eq!(status, StatusCode::OK);
        let request = STANDARD.decode(request).unwrap();
        answers.push(Answered {
            request: EntityBatchRequest::decode(request.as_slice()).unwrap(),
            ours: decode(&body["ReturnValue"]),
            theirs: batch.get("answer").map(decode),
        });
    }
    assert!(!answers.is_empty());
    answers
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
        include_str!("fixtures/durable/entity-batch.json"),
        include_str!("fixtures/durable/entity-lock-labelled.json"),
        include_str!("fixtures/durable/entity-scheduled.json"),
        include_str!("fixtures/durable/entity-signal-action.json"),
        include_str!("fixtures/durable/entity-actions.json"),
    ] {
        for batch in answers(case).await {
            assert_eq!(Some(batch.ours), batch.theirs, "{:?}", batch.request);
        }
    }
}

#[tokio::test]
async fn failures_get_the_recorded_answers_but_for_the_name_of_a_missing_operation() {
    let case = include_str!("fixtures/durable/entity-call-labelled.json");
    for batch in answers(case).await {
        if batch.request.operations[0].operation == "noSuchOperation" {
            assert_eq!(error_types(&batch.ours), ["OperationNotFound"]);
            assert_eq!(batch.ours.entity_state, batch.theirs.unwrap().entity_state);
        } else {
            assert_eq!(Some(batch.ours), batch.theirs, "{:?}", batch.request);
        }
    }
}

/// The recorded worker added the text "8" to 12 and went on with the text "128"; ours has a type.
#[tokio::test]
async fn a_typed_state_refuses_what_the_recorded_worker_took() {
    let case = include_str!("fixtures/durable/entity-signal.json");
    let answers = answers(case).await;
    let [before @ .., add, fail, delete] = answers.as_slice() else {
        panic!("too few batches");
    };
    for batch in before {
        assert_eq!(Some(&batch.ours), batch.theirs.as_ref());
    }
    assert_eq!(before.len(), 2);
    assert_eq!(error_types(&add.ours), ["InvalidInput"]);
    assert_eq!(add.ours.entity_state.as_deref(), Some("12"));
    assert_eq!(error_types(&fail.ours), ["InvalidState"]);
    assert_eq!(fail.ours.entity_state.as_deref(), Some("\"128\""));
    assert_eq!(
        Some(&delete.ours),
        delete.theirs.as_ref(),
        "a broken state can be deleted"
    );
}

#[tokio::test]
async fn the_batches_that_poisoned_the_host_get_a_result_for_every_operation() {
    let case = include_str!("fixtures/durable/entity-bad-answers.json");
    for batch in answers(case).await {
        assert_eq!(batch.ours.results.len(), 1);
        assert_eq!(batch.ours.failure_details, None);
        if batch.request.operations[0].operation == "add" {
            assert_eq!(Some(batch.ours), batch.theirs);
        } else {
            assert_eq!(error_types(&batch.ours), ["OperationNotFound"]);
            assert_eq!(batch.ours.entity_state, batch.request.entity_state);
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
