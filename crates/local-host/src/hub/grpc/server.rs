//! The server: which path calls which method.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use durable_protocol::service;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use prost::Message;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::super::{Extension, Hub, Inner};
use super::call::Call;
use super::{entity, history, lists, manage, purge, query, start, wait, work};
use crate::accept::Accepting;
use crate::log::LogLevel;

/// The largest request that extension 3.14.1 reads: the default of its web server, about 28.6 MiB. 3.19.0 has no limit.
const LONGEST_REQUEST: usize = 30_000_000;

/// The flow-control window of a connection. The transport ends a connection whose waiting messages use more
/// than half of it. With the default of 64 KiB, some hundred starts at once are too many.
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;

/// The same for one call.
const CALL_WINDOW: u32 = 1024 * 1024;

/// How often a worker's connection is tried, and how long it may take to answer. The work of one that is gone without a
/// word, because its machine sleeps or has no network, is given to others then.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Answers calls until the hub stops.
pub(in crate::hub) async fn serve(hub: Hub, listener: TcpListener) {
    let log = Arc::clone(&hub.inner.log);
    let said = Arc::clone(&log);
    let accepting = Accepting::new(listener, move |text| said(LogLevel::Warning, text));
    // tonic's own stream ends at the first error that no client caused. Without free files it would end for
    // good.
    let incoming = stream::unfold(accepting, async |mut accepting| {
        let stream = accepting.next().await;
        let _ = stream.set_nodelay(true);
        Some((Ok::<_, io::Error>(stream), accepting))
    });
    let mut stopped = hub.inner.stopped.subscribe();
    let keep_alive = hub.inner.serves_workers().then_some(KEEP_ALIVE);
    let served = Server::builder()
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(CALL_WINDOW)
        .http2_keepalive_interval(keep_alive)
        .http2_keepalive_timeout(keep_alive)
        .serve_with_incoming_shutdown(Service { hub: hub.inner }, incoming, async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        })
        .await;
    if let Err(error) = served {
        log(
            LogLevel::Error,
            format!("The gRPC service of the task hub ended: {error}"),
        );
    }
}

#[derive(Clone)]
struct Service {
    hub: Arc<Inner>,
}

impl tower::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let hub = Arc::clone(&self.hub);
        let path = request.uri().path().to_owned();
        Box::pin(async move {
            let mut stopped = hub.stopped.subscribe();
            // Connections stay open after the listener is closed, and some calls wait without limit.
            Ok(tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => {
                    Status::unavailable("The host is stopping.").into_http()
                }
                answer = route(Arc::clone(&hub), request) => {
                    explain_length(&hub, &path, &answer);
                    answer
                }
            })
        })
    }
}

async fn route(hub: Arc<Inner>, request: http::Request<Body>) -> http::Response<Body> {
    let path = request.uri().path().to_owned();
    match path.strip_prefix(service::PATH) {
        Some("Hello") => unary(hub, request, query::hello).await,
        Some("StartInstance") => unary(hub, request, start::start_instance).await,
        Some("GetInstance") => unary(hub, request, query::get_instance).await,
        Some("WaitForInstanceStart") => unary(hub, request, wait::for_start).await,
        Some("WaitForInstanceCompletion") => unary(hub, request, wait::for_completion).await,
        Some("RaiseEvent") => unary(hub, request, manage::raise_event).await,
        Some("TerminateInstance") => unary(hub, request, manage::terminate).await,
        Some("SuspendInstance") => unary(hub, request, manage::suspend).await,
        Some("ResumeInstance") => unary(hub, request, manage::resume).await,
        Some("RewindInstance") => unary(hub, request, manage::rewind).await,
        Some("SignalEntity") => unary(hub, request, entity::signal_entity).await,
        Some("GetEntity") => unary(hub, request, entity::get_entity).await,
        Some("QueryInstances") => unary(hub, request, lists::query_instances).await,
        Some("ListInstanceIds") if hub.serves_workers() => {
            unary(hub, request, lists::list_instance_ids).await
        }
        Some("QueryEntities") => unary(hub, request, lists::query_entities).await,
        Some("CleanEntityStorage") => unary(hub, request, lists::clean_entities).await,
        Some("PurgeInstances") => unary(hub, request, purge::purge_instances).await,
        Some("RestartInstance") => unary(hub, request, purge::restart_instance).await,
        Some("StreamInstanceHistory") => streaming(hub, request, history::stream).await,
        Some("CreateTaskHub") => unary(hub, request, query::create_task_hub).await,
        Some("DeleteTaskHub") => unary(hub, request, query::delete_task_hub).await,
        Some("GetWorkItems") => streaming(hub, request, work::get_work_items).await,
        Some("CompleteOrchestratorTask") => unary(hub, request, work::complete_turn).await,
        Some("CompleteActivityTask") => unary(hub, request, work::complete_activity).await,
        Some("CompleteEntityTask") => unary(hub, request, work::complete_batch).await,
        Some("AbandonTaskOrchestratorWorkItem") => unary(hub, request, work::abandon_turn).await,
        Some("AbandonTaskActivityWorkItem") => unary(hub, request, work::abandon_activity).await,
        Some("AbandonTaskEntityWorkItem") => unary(hub, request, work::abandon_batch).await,
        _ => {
            let reason =
                format!("local-host does not have the method {path}. A real host may have it.");
            hub.log(
                LogLevel::Error,
                format!("A durable client was refused: {reason}"),
            );
            Status::unimplemented(reason).into_http()
        }
    }
}

