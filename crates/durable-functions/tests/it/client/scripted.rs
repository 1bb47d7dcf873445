//! A host that answers each method as a test says, and records what it was asked. Messages are bytes, so that the
//! replies of a real host can be given as they were recorded.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Buf, BufMut};
use durable_functions::DurableClient;
use durable_protocol::messages::{GetInstanceResponse, OrchestrationState, OrchestrationStatus};
use futures::stream::{self, StreamExt as _};
use prost::Message;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::Grpc;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};

/// What a method answers.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) code: Code,
    pub(super) text: String,
    pub(super) messages: Vec<Vec<u8>>,
}

impl Reply {
    pub(super) fn ok(message: &impl Message) -> Self {
        Reply {
            code: Code::Ok,
            text: String::new(),
            messages: vec![message.encode_to_vec()],
        }
    }

    pub(super) fn refused(code: Code) -> Self {
        Reply {
            code,
            text: "ArgumentException: internal text".to_owned(),
            messages: Vec::new(),
        }
    }
}

#[derive(Default)]
struct Inner {
    /// The replies of a method, one after the other. The last one stays.
    replies: Mutex<HashMap<String, Vec<Reply>>>,
    requests: Mutex<Vec<(String, Vec<u8>)>>,
    connections: AtomicUsize,
    /// The method whose replies are held back, and how many of its calls have arrived.
    held: watch::Sender<Option<(&'static str, usize)>>,
}

pub(super) struct Scripted {
    address: String,
    inner: Arc<Inner>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Scripted {
    pub(super) async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::<Inner>::default();
        let service = Service(Arc::clone(&inner));
        let counting = Arc::clone(&inner);
        let connections = stream::unfold(listener, move |listener| {
            let counting = Arc::clone(&counting);
            async move {
                let (connection, _) = listener.accept().await.unwrap();
                counting.connections.fetch_add(1, Ordering::SeqCst);
                Some((Ok::<_, std::io::Error>(connection), listener))
            }
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let serving =
            Server::builder().serve_with_incoming_shutdown(service, connections.boxed(), stopped);
        Scripted {
            address,
            inner,
            stop,
            serving: tokio::spawn(async { serving.await.unwrap() }),
        }
    }

    /// The value of a `durableClient` binding, as extension 3.19 writes it.
    pub(super) fn binding(&self) -> String {
        json!({
            "taskHubName": "MyHub",
            "connectionName": null,
            "creationUrls": null,
            "managementUrls": null,
            "baseUrl": null,
            "requiredQueryStringParameters": "code=SYSTEM_KEY",
            "rpcBaseUrl": self.address,
            "httpBaseUrl": "http://localhost:7071/runtime/webhooks/durabletask",
            "useForwardedHost": false,
            "maxGrpcMessageSizeInBytes": 4_194_304,
            "grpcHttpClientTimeout": "\"00:01:40\"",
        })
        .to_string()
    }

    pub(super) fn client(&self) -> DurableClient {
        DurableClient::from_binding(&self.binding()).unwrap()
    }

    /// The next answer of `method`. The last one stays.
    pub(super) fn answer(&self, method: &str, reply: Reply) {
        let mut replies = self.inner.replies.lock().unwrap();
        replies.entry(method.to_owned()).or_default().push(reply);
    }

    /// Holds the replies of `method` back.
    pub(super) fn hold(&self, method: &'static str) {
        self.inner.held.send_replace(Some((method, 0)));
    }

    /// Waits until this many calls of the held method have arrived.
    pub(super) async fn arrived(&self, count: usize) {
        let mut held = self.inner.held.subscribe();
        let all = held.wait_for(|held| held.is_some_and(|(_, arrived)| arrived == count));
        all.await.unwrap();
    }

    /// Gives the replies that were held back.
    pub(super) fn release(&self) {
        self.inner.held.send_replace(None);
    }

    /// Forgets all answers.
    pub(super) fn clear(&self) {
        self.inner.replies.lock().unwrap().clear();
        self.inner.requests.lock().unwrap().clear();
    }

    /// The instance that look-ups find from now on.
    pub(super) fn holds(&self, status: Option<OrchestrationStatus>) {
        self.answer(
            "GetInstance",
            Reply::ok(&GetInstanceResponse {
                exists: status.is_some(),
                orchestration_state: status.map(|status| OrchestrationState {
                    instance_id: "a".to_owned(),
                    name: "count".to_owned(),
                    orchestration_status: status as i32,
                    ..Default::default()
                }),
            }),
        );
    }

    /// The requests that `method` got.
    pub(super) fn requests<M: Message + Default>(&self, method: &str) -> Vec<M> {
        let requests = self.inner.requests.lock().unwrap();
        let of_method = requests.iter().filter(|(name, _)| name == method);
        of_method
            .map(|(_, bytes)| M::decode(bytes.as_slice()).unwrap())
            .collect()
    }

    /// All methods that were called, in order.
    pub(super) fn methods(&self) -> Vec<String> {
        let requests = self.inner.requests.lock().unwrap();
        requests.iter().map(|(method, _)| method.clone()).collect()
    }

    /// How many connections were opened.
    pub(super) fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// The host ends, with its connections.
    pub(super) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
    }
}

#[derive(Clone)]
struct Service(Arc<Inner>);

impl tower::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let path = request.uri().path();
            let method = path.strip_prefix("/TaskHubSidecarService/").unwrap();
            let method = method.to_owned();
            let call = tower::service_fn(move |request: Request<Vec<u8>>| {
                let reply = inner.answered(&method, request.into_inner());
                let (inner, method) = (Arc::clone(&inner), method.clone());
                async move {
                    inner.released(&method).await;
                    if reply.code != Code::Ok {
                        return Err(Status::new(reply.code, reply.text));
                    }
                    let messages = reply.messages.into_iter().map(Ok);
                    Ok(Response::new(stream::iter(messages)))
                }
            });
            // A stream of one message is on the wire what a unary answer is.
            Ok(Grpc::new(Bytes).server_streaming(call, request).await)
        })
    }
}

impl Inner {
    async fn released(&self, method: &str) {
        let mut held = self.held.subscribe();
        self.held.send_if_modified(|held| match held {
            Some((of, arrived)) if of == &method => {
                *arrived += 1;
                true
            }
            _ => false,
        });
        let free = held.wait_for(|held| held.is_none_or(|(of, _)| of != method));
        free.await.unwrap();
    }

    fn answered(&self, method: &str, request: Vec<u8>) -> Reply {
        let mut requests = self.requests.lock().unwrap();
        requests.push((method.to_owned(), request));
        match self.replies.lock().unwrap().get_mut(method) {
            Some(replies) if replies.len() > 1 => replies.remove(0),
            Some(replies) => replies[0].clone(),
            None => Reply::refused(Code::Unimplemented),
        }
    }
}

/// Messages as they are.
#[derive(Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Bytes;
    type Decoder = Bytes;

    fn encoder(&mut self) -> Bytes {
        Bytes
    }

    fn decoder(&mut self) -> Bytes {
        Bytes
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item.as_slice());
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length).to_vec()))
    }
}
