//! A sidecar that does what a test tells it, and records what the worker sends.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use durable_functions::Activity;
use durable_functions::worker::Worker;
use durable_protocol::messages::{
    AbandonTaskRequest, AbandonTaskResponse, ActivityRequest, ActivityResponse,
    CompleteTaskResponse, EntityBatchResult, GetWorkItemsRequest, HealthPing, HistoryChunk,
    OrchestrationInstance, OrchestratorResponse, StreamInstanceHistoryRequest, WorkItem,
    WorkItemRequest,
};
use futures::stream::{BoxStream, unfold};
use prost::Message;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::serving::LIMIT;
pub(super) use super::serving::serve;

/// How a work item ended.
#[derive(Debug)]
pub(super) enum End {
    Turn(OrchestratorResponse),
    Activity(ActivityResponse),
    Batch(EntityBatchResult),
    /// The method and the completion token.
    Abandoned(&'static str, String),
}

/// A stream that the worker opened. Dropping it closes the stream.
pub(super) struct Stream {
    pub(super) asked: GetWorkItemsRequest,
    items: UnboundedSender<Result<WorkItem, Status>>,
    taken: Arc<AtomicUsize>,
}

impl Stream {
    pub(super) fn send(&self, token: &str, request: WorkItemRequest) {
        let item = WorkItem {
            request: Some(request),
            completion_token: token.to_owned(),
        };
        self.items.send(Ok(item)).unwrap();
    }

    /// Asks for an activity; the token is its task id.
    pub(super) fn call<I, O>(&self, activity: Activity<I, O>, task_id: i32) {
        self.call_with(activity, task_id, None);
    }

    /// The same with an input as JSON text.
    pub(super) fn call_with<I, O>(
        &self,
        activity: Activity<I, O>,
        task_id: i32,
        input: Option<String>,
    ) {
        let request = ActivityRequest {
            name: activity.name().to_owned(),
            task_id,
            input,
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: "i".to_owned(),
                execution_id: Some("e".to_owned()),
            }),
            ..Default::default()
        };
        self.send(
            &task_id.to_string(),
            WorkItemRequest::ActivityRequest(Box::new(request)),
        );
    }

    /// Sends an item without a token and without work.
    pub(super) fn ping(&self) {
        self.send("", WorkItemRequest::HealthPing(HealthPing {}));
    }

    /// How many items the connection has taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    pub(super) fn fail(self, status: Status) {
        self.items.send(Err(status)).unwrap();
    }
}

pub(super) struct Fake {
    pub(super) address: String,
    streams: UnboundedReceiver<Stream>,
    ends: UnboundedReceiver<End>,
    hellos: UnboundedReceiver<()>,
    shared: Arc<Shared>,
}

struct Shared {
    streams: UnboundedSender<Stream>,
    ends: UnboundedSender<End>,
    hellos: UnboundedSender<()>,
    /// So many greetings fail before one is answered.
    deaf: AtomicUsize,
    /// So many calls fail before one is taken.
    broken: AtomicUsize,
    history: Mutex<Vec<HistoryChunk>>,
    metadata: Mutex<Vec<Option<String>>>,
}

impl Fake {
    pub(super) async fn listen() -> Self {
        Self::listen_on(Server::builder()).await
    }

    pub(super) async fn listen_with_tls(tls: tonic::transport::ServerTlsConfig) -> Self {
        Self::listen_on(Server::builder().tls_config(tls).unwrap()).await
    }

