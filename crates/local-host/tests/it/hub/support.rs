//! A gRPC client, a log, and handlers made of closures.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    CompleteOrchestrationAction, CreateInstanceRequest, CreateInstanceResponse, EventType,
    GetInstanceRequest, GetInstanceResponse, HistoryEvent, OrchestrationState, OrchestrationStatus,
    OrchestratorAction, OrchestratorActionType, OrchestratorRequest, OrchestratorResponse,
    RaiseEventRequest, RaiseEventResponse,
};
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use local_host::hub::{DurableFunction, DurableKind, Hub, HubOptions};
use local_host::invoke::{InvocationAnswer, Invoke, InvokeError};
use local_host::json::{Json, JsonObject, parse_document};
use local_host::log::LogLevel;
use prost::Message;
use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

pub(crate) type Answer = Result<InvocationAnswer, InvokeError>;

pub(crate) fn options() -> HubOptions {
    HubOptions {
        task_hub_name: "MyHub".into(),
        base_url: "http://localhost:7071".into(),
        ..HubOptions::default()
    }
}

pub(crate) fn orchestrator(name: &str) -> DurableFunction {
    function(name, DurableKind::Orchestrator, "context")
}

pub(crate) fn activity(name: &str) -> DurableFunction {
    function(name, DurableKind::Activity, "input")
}

pub(crate) fn function(name: &str, kind: DurableKind, binding: &str) -> DurableFunction {
    DurableFunction {
        folder: name.into(),
        name: name.into(),
        kind,
        binding: binding.into(),
        inputs: Vec::new(),
    }
}

/// What the hub logged.
#[derive(Clone, Default)]
pub(crate) struct Log(watch::Sender<Vec<(LogLevel, String)>>);

impl Log {
    pub(crate) fn sink(&self) -> Arc<dyn Fn(LogLevel, String) + Send + Sync> {
        let log = self.clone();
        Arc::new(move |level, message| log.0.send_modify(|it| it.push((level, message))))
    }

    pub(crate) fn contains(&self, level: LogLevel, text: &str) -> bool {
        says(&self.0.borrow(), level, text)
    }

    pub(crate) async fn wait_for(&self, level: LogLevel, text: &str) {
        let mut messages = self.0.subscribe();
        let waiting = messages.wait_for(|messages| says(messages, level, text));
        let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        assert!(waited.is_ok(), "nobody logged '{text}'");
    }
}

fn says(messages: &[(LogLevel, String)], level: LogLevel, text: &str) -> bool {
    messages
        .iter()
        .any(|(at, message)| *at == level && message.contains(text))
}

/// A handler whose activities echo their input and whose orchestrators are a closure.
pub(crate) struct Handler<F>(pub(crate) F);

impl<F> Invoke for Handler<F>
where
    F: Fn(&str, OrchestratorRequest) -> Answer + Send + Sync + 'static,
{
    fn invoke(
        &self,
        function: &str,
        data: JsonObject,
        _: JsonObject,
    ) -> BoxFuture<'static, Answer> {
        let answer = match data.get("context") {
            Some(context) => (self.0)(function, decode_request(&request_bytes(context))),
            None => Ok(return_value(
                parse_document(&inner_text(data.get("input").unwrap())).unwrap(),
            )),
        };
        Box::pin(async move { answer })
    }
}

/// The text in the double encoding of a binding.
pub(crate) fn inner_text(value: &Json) -> String {
    serde_json::from_str(value.as_text().unwrap()).unwrap()
}

/// The protobuf bytes in the double encoding of a binding.
pub(crate) fn request_bytes(context: &Json) -> Vec<u8> {
    STANDARD.decode(inner_text(context)).unwrap()
}

pub(crate) fn decode_request(bytes: &[u8]) -> OrchestratorRequest {
    OrchestratorRequest::decode(bytes).unwrap()
}

pub(crate) fn return_value(value: impl Into<Json>) -> InvocationAnswer {
    InvocationAnswer {
        outputs: None,
        return_value: Some(value.into()),
    }
}

/// The id is ignored, but an empty message would have an empty base64 text, which is not a valid answer.
pub(crate) fn response(response: &OrchestratorResponse) -> InvocationAnswer {
    let response = OrchestratorResponse {
        instance_id: "an id".into(),
        ..response.clone()
    };
    return_value(STANDARD.encode(response.encode_to_vec()))
}

/// An answer with these actions.
pub(crate) fn decide(actions: Vec<OrchestratorAction>) -> Answer {
    Ok(response(&OrchestratorResponse {
        actions,
        ..OrchestratorResponse::default()
    }))
}

pub(crate) fn action(id: i32, kind: OrchestratorActionType) -> OrchestratorAction {
    OrchestratorAction {
        id,
        orchestrator_action_type: Some(kind),
    }
}

