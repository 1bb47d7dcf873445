//! Entities beyond the recorded cases: failed batches, actions, lost messages.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, EventType, ExecutionStartedEvent, OperationAction,
    OperationActionType, OperationResult, OperationResultSuccess, OrchestrationInstance,
    OrchestrationStatus, OrchestratorAction, OrchestratorActionType, OrchestratorRequest,
    ResultType, SendEventAction, SendSignalAction, SignalEntityRequest, SignalEntityResponse,
    StartNewOrchestrationAction,
};
use futures::future::BoxFuture;
use local_host::hub::{DurableFunction, DurableKind, Hub};
use local_host::invoke::{Invoke, InvokeError};
use local_host::json::JsonObject;
use local_host::log::LogLevel;
use prost::Message;
use serde_json::{Value, json};

use super::script::execution_id;
use super::support::{
    Answer, Client, Log, action, complete, decide, decode_request, function, history, options,
    orchestrator, request_bytes, return_value,
};

type Batch = Result<EntityBatchResult, InvokeError>;

/// A handler whose orchestrators and whose entity `counter` are closures.
struct App<O, E> {
    orchestrator: O,
    entity: E,
}

impl<O, E> Invoke for App<O, E>
where
    O: Fn(&str, OrchestratorRequest) -> Answer + Send + Sync + 'static,
    E: Fn(EntityBatchRequest) -> Batch + Send + Sync + 'static,
{
    fn invoke(
        &self,
        function: &str,
        data: JsonObject,
        _: JsonObject,
    ) -> BoxFuture<'static, Answer> {
        let answer = match data.get("entity") {
            Some(context) => {
                let request = EntityBatchRequest::decode(&*request_bytes(context)).unwrap();
                (self.entity)(request)
                    .map(|result| return_value(STANDARD.encode(result.encode_to_vec())))
            }
            None => {
                let bytes = request_bytes(data.get("context").unwrap());
                (self.orchestrator)(function, decode_request(&bytes))
            }
        };
        Box::pin(async move { answer })
    }
}

async fn start(
    orchestrators: &[&str],
    log: &Log,
    orchestrator_code: impl Fn(&str, OrchestratorRequest) -> Answer + Send + Sync + 'static,
    entity: impl Fn(EntityBatchRequest) -> Batch + Send + Sync + 'static,
) -> (Hub, Client) {
    let counter = function("counter", DurableKind::Entity, "entity");
    let functions: Vec<DurableFunction> = orchestrators
        .iter()
        .map(|name| orchestrator(name))
        .chain([counter])
        .collect();
    let app = App {
        orchestrator: orchestrator_code,
        entity,
    };
    let hub = Hub::start(options(), functions, Arc::new(app), log.sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    (hub, client)
}

/// Calls `counter` with each operation in turn; the output is the list of replies.
fn calls(operations: &[&str], request: &OrchestratorRequest) -> Answer {
    let replies: Vec<Value> = history(request)
        .filter_map(|event| match &event.event_type {
            Some(EventType::EventRaised(raised)) => {
                Some(serde_json::from_str(raised.input.as_deref().unwrap()).unwrap())
            }
            _ => None,
        })
        .collect();
    let id = i32::try_from(replies.len()).unwrap();
    decide(match operations.get(replies.len()) {
        Some(operation) => vec![call(id, operation, request, true)],
        None => vec![complete(
            id,
            OrchestrationStatus::Completed,
            &Value::Array(replies).to_string(),
        )],
    })
}

fn call(
    id: i32,
    operation: &str,
    request: &OrchestratorRequest,
    label: bool,
) -> OrchestratorAction {
    let mut data = json!({
        "op": operation,
        "id": format!("00000000-0000-4000-8000-{id:012}"),
        "parent": request.instance_id,
        "parentExecution": execution_id(request),
    });
    if label {
        data["Timestamp"] = json!("2026-11-21T06:24:48.630Z");
        data["Predecessor"] = json!("0001-01-01T00:00:00");
    }
    let event = SendEventAction {
        instance: Some(OrchestrationInstance {
            instance_id: "@counter@k".into(),
            execution_id: None,
        }),
        name: "op".into(),
        data: Some(data.to_string()),
    };
    action(id, OrchestratorActionType::SendEvent(Box::new(event)))
}

fn success(result: Option<&str>) -> OperationResult {
    OperationResult {
        result_type: Some(ResultType::Success(OperationResultSuccess {
            result: result.map(str::to_owned),
            ..OperationResultSuccess::default()
        })),
    }
}

/// Runs the calls and returns the replies.
async fn replies(
    operations: &'static [&'static str],
    log: &Log,
    entity: impl Fn(EntityBatchRequest) -> Batch + Send + Sync + 'static,
) -> Value {
    let (hub, client) = start(
        &["caller"],
        log,
        move |_, request| calls(operations, &request),
        entity,
    )
    .await;
    client.start("caller", "caller", "null").await.unwrap();
    let state = client.completion("caller").await;
    hub.stop().await;
    serde_json::from_str(&state.output.unwrap()).unwrap()
}