    async fn listen_on(server: Server) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (streams, opened) = unbounded_channel();
        let (ends, ended) = unbounded_channel();
        let (hellos, greeted) = unbounded_channel();
        let shared = Arc::new(Shared {
            streams,
            ends,
            hellos,
            deaf: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
            history: Mutex::default(),
            metadata: Mutex::default(),
        });
        let service = Service(Arc::clone(&shared));
        // Otherwise each answer waits for an acknowledgement, 40 ms.
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        tokio::spawn(async move { server.serve_with_incoming(service, incoming).await });
        Fake {
            address,
            streams: opened,
            ends: ended,
            hellos: greeted,
            shared,
        }
    }

    pub(super) fn worker(&self) -> Worker {
        Worker::new(&self.address)
            .reconnect_pauses(Duration::from_millis(1), Duration::from_millis(5))
    }

    /// The next stream that the worker opens.
    pub(super) async fn accept(&mut self) -> Stream {
        timeout(LIMIT, self.streams.recv()).await.unwrap().unwrap()
    }

    /// The next greeting.
    pub(super) async fn hello(&mut self) {
        timeout(LIMIT, self.hellos.recv()).await.unwrap().unwrap();
    }

    /// The next so many greetings fail.
    pub(super) fn refuse_hello(&self, times: usize) {
        self.shared.deaf.store(times, Ordering::SeqCst);
    }

    /// Whether the worker has opened another stream.
    pub(super) fn has_another_stream(&mut self) -> bool {
        self.streams.try_recv().is_ok()
    }

    /// The next end of a work item.
    pub(super) async fn end(&mut self) -> End {
        timeout(LIMIT, self.ends.recv()).await.unwrap().unwrap()
    }

    /// The next end, which is that of an activity.
    pub(super) async fn activity(&mut self) -> ActivityResponse {
        match self.end().await {
            End::Activity(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// The next so many calls fail.
    pub(super) fn refuse(&self, calls: usize) {
        self.shared.broken.store(calls, Ordering::SeqCst);
    }

    pub(super) fn set_history(&self, chunks: Vec<HistoryChunk>) {
        *self.shared.history.lock().unwrap() = chunks;
    }

    /// The task hub that each call named.
    pub(super) fn task_hubs(&self) -> Vec<Option<String>> {
        self.shared.metadata.lock().unwrap().clone()
    }
}

/// Takes one, if there is one left.
fn takes_one(left: &AtomicUsize) -> bool {
    let take = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
        .is_ok()
}

impl Shared {
    fn greet(&self) -> Result<(), Status> {
        // Fails if the test does not look at greetings any more.
        let _ = self.hellos.send(());
        match takes_one(&self.deaf) {
            true => Err(Status::internal("no answer")),
            false => Ok(()),
        }
    }

    fn take<A: Default>(&self, end: End) -> Result<A, Status> {
        if takes_one(&self.broken) {
            return Err(Status::unavailable("refused; AccountKey=SECRET"));
        }
        // Fails if the test does not look at ends any more.
        let _ = self.ends.send(end);
        Ok(A::default())
    }
}

#[derive(Clone)]
struct Service(Arc<Shared>);

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
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let hub = request.headers().get("taskhub");
            let hub = hub.map(|hub| hub.to_str().unwrap().to_owned());
            shared.metadata.lock().unwrap().push(hub);
            let path = request.uri().path().to_owned();
            let method = path.strip_prefix("/TaskHubSidecarService/");
            let abandon = |method| {
                let shared = Arc::clone(&shared);
                move |request: AbandonTaskRequest| {
                    shared.take::<AbandonTaskResponse>(End::Abandoned(
                        method,
                        request.completion_token,
                    ))
                }
            };
            let taken = Arc::clone(&shared);
            Ok(match method {
                Some("Hello") => unary(request, move |(): ()| taken.greet()).await,
                Some("GetWorkItems") => {
                    server_streaming(request, move |asked| {
                        let (items, sent) = unbounded_channel();
                        let count = Arc::new(AtomicUsize::new(0));
                        let stream = Stream {
                            asked,
                            items,
                            taken: Arc::clone(&count),
                        };
                        let _ = taken.streams.send(stream);
                        let items = unfold((sent, count), async |(mut sent, count)| {
                            let item = sent.recv().await?;
                            count.fetch_add(1, Ordering::SeqCst);
                            Some((item, (sent, count)))
                        });
                        Box::pin(items) as BoxStream<'static, _>
                    })
                    .await
                }
                Some("StreamInstanceHistory") => {
                    server_streaming(request, move |_: StreamInstanceHistoryRequest| {
                        let chunks = taken.history.lock().unwrap().clone();
                        Box::pin(futures::stream::iter(chunks.into_iter().map(Ok)))
                            as BoxStream<'static, _>
                    })
                    .await
                }
                Some("CompleteOrchestratorTask") => {
                    unary(request, move |turn| {
                        taken.take::<CompleteTaskResponse>(End::Turn(turn))
                    })
                    .await
                }
                Some("CompleteActivityTask") => {
                    unary(request, move |activity| {
                        taken.take::<CompleteTaskResponse>(End::Activity(activity))
                    })
                    .await
                }
                Some("CompleteEntityTask") => {
                    unary(request, move |batch| {
                        taken.take::<CompleteTaskResponse>(End::Batch(batch))
                    })
                    .await
                }
                Some("AbandonTaskOrchestratorWorkItem") => unary(request, abandon("turn")).await,
                Some("AbandonTaskActivityWorkItem") => unary(request, abandon("activity")).await,
                Some("AbandonTaskEntityWorkItem") => unary(request, abandon("batch")).await,
                _ => Status::unimplemented(path).into_http(),
            })
        })
    }
}

async fn unary<Q, A>(
    request: http::Request<Body>,
    method: impl Fn(Q) -> Result<A, Status> + Send + 'static,
) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
{
    let call = tower::service_fn(move |request: Request<Q>| {
        let answer = method(request.into_inner()).map(Response::new);
        std::future::ready(answer)
    });
    Grpc::new(ProstCodec::<A, Q>::default())
        .unary(call, request)
        .await
}

async fn server_streaming<Q, A>(
    request: http::Request<Body>,
    method: impl Fn(Q) -> BoxStream<'static, Result<A, Status>> + Send + 'static,
) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
{
    let call = tower::service_fn(move |request: Request<Q>| {
        let stream = method(request.into_inner());
        std::future::ready(Ok::<_, Status>(Response::new(stream)))
    });
    Grpc::new(ProstCodec::<A, Q>::default())
        .server_streaming(call, request)
        .await
}
