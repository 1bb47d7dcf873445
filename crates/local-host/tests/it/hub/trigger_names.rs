//! What a handler gets when the names of its trigger bindings end with `Trigger`: a real host leaves such names out of
//! `Metadata`, so an activity's input is there once less.

use std::sync::Arc;

use durable_protocol::messages::{
    OrchestrationStatus, OrchestratorAction, OrchestratorActionType, OrchestratorRequest,
    ScheduleTaskAction, SignalEntityRequest, SignalEntityResponse,
};
use futures::future::BoxFuture;
use local_host::hub::{DurableKind, Hub, Input, InputSource};
use local_host::invoke::{InvocationAnswer, Invoke, InvokeError};
use local_host::json::{Json, JsonObject};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::support::{
    Client, Log, complete, decide, decode_request, function, history, options, request_bytes,
};

/// Sends each invocation to the test. The orchestrator runs one activity.
struct Witness(mpsc::UnboundedSender<(String, Value, Value)>);

impl Invoke for Witness {
    fn invoke(
        &self,
        function: &str,
        data: JsonObject,
        metadata: JsonObject,
    ) -> BoxFuture<'static, Result<InvocationAnswer, InvokeError>> {
        let context = data.iter().next().map(|(_, value)| value.clone());
        let value = |object| {
            let text = Json::Object(object).to_compact();
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let seen = (function.to_owned(), value(data), value(metadata));
        self.0.send(seen).unwrap();
        let answer = match function {
            "run" => turn(&decode_request(&request_bytes(&context.unwrap()))),
            // Neither the result of the activity nor that of the entity matters here.
            _ => Ok(InvocationAnswer::default()),
        };
        Box::pin(async move { answer })
    }
}

fn turn(request: &OrchestratorRequest) -> Result<InvocationAnswer, InvokeError> {
    let is_first = history(request).count() == 2;
    decide(if is_first {
        let task = ScheduleTaskAction {
            name: "work".into(),
            input: Some(r#"{"id":7,"note":"x"}"#.into()),
            ..ScheduleTaskAction::default()
        };
        vec![OrchestratorAction {
            id: 0,
            orchestrator_action_type: Some(OrchestratorActionType::ScheduleTask(Box::new(task))),
        }]
    } else {
        vec![complete(1, OrchestrationStatus::Completed, "null")]
    })
}

#[tokio::test]
async fn the_input_of_an_activity_is_repeated_under_the_name_of_its_binding_unless_that_ends_with_trigger()
 {
    for (name, is_repeated) in [
        ("order", true),
        ("orderTrigger", false),
        ("ORDERTRIGGER", false),
        ("triggered", true),
    ] {
        let (seen, mut invocations) = mpsc::unbounded_channel();
        let functions = vec![
            function("run", DurableKind::Orchestrator, name),
            function("work", DurableKind::Activity, name),
            function("counter", DurableKind::Entity, name),
        ];
        let log = Log::default().sink();
        let hub = Hub::start(options(), functions, Arc::new(Witness(seen)), log)
            .await
            .unwrap();
        let client = Client::connect(&hub).await;
        client.start("i", "run", "1").await.unwrap();
        client.completion("i").await;
        let signal = SignalEntityRequest {
            instance_id: "@counter@k".into(),
            name: "op".into(),
            request_id: uuid::Uuid::new_v4().to_string(),
            ..SignalEntityRequest::default()
        };
        let _: SignalEntityResponse = client.call("SignalEntity", signal).await.unwrap();

        let mut kinds = Vec::new();
        while kinds.len() < 4 {
            let (function, data, mut metadata) = invocations.recv().await.unwrap();
            let system = metadata.as_object_mut().unwrap().remove("sys");
            assert_eq!(system.unwrap()["MethodName"], json!(function));
            assert_eq!(data.as_object().unwrap().keys().collect::<Vec<_>>(), [name]);
            let mut expected = json!({});
            if function == "work" {
                let input = r#""{\"id\":7,\"note\":\"x\"}""#;
                assert_eq!(data[name], json!(input));
                expected = json!({
                    "instanceId": r#""i""#,
                    "data": {"id": 7, "note": "x"},
                    "id": r#""7""#,
                    "note": r#""x""#,
                });
                if is_repeated {
                    expected[name] = json!(input);
                }
            }
            assert_eq!(metadata, expected, "{function} with {name}");
            kinds.push(function);
        }
        kinds.sort();
        assert_eq!(kinds, ["counter", "run", "run", "work"]);
        hub.stop().await;
    }
}

/// In the same form as beside an HTTP trigger: the JSON text of a text.
#[tokio::test]
async fn an_activity_gets_its_durable_client_after_the_input_and_null_for_what_local_host_does_not_have()
 {
    let (seen, mut invocations) = mpsc::unbounded_channel();
    let input = |name: &str, source| Input {
        name: name.into(),
        source,
    };
    let client_of = |task_hub: Option<&str>| InputSource::DurableClient {
        task_hub: task_hub.map(Into::into),
        connection: None,
    };
    let mut work = function("work", DurableKind::Activity, "order");
    work.inputs = vec![
        input("client", client_of(None)),
        input("other", client_of(Some("OtherHub"))),
        input("blob", InputSource::Unknown),
    ];
    let functions = vec![function("run", DurableKind::Orchestrator, "order"), work];
    let log = Log::default().sink();
    let hub = Hub::start(options(), functions, Arc::new(Witness(seen)), log)
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    client.start("i", "run", "1").await.unwrap();
    client.completion("i").await;
    let data = loop {
        let (function, data, _) = invocations.recv().await.unwrap();
        if function == "work" {
            break data;
        }
    };
    let text = |text: String| json!(json!(text).to_string());
    assert_eq!(
        data,
        json!({
            "order": text(json!({"id": 7, "note": "x"}).to_string()),
            "client": text(hub.client_binding(None, None)),
            "other": text(hub.client_binding(Some("OtherHub"), None)),
            "blob": "null",
        })
    );
}
