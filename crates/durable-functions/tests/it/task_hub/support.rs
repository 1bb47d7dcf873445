//! A client, a log, and what a handler reads and answers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    CreateInstanceRequest, CreateInstanceResponse, GetInstanceRequest, GetInstanceResponse,
    OrchestrationState,
};
use http::uri::PathAndQuery;
use local_host::hub::{DurableFunction, DurableKind, Hub, HubOptions};
use local_host::invoke::{InvocationAnswer, InvokeError};
use local_host::json::Json;
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
}

fn says(messages: &[(LogLevel, String)], level: LogLevel, text: &str) -> bool {
    messages
        .iter()
        .any(|(at, message)| *at == level && message.contains(text))
}

/// The text in the double encoding of a binding.
pub(crate) fn inner_text(value: &Json) -> String {
    serde_json::from_str(value.as_text().unwrap()).unwrap()
}

/// The protobuf bytes in the double encoding of a binding.
pub(crate) fn request_bytes(context: &Json) -> Vec<u8> {
    STANDARD.decode(inner_text(context)).unwrap()
}

pub(crate) fn return_value(value: impl Into<Json>) -> InvocationAnswer {
    InvocationAnswer {
        outputs: None,
        return_value: Some(value.into()),
    }
}

/// A durable client that finds the hub as a handler does: through the binding.
#[derive(Clone)]
pub(crate) struct Client {
    grpc: tonic::client::Grpc<Channel>,
}

impl Client {
    pub(crate) async fn connect(hub: &Hub) -> Self {
        let binding: serde_json::Value =
            serde_json::from_str(&hub.client_binding(None, None)).unwrap();
        let address = binding["rpcBaseUrl"].as_str().unwrap().to_owned();
        let channel = Endpoint::from_shared(address).unwrap().connect().await;
        Self {
            grpc: tonic::client::Grpc::new(channel.unwrap()),
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

    pub(crate) async fn start(&self, id: &str, name: &str, input: &str) {
        let request = CreateInstanceRequest {
            instance_id: id.into(),
            name: name.into(),
            input: Some(input.into()),
            ..CreateInstanceRequest::default()
        };
        let _: CreateInstanceResponse = self.call("StartInstance", request).await.unwrap();
    }

    pub(crate) async fn completion(&self, id: &str) -> OrchestrationState {
        let request = GetInstanceRequest {
            instance_id: id.into(),
            get_inputs_and_outputs: true,
        };
        let response: GetInstanceResponse = self
            .call("WaitForInstanceCompletion", request)
            .await
            .unwrap();
        response.orchestration_state.unwrap()
    }
}
