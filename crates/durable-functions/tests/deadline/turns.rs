//! Turns that do not end in time, and what happens to work when the handler stops.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex as SyncMutex};
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::{
    ActivityContext, AppExt, Entity, EntityFunction, Operation, OrchestrationContext, Orchestrator,
};
use durable_protocol::messages::{EntityBatchRequest, EntityBatchResult, OperationRequest};
use durable_protocol::messages::{
    OrchestrationStatus, OrchestratorActionType, OrchestratorResponse,
};
use functions_handler::{App, Signal};
use prost::Message;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::activities::failure;
use super::{LIMIT, WORK, activity, invoke};

/// All tests of the process share the threads of orchestrators, so a test that blocks one runs alone.
static THREADS: Mutex<()> = Mutex::const_new(());

const COUNTER: Entity<i64> = Entity::new("counter");
const ADD: Operation<i64, i64> = Operation::new("add");
const CHAIN: Orchestrator<(), String> = Orchestrator::new("chain");

/// The body of the first turn that a real host sent for an instance of `chain`.
fn first_turn() -> Value {
    let case: Value = serde_json::from_str(include_str!("../fixtures/chain.json")).unwrap();
    let exchanges = case["exchanges"].as_array().unwrap();
    let turn = exchanges
        .iter()
        .find(|exchange| exchange["kind"] == "orchestrator");
    turn.unwrap()["request"]["body"].clone()
}

/// The body of an entity's invocation: one operation on this state.
fn addition(state: &str) -> Value {
    let batch = EntityBatchRequest {
        instance_id: "@counter@a".to_owned(),
        entity_state: Some(state.to_owned()),
        operations: vec![OperationRequest {
            operation: "add".to_owned(),
            request_id: "aaaaaaaa-0000-4000-8000-000000000001".to_owned(),
            input: Some("1".to_owned()),
            trace_context: None,
        }],
        ..Default::default()
    };
    let batch = STANDARD.encode(batch.encode_to_vec());
    json!({ "Data": { "context": json!(batch).to_string() }, "Metadata": {} })
}

fn batch_result(answer: &Value) -> EntityBatchResult {
    let message = STANDARD
        .decode(answer["ReturnValue"].as_str().unwrap())
        .unwrap();
    EntityBatchResult::decode(message.as_slice()).unwrap()
}

/// Whether an answer is the request to deliver the turn again.
fn asks_for_redelivery(answer: &Value) -> bool {
    let message = STANDARD
        .decode(answer["ReturnValue"].as_str().unwrap())
        .unwrap();
    let response = OrchestratorResponse::decode(message.as_slice()).unwrap();
    let [action] = response.actions.as_slice() else {
        panic!("{response:?}");
    };
    let Some(OrchestratorActionType::CompleteOrchestration(end)) = &action.orchestrator_action_type
    else {
        return false;
    };
    let inner = end
        .failure_details
        .as_ref()
        .and_then(|details| details.inner_failure.as_ref());
    !response.instance_id.is_empty()
        && end.orchestration_status() == OrchestrationStatus::Failed
        && inner.is_some_and(|inner| inner.error_type == "System.OutOfMemoryException")
}

