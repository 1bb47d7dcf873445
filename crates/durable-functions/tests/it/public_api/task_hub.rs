//! A small task hub: the gRPC service that a `durableClient` binding names. It answers as the extension
//! does, and records what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use durable_functions::DurableClient;
use durable_protocol::messages::{
    CreateInstanceRequest, CreateInstanceResponse, GetInstanceRequest, GetInstanceResponse,
    OrchestrationState, OrchestrationStatus,
};
use prost::Message;
use serde_json::json;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// Every call about the instance with this id fails.
pub(crate) const BROKEN: &str = "broken";

/// What the host has for a call that fails.
pub(crate) const BROKEN_TEXT: &str = "Value cannot be null. (Parameter 'account')";

/// The key in the binding, which nothing may show.
pub(crate) const KEY: &str = "SYSTEM_KEY";

#[derive(Clone)]
pub(crate) struct TaskHub {
    address: String,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    instances: Mutex<BTreeMap<String, OrchestrationState>>,
    started: Mutex<Vec<CreateInstanceRequest>>,
    named: Mutex<Vec<[Option<String>; 2]>>,
    other_id: Mutex<Option<String>>,
}

impl TaskHub {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        // The client keeps channels by address for as long as the process lives, but the runtime under
        // a channel ends with its test: no later test may get the same port.
        std::mem::forget(listener.try_clone().unwrap());
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let hub = TaskHub {
            address,
            inner: Arc::default(),
        };
        let service = Service(Arc::clone(&hub.inner));
        tokio::spawn(Server::builder().serve_with_incoming(service, TcpIncoming::from(listener)));
        hub
    }

    /// The value of the binding, as the extension 3.14 writes it.
    pub(crate) fn binding(&self) -> String {
        json!({
            "taskHubName": "MyHub",
            "connectionName": "Storage",
            "creationUrls": null,
            "managementUrls": null,
            "baseUrl": null,
            "requiredQueryStringParameters": format!("code={KEY}"),
            "rpcBaseUrl": self.address,
            "httpBaseUrl": "http://localhost:7071/runtime/webhooks/durabletask",
            "maxGrpcMessageSizeInBytes": 4_194_304,
            "grpcHttpClientTimeout": "\"00:01:40\"",
        })
        .to_string()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn client(&self) -> DurableClient {
        DurableClient::from_binding(&self.binding()).unwrap()
    }

    pub(crate) fn put(&self, state: OrchestrationState) {
        let mut instances = self.inner.instances.lock().unwrap();
        instances.insert(state.instance_id.clone(), state);
    }

    /// From now on, starts are answered with this id instead of the one that was asked for.
    pub(crate) fn answer_starts_with(&self, id: &str) {
        *self.inner.other_id.lock().unwrap() = Some(id.to_owned());
    }

    /// What it was asked to start.
    pub(crate) fn started(&self) -> Vec<CreateInstanceRequest> {
        self.inner.started.lock().unwrap().clone()
    }

    /// The task hub and the connection that each call named.
    pub(crate) fn named(&self) -> Vec<[Option<String>; 2]> {
        self.inner.named.lock().unwrap().clone()
    }
}

impl Inner {
    fn start(&self, request: CreateInstanceRequest) -> Result<CreateInstanceResponse, Status> {
        let id = request.instance_id.clone();
        if id == BROKEN {
            return Err(Status::unknown(BROKEN_TEXT));
        }
        self.started.lock().unwrap().push(request.clone());
        let mut instances = self.instances.lock().unwrap();
        let known = instances
            .get(&id)
            .map(OrchestrationState::orchestration_status);
        if known.is_some_and(|status| status == OrchestrationStatus::Running) {
            let text = format!("An Orchestration instance with the ID {id} already exists.");
            return Err(Status::already_exists(text));
        }
        let state = OrchestrationState {
            instance_id: id.clone(),
            name: request.name,
            orchestration_status: OrchestrationStatus::Running as i32,
            ..Default::default()
        };
        instances.insert(id.clone(), state);
        let other_id = self.other_id.lock().unwrap().clone();
        Ok(CreateInstanceResponse {
            instance_id: other_id.unwrap_or(id),
        })
    }

    fn get(&self, request: &GetInstanceRequest) -> Result<GetInstanceResponse, Status> {
        if request.instance_id == BROKEN {
            return Err(Status::unknown(BROKEN_TEXT));
        }
        let instances = self.instances.lock().unwrap();
        let mut state = instances.get(&request.instance_id).cloned();
        if let Some(state) = &mut state
            && !request.get_inputs_and_outputs
        {
            state.input = None;
            state.output = None;
            state.custom_status = None;
            state.failure_details = None;
        }
        Ok(GetInstanceResponse {
            exists: state.is_some(),
            orchestration_state: state,
        })
    }

    /// An id that does not exist is waited for as well, without end.
    async fn wait(&self, request: &GetInstanceRequest) -> Result<GetInstanceResponse, Status> {
        let answer = self.get(request)?;
        match &answer.orchestration_state {
            Some(state) if state.orchestration_status() != OrchestrationStatus::Running => {
                Ok(answer)
            }
            _ => pending().await,
        }
    }
}

#[derive(Clone)]
struct Service(Arc<Inner>);

impl tower::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let hub = Arc::clone(&self.0);
        Box::pin(async move {
            hub.named.lock().unwrap().push(named(request.headers()));
            let path = request.uri().path().to_owned();
            Ok(match path.strip_prefix("/TaskHubSidecarService/") {
                Some("StartInstance") => {
                    let start = move |start| {
                        let hub = Arc::clone(&hub);
                        async move { hub.start(start) }
                    };
                    unary(request, start).await
                }
                Some("GetInstance") => {
                    let get = move |get| {
                        let hub = Arc::clone(&hub);
                        async move { hub.get(&get) }
                    };
                    unary(request, get).await
                }
                Some("WaitForInstanceCompletion") => {
                    let wait = move |get| {
                        let hub = Arc::clone(&hub);
                        async move { hub.wait(&get).await }
                    };
                    unary(request, wait).await
                }
                _ => Status::unimplemented(path).into_http(),
            })
        })
    }
}

/// One call.
async fn unary<Q, A, Fut>(
    request: http::Request<Body>,
    method: impl Fn(Q) -> Fut + Send + 'static,
) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
    Fut: Future<Output = Result<A, Status>> + Send + 'static,
{
    let call = tower::service_fn(move |request: Request<Q>| {
        let answer = method(request.into_inner());
        async move { answer.await.map(Response::new) }
    });
    Grpc::new(ProstCodec::<A, Q>::default())
        .unary(call, request)
        .await
}

/// What a call names in its metadata.
fn named(metadata: &http::HeaderMap) -> [Option<String>; 2] {
    ["durable-taskhub", "durable-connectionname"]
        .map(|key| Some(metadata.get(key)?.to_str().unwrap().to_owned()))
}