#[tokio::test]
async fn a_batch_that_fails_keeps_the_state_and_fails_its_calls() {
    let log = Log::default();
    let replies = replies(&["set", "crash", "get"], &log, |request| {
        match request.operations[0].operation.as_str() {
            "set" => Ok(EntityBatchResult {
                results: vec![success(None)],
                entity_state: Some("7".into()),
                ..EntityBatchResult::default()
            }),
            "crash" => Err(InvokeError::Status {
                status: 500,
                reason: "Internal Server Error".into(),
            }),
            _ => Ok(EntityBatchResult {
                results: vec![success(request.entity_state.as_deref())],
                entity_state: request.entity_state,
                ..EntityBatchResult::default()
            }),
        }
    })
    .await;
    assert_eq!(replies[0], json!({"result": null}));
    assert_eq!(replies[2], json!({"result": "7"}));
    let failure = &replies[1];
    assert_eq!(failure["exceptionType"], "entity dispatch failed");
    let details = &failure["failureDetails"];
    assert_eq!(details["ErrorType"], "FunctionInvocationFailed");
    assert_eq!(details["ErrorMessage"], failure["result"]);
    assert_eq!(
        details["InnerFailure"]["InnerFailure"]["ErrorMessage"],
        "Response status code does not indicate success: 500 (Internal Server Error)."
    );
    assert!(log.contains(LogLevel::Error, "A batch of 1 operations of entity"));
}

#[tokio::test]
async fn too_few_results_fail_the_rest_at_once() {
    let log = Log::default();
    let batches = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&batches);
    let replies = replies(&["short"], &log, move |_| {
        *seen.lock().unwrap() += 1;
        Ok(EntityBatchResult {
            entity_state: Some("99".into()),
            ..EntityBatchResult::default()
        })
    })
    .await;
    assert_eq!(replies[0]["failureDetails"]["ErrorType"], "TooFewResults");
    assert_eq!(*batches.lock().unwrap(), 1);
    assert!(log.contains(LogLevel::Error, "without pause or end"));
}

#[tokio::test]
async fn an_unlabelled_call_is_dropped_and_logged() {
    let log = Log::default();
    let (hub, client) = start(
        &["caller"],
        &log,
        |_, request| {
            let end = complete(1, OrchestrationStatus::Completed, "1");
            decide(vec![call(0, "get", &request, false), end])
        },
        |_| panic!("no batch"),
    )
    .await;
    client.start("caller", "caller", "null").await.unwrap();
    client.completion("caller").await;
    hub.stop().await;
    assert!(log.contains(LogLevel::Error, "Call 'get' from orchestration 'caller'"));
    assert!(log.contains(LogLevel::Error, "never returns"));
}

#[tokio::test]
async fn an_operation_signals_another_entity_and_starts_an_orchestration() {
    let log = Log::default();
    let started: Arc<Mutex<Option<ExecutionStartedEvent>>> = Arc::default();
    let seen = Arc::clone(&started);
    let (hub, client) = start(
        &["caller", "started"],
        &log,
        move |name, request| {
            if name == "caller" {
                return calls(&["actions"], &request);
            }
            let start = history(&request).find_map(|event| match &event.event_type {
                Some(EventType::ExecutionStarted(start)) => Some((**start).clone()),
                _ => None,
            });
            *seen.lock().unwrap() = start;
            decide(vec![complete(0, OrchestrationStatus::Completed, "1")])
        },
        |request| {
            let operation = &request.operations[0];
            if operation.operation == "add" {
                return Ok(EntityBatchResult {
                    results: vec![success(None)],
                    entity_state: operation.input.clone(),
                    ..EntityBatchResult::default()
                });
            }
            let signal = OperationActionType::SendSignal(SendSignalAction {
                instance_id: "@counter@other".into(),
                name: "add".into(),
                input: Some("7".into()),
                ..SendSignalAction::default()
            });
            let start = OperationActionType::StartNewOrchestration(StartNewOrchestrationAction {
                instance_id: "by-entity".into(),
                name: "started".into(),
                input: Some("\"by entity\"".into()),
                ..StartNewOrchestrationAction::default()
            });
            let actions = [signal, start].map(|kind| OperationAction {
                id: 0,
                operation_action_type: Some(kind),
            });
            Ok(EntityBatchResult {
                results: vec![success(Some("\"sent\""))],
                actions: actions.into(),
                entity_state: Some("0".into()),
                ..EntityBatchResult::default()
            })
        },
    )
    .await;
    client.start("caller", "caller", "null").await.unwrap();
    let state = client.completion("caller").await;
    assert_eq!(state.output.as_deref(), Some(r#"[{"result":"\"sent\""}]"#));
    client.completion("by-entity").await;
    hub.wait_for_entity("@counter@other", |seen| {
        seen.serialized_state.as_deref() == Some("7")
    })
    .await;
    hub.stop().await;
    let start = started.lock().unwrap().take().unwrap();
    assert_eq!(start.input.as_deref(), Some("\"by entity\""));
    assert_eq!(start.tags["FireAndForget"], "");
    let parent = start.parent_instance.unwrap();
    // The third message of the batch, as recorded: the reply, the signal, the start.
    assert_eq!(parent.task_scheduled_id, 2);
    assert_eq!(parent.name.as_deref(), Some("@counter@k"));
    assert_eq!(parent.version.as_deref(), Some(""));
}

#[tokio::test]
async fn signals_are_accepted_and_refused_as_by_a_real_host() {
    let log = Log::default();
    let (hub, client) = start(&[], &log, |_, _| decide(Vec::new()), |_| panic!("no batch")).await;
    let signal = |id: &str, request: &str| SignalEntityRequest {
        instance_id: id.into(),
        name: "add".into(),
        request_id: request.into(),
        ..SignalEntityRequest::default()
    };
    let send = |signal| client.call::<_, SignalEntityResponse>("SignalEntity", signal);
    let status = send(signal("@counter@k", "not-a-guid")).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unknown);
    assert_eq!(status.message(), "Exception was thrown by handler.");
    let guid = "aaaaaaaa-0000-4000-8000-000000000002";
    send(signal("noentity", guid)).await.unwrap();
    assert!(log.contains(LogLevel::Warning, "@name@key"));
    send(signal("@nosuch@x", guid)).await.unwrap();
    log.wait_for(LogLevel::Error, "The function 'nosuch' doesn't exist")
        .await;
    hub.stop().await;
}
