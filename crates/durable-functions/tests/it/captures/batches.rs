//! The recorded batches of entity operations, through the handler as the host calls it.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::{
    AppExt, Entity, EntityContext, EntityFunction, Failure, Operation, Orchestrator,
};
use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, OperationAction, OperationActionType, OperationResult,
    ResultType,
};
use functions_handler::App;
use prost::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::captures::answer::{describe_failure, payload, push};
use crate::captures::case::{self, Turn};
use crate::captures::replay;

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

/// The recorded entity; `delete` is always there.
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

/// Sends an invocation as the host does; gives the status and, of a success, the return value.
async fn invoke(function: &str, context: Value) -> (StatusCode, Option<String>) {
    let body = json!({"Data": {"context": context}, "Metadata": {}});
    let request = Request::post(format!("/{function}"))
        .header("content-type", "application/json; charset=utf-8")
        .header(
            "x-azure-functions-invocationid",
            "48535ede-2292-42ac-ab8f-55aefce23f26",
        )
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = app().into_router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let value = (status == StatusCode::OK).then(|| {
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["ReturnValue"].as_str().unwrap().to_owned()
    });
    (status, value)
}

async fn answer(batch: &Turn) -> EntityBatchResult {
    // The host sends the text as JSON inside of JSON.
    let context = json!(format!("\"{}\"", STANDARD.encode(batch.request())));
    let (_, value) = invoke(&batch.function, context).await;
    let answer = STANDARD.decode(value.unwrap()).unwrap();
    EntityBatchResult::decode(answer.as_slice()).unwrap()
}

/// All that the host reads of an answer, but for times and stack traces.
fn describe(answer: &EntityBatchResult) -> Vec<String> {
    let EntityBatchResult {
        results,
        actions,
        entity_state,
        failure_details,
        completion_token,
        operation_infos,
        requires_state,
    } = answer;
    // Only gRPC workers fill these.
    assert_eq!(completion_token, "");
    assert_eq!(operation_infos.len(), 0);
    assert!(!requires_state);
    let mut lines: Vec<_> = results.iter().map(describe_result).collect();
    lines.extend(actions.iter().map(describe_action));
    if let Some(state) = entity_state {
        lines.push(format!("state {state}"));
    }
    if let Some(failure) = failure_details {
        lines.push(format!("whole batch{}", describe_failure(failure)));
    }
    lines
}

fn describe_result(result: &OperationResult) -> String {
    match result.result_type.as_ref().unwrap() {
        ResultType::Success(success) => format!("success {}", payload(&success.result)),
        ResultType::Failure(failure) => {
            let details = failure.failure_details.as_ref().unwrap();
            assert_eq!(details.inner_failure, None);
            format!("failure{}", describe_failure(details))
        }
    }
}

fn describe_action(action: &OperationAction) -> String {
    let id = action.id;
    match action.operation_action_type.as_ref().unwrap() {
        OperationActionType::SendSignal(signal) => {
            assert_eq!(signal.scheduled_time, None);
            let input = payload(&signal.input);
            format!(
                "#{id} signal {} to '{}' {input}",
                signal.name, signal.instance_id
            )
        }
        OperationActionType::StartNewOrchestration(start) => {
            assert_eq!(start.scheduled_time, None);
            let input = payload(&start.input);
            let mut line = format!("#{id} start '{}' {} {input}", start.instance_id, start.name);
            push(&mut line, "version", &start.version);
            line
        }
    }
}

#[tokio::test]
async fn every_recorded_batch_gets_the_recorded_answer_or_the_one_that_is_listed() {
    let mut mismatches = Vec::new();
    let mut batches = 0;
    for name in case::names() {
        for batch in case::load(&name).entity_batches {
            batches += 1;
            let recorded = batch
                .answer()
                .map(|answer| describe(&EntityBatchResult::decode(answer.as_slice()).unwrap()));
            let ours = describe(&answer(&batch).await);
            if let Err(mismatch) = replay::compare(&name, &batch, recorded, &ours) {
                mismatches.push(format!("{name} batch {} {mismatch}", batch.n));
            }
        }
    }
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
    assert_eq!(batches, 37);
}

/// An operation without a result would stay in the entity's queue, and be delivered again without end.
#[tokio::test]
async fn every_operation_of_a_recorded_batch_gets_one_result() {
    for name in case::names() {
        for batch in case::load(&name).entity_batches {
            let answer = answer(&batch).await;
            let request = EntityBatchRequest::decode(batch.request().as_slice()).unwrap();
            let asked = request.operations.len();
            assert_eq!(answer.results.len(), asked, "{name} batch {}", batch.n);
            assert_eq!(answer.failure_details, None, "{name} batch {}", batch.n);
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
        let (status, _) = invoke("counter", context).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