pub(crate) fn complete(id: i32, status: OrchestrationStatus, result: &str) -> OrchestratorAction {
    action(
        id,
        OrchestratorActionType::CompleteOrchestration(Box::new(CompleteOrchestrationAction {
            orchestration_status: status.into(),
            result: Some(result.into()),
            ..CompleteOrchestrationAction::default()
        })),
    )
}

/// All events of a turn, old and new.
pub(crate) fn history(request: &OrchestratorRequest) -> impl Iterator<Item = &HistoryEvent> {
    request.past_events.iter().chain(&request.new_events)
}

pub(crate) fn count(request: &OrchestratorRequest, is: fn(&EventType) -> bool) -> usize {
    history(request)
        .filter(|event| event.event_type.as_ref().is_some_and(is))
        .count()
}

pub(crate) async fn hub_with(
    functions: Vec<DurableFunction>,
    log: &Log,
    orchestrator: impl Fn(&str, OrchestratorRequest) -> Answer + Send + Sync + 'static,
) -> (Hub, Client) {
    let hub = Hub::start(
        options(),
        functions,
        Arc::new(Handler(orchestrator)),
        log.sink(),
    )
    .await
    .unwrap();
    let client = Client::connect(&hub).await;
    (hub, client)
}

/// A durable client that finds the hub as a handler does: through the binding.
#[derive(Clone)]
pub(crate) struct Client {
    grpc: tonic::client::Grpc<Channel>,
    pub(crate) address: String,
}

impl Client {
    pub(crate) async fn connect(hub: &Hub) -> Self {
        let binding: serde_json::Value =
            serde_json::from_str(&hub.client_binding(None, None)).unwrap();
        Self::to(binding["rpcBaseUrl"].as_str().unwrap().to_owned()).await
    }

    /// With a connection of its own.
    pub(crate) async fn to(address: String) -> Self {
        let endpoint = Endpoint::from_shared(address.clone()).unwrap();
        let channel = endpoint.connect().await.unwrap();
        Self {
            grpc: tonic::client::Grpc::new(channel).max_decoding_message_size(usize::MAX),
            address,
        }
    }

    pub(crate) async fn call<Req, Res>(
        &self,
        method: &str,
        request: impl tonic::IntoRequest<Req>,
    ) -> Result<Res, tonic::Status>
    where
        Req: Message + Default + 'static,
        Res: Message + Default + 'static,
    {
        let mut grpc = self.grpc.clone();
        grpc.ready().await.unwrap();
        let path: PathAndQuery = format!("/TaskHubSidecarService/{method}").parse().unwrap();
        grpc.unary(
            request.into_request(),
            path,
            ProstCodec::<Req, Res>::default(),
        )
        .await
        .map(tonic::Response::into_inner)
    }

    pub(crate) async fn streaming<Req, Res>(
        &self,
        method: &str,
        request: Req,
    ) -> Result<tonic::Streaming<Res>, tonic::Status>
    where
        Req: Message + Default + 'static,
        Res: Message + Default + 'static,
    {
        let mut grpc = self.grpc.clone();
        grpc.ready().await.unwrap();
        let path: PathAndQuery = format!("/TaskHubSidecarService/{method}").parse().unwrap();
        let codec = ProstCodec::<Req, Res>::default();
        let request = tonic::Request::new(request);
        let answer = grpc.server_streaming(request, path, codec).await?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn start(
        &self,
        id: &str,
        name: &str,
        input: &str,
    ) -> Result<String, tonic::Status> {
        let request = CreateInstanceRequest {
            instance_id: id.into(),
            name: name.into(),
            input: Some(input.into()),
            ..CreateInstanceRequest::default()
        };
        self.start_with(request).await
    }

    pub(crate) async fn start_with(
        &self,
        request: CreateInstanceRequest,
    ) -> Result<String, tonic::Status> {
        let response: CreateInstanceResponse = self.call("StartInstance", request).await?;
        Ok(response.instance_id)
    }

    pub(crate) async fn raise(
        &self,
        id: &str,
        name: &str,
        input: &str,
    ) -> Result<(), tonic::Status> {
        let request = RaiseEventRequest {
            instance_id: id.into(),
            name: name.into(),
            input: Some(input.into()),
        };
        self.call::<_, RaiseEventResponse>("RaiseEvent", request)
            .await
            .map(|_| ())
    }

    pub(crate) async fn get(&self, id: &str) -> Option<OrchestrationState> {
        let response: GetInstanceResponse = self.call("GetInstance", get(id)).await.unwrap();
        assert_eq!(response.exists, response.orchestration_state.is_some());
        response.orchestration_state
    }

    pub(crate) async fn completion(&self, id: &str) -> OrchestrationState {
        let response: GetInstanceResponse = self
            .call("WaitForInstanceCompletion", get(id))
            .await
            .unwrap();
        response.orchestration_state.unwrap()
    }
}

pub(crate) fn get(id: &str) -> GetInstanceRequest {
    GetInstanceRequest {
        instance_id: id.into(),
        get_inputs_and_outputs: true,
    }
}