/// An app with an orchestrator that reports that it runs and does not end its first turn until it is
/// released, an activity that ends when its token fires, and an entity that hangs.
fn held_app() -> (
    App,
    mpsc::UnboundedReceiver<()>,
    std::sync::mpsc::Sender<()>,
) {
    let (running, runs) = mpsc::unbounded_channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(SyncMutex::new(held));
    let active = running.clone();
    let app = App::new()
        .orchestrator(CHAIN, move |ctx: OrchestrationContext, (): ()| {
            let (running, held) = (running.clone(), held.clone());
            async move {
                let _ = running.send(());
                // A sender that was dropped releases it, too.
                let _ = held.lock().unwrap().recv();
                Ok(ctx.call(WORK, "Tokyo".to_owned()).await?)
            }
        })
        .activity(WORK, move |context: ActivityContext, _: String| {
            let active = active.clone();
            async move {
                active.send(()).unwrap();
                context.cancellation().cancelled().await;
                Ok("in time".to_owned())
            }
        })
        .entity(EntityFunction::new(COUNTER).on(ADD, async |_, _: &mut i64, _| pending().await));
    (app, runs, release)
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_end_in_time_is_asked_for_again_and_then_answered() {
    let _threads = THREADS.lock().await;
    let (app, _runs, release) = held_app();
    let router = app.function_timeout(LIMIT).into_router();
    // The clock goes on while the turn blocks its thread.
    let (status, answer) = invoke(&router, "chain", first_turn()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(asks_for_redelivery(&answer));

    drop(release);
    let (app, _runs, again) = held_app();
    again.send(()).unwrap();
    let (_, answer) = invoke(&app.into_router(), "chain", first_turn()).await;
    assert!(!asks_for_redelivery(&answer));
}

#[tokio::test]
async fn an_entity_batch_that_does_not_end_in_time_fails_and_keeps_its_state() {
    let (app, _runs, _release) = held_app();
    // An entity runs on a thread of its own, on which a paused clock would not wait for it.
    let router = app
        .function_timeout(Duration::from_millis(30))
        .into_router();
    let (status, answer) = invoke(&router, "counter", addition("5")).await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert!(answer.get("ReturnValue").is_none());
}

#[tokio::test]
async fn an_operation_sees_its_deadline_and_may_come_to_an_end_by_itself() {
    let counter = EntityFunction::new(COUNTER).on(ADD, async |context, count: &mut i64, n| {
        assert!(context.remaining() <= Some(Duration::from_secs(2)));
        assert!(context.deadline().is_some());
        context.cancellation().cancelled().await;
        *count += n;
        Ok(*count)
    });
    let router = App::new()
        .function_timeout(LIMIT)
        .entity(counter)
        .into_router();
    let (status, answer) = invoke(&router, "counter", addition("5")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(batch_result(&answer).entity_state.as_deref(), Some("6"));
}

/// One invocation over a connection of its own: the status line and the JSON of the answer.
async fn call(address: SocketAddr, function: &str, body: Value) -> (String, Value) {
    answer_of(ask(address, function, body).await).await
}

/// Sends an invocation over a connection of its own.
async fn ask(address: SocketAddr, function: &str, body: Value) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = body.to_string();
    let request = format!(
        "POST /{function} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn answer_of(mut stream: TcpStream) -> (String, Value) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap().to_owned();
    let answer = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
    (status, answer)
}

/// Serves an app until the sender is used.
async fn serve(app: App) -> (SocketAddr, oneshot::Sender<Signal>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(async move {
        let signal = async { stopped.await.unwrap() };
        let _ = app.serve_on(listener, signal).await;
    });
    (address, stop, server)
}

#[tokio::test]
async fn a_turn_that_the_stopping_handler_cannot_finish_is_asked_for_again() {
    let _threads = THREADS.lock().await;
    let (app, mut runs, release) = held_app();
    let (address, stop, server) = serve(app.stop_grace(Duration::ZERO)).await;
    let turn = tokio::spawn(call(address, "chain", first_turn()));
    runs.recv().await.unwrap();
    stop.send(Signal::Terminate).unwrap();
    let (status, answer) = turn.await.unwrap();
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(asks_for_redelivery(&answer));
    server.await.unwrap();
    release.send(()).unwrap();
}

#[tokio::test]
async fn while_the_handler_stops_work_in_flight_ends_and_new_work_is_left_for_the_next_handler() {
    let _threads = THREADS.lock().await;
    let (app, mut runs, release) = held_app();
    let (address, stop, server) = serve(app.stop_grace(Duration::from_secs(3600))).await;
    let turn = tokio::spawn(call(address, "chain", first_turn()));
    runs.recv().await.unwrap();
    let work = tokio::spawn(call(address, "work", activity("x")));
    runs.recv().await.unwrap();

    stop.send(Signal::Terminate).unwrap();
    // The activity watches its token.
    let (_, answer) = work.await.unwrap();
    assert_eq!(answer["ReturnValue"], r#"{"activityResult":"in time"}"#);
    // The turn is still open, so the listener is. What comes in now is answered at the end.
    let late_turn = ask(address, "chain", first_turn()).await;
    let late_work = ask(address, "work", activity("x")).await;
    let late_batch = ask(address, "counter", addition("5")).await;
    // A later connection has its answer, so the three have arrived.
    let (status, _) = call(address, "unknown", json!({})).await;
    assert_eq!(status, "HTTP/1.1 404 Not Found");

    release.send(()).unwrap();
    let (_, answer) = turn.await.unwrap();
    assert!(!asks_for_redelivery(&answer));

    let (status, answer) = answer_of(late_turn).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(asks_for_redelivery(&answer));
    // The answer is not JSON, so the invocation fails. A host that stops as well delivers it again.
    let (status, answer) = answer_of(late_work).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(
        failure(&answer),
        json!({
            "errorType": "HandlerStopping",
            "errorMessage": "activity 'work' did not end: the handler is stopping",
        })
    );
    let (status, answer) = answer_of(late_batch).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(
        batch_result(&answer),
        EntityBatchResult {
            entity_state: Some("5".to_owned()),
            requires_state: true,
            ..Default::default()
        }
    );
    server.await.unwrap();
}