/// The transport refuses a message that is too long, and has not read whose it is. The client gets the reason, and so
/// does the log, because a client can repeat it without end.
fn explain_length(hub: &Inner, path: &str, answer: &http::Response<Body>) {
    let status = answer.headers().get("grpc-status");
    if status.is_some_and(|status| status == "11") {
        hub.log(
            LogLevel::Error,
            format!(
                "{path} was refused: its message is longer than {} bytes. Keep large payloads in a storage account \
                 and pass their address.",
                longest_request(hub)
            ),
        );
    }
}

/// A call of a method with one request and one answer.
async fn unary<Req, Res, Fut>(
    hub: Arc<Inner>,
    request: http::Request<Body>,
    method: fn(Arc<Inner>, Call<Req>) -> Fut,
) -> http::Response<Body>
where
    Req: Message + Default + 'static,
    Res: Message + Default + 'static,
    Fut: Future<Output = Result<Res, Status>> + Send + 'static,
{
    let mut grpc = codec::<Req, Res>(&hub);
    let call = tower::service_fn(move |request| answer(&hub, request, method));
    grpc.unary(call, request).await
}

/// A call of a method with one request and a stream of answers.
async fn streaming<Req, Res, Fut>(
    hub: Arc<Inner>,
    request: http::Request<Body>,
    method: fn(Arc<Inner>, Call<Req>) -> Fut,
) -> http::Response<Body>
where
    Req: Message + Default + 'static,
    Res: Message + Default + 'static,
    Fut: Future<Output = Result<BoxStream<'static, Result<Res, Status>>, Status>> + Send + 'static,
{
    let mut grpc = codec::<Req, Res>(&hub);
    let call = tower::service_fn(move |request| answer(&hub, request, method));
    grpc.server_streaming(call, request).await
}

fn codec<Req, Res>(hub: &Inner) -> Grpc<ProstCodec<Res, Req>>
where
    Req: Message + Default + 'static,
    Res: Message + Default + 'static,
{
    Grpc::new(ProstCodec::default())
        .max_decoding_message_size(longest_request(hub))
        .max_encoding_message_size(usize::MAX)
}

/// A worker's answer has no limit either: it would be refused in each of its attempts.
fn longest_request(hub: &Inner) -> usize {
    if hub.serves_workers() || hub.options.extension >= Extension::V3_19 {
        usize::MAX
    } else {
        LONGEST_REQUEST
    }
}

fn answer<Req, T, Fut>(
    hub: &Arc<Inner>,
    request: Request<Req>,
    method: fn(Arc<Inner>, Call<Req>) -> Fut,
) -> impl Future<Output = Result<Response<T>, Status>> + use<Req, T, Fut>
where
    Fut: Future<Output = Result<T, Status>>,
{
    let call = Call::new(hub, request);
    let answer = method(Arc::clone(hub), call);
    async move { answer.await.map(Response::new) }
}
