//! Calls of the extension's `TaskHubSidecarService`.
//!
//! Written over tonic's generic client instead of generated code: it is one function, and the
//! messages are ours.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use durable_protocol::service;
use http::uri::PathAndQuery;
use tokio::runtime::Handle;
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::ClientError;
use super::binding::Binding;
use super::lanes::Lanes;

/// Channels are kept, because opening one costs a TCP connection and an HTTP/2 handshake on every invocation. A host
/// has one address at a time, so a handful is plenty.
const KEPT_CHANNELS: usize = 4;
static CHANNELS: Mutex<VecDeque<Kept>> = Mutex::new(VecDeque::new());

/// The connections of one runtime to one address. The task that drives a channel ends with the runtime that opened it,
/// so another runtime, such as that of the next `#[tokio::test]`, needs its own.
struct Kept {
    runtime: Option<tokio::runtime::Id>,
    address: String,
    lanes: Lanes,
}

/// The longest deadline that is sent, a hundred years. tonic panics on one that the header cannot express.
const LONGEST_DEADLINE: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

#[derive(Clone)]
pub(super) struct Connection {
    lanes: Lanes,
    metadata: MetadataMap,
}

impl Connection {
    pub(super) fn open(binding: &Binding) -> Result<Self, ClientError> {
        let lanes = lanes_to(&binding.rpc_base_url, |address| {
            Endpoint::from_shared(address.to_owned()).map_err(|_| ClientError::InvalidBinding {
                reason: "its rpcBaseUrl is not a URL",
            })
        })?;
        let mut metadata = MetadataMap::new();
        for (key, value) in [
            (service::TASK_HUB, &binding.task_hub),
            (service::CONNECTION, &binding.connection),
        ] {
            if let Some(value) = value.as_deref().and_then(|value| value.parse().ok()) {
                metadata.insert(key, value);
            }
        }
        Ok(Connection { lanes, metadata })
    }

    pub(super) fn to(endpoint: &str) -> Result<Self, ClientError> {
        let invalid = |reason| ClientError::InvalidEndpoint { reason };
        let lanes = lanes_to(endpoint, self::endpoint).map_err(invalid)?;
        Ok(Connection {
            lanes,
            metadata: MetadataMap::new(),
        })
    }

    /// Names the task hub of a sidecar in every call.
    pub(super) fn name_task_hub(&mut self, task_hub: AsciiMetadataValue) {
        self.metadata.insert(service::SIDECAR_TASK_HUB, task_hub);
    }

    /// Calls `method`.
    pub(super) async fn call<Q, A>(&self, method: &'static str, message: Q) -> Result<A, Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let mut request = Request::new(message);
        request.metadata_mut().clone_from(&self.metadata);
        unary(self.lanes.channel(), method, request, None).await
    }

    /// Calls `method`, which waits for something; `limit` becomes the deadline of the call.
    pub(super) async fn call_and_wait<Q, A>(
        &self,
        method: &'static str,
        message: Q,
        limit: Duration,
    ) -> Result<A, Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let mut request = Request::new(message);
        request.metadata_mut().clone_from(&self.metadata);
        let place = self.lanes.place();
        unary(place.channel.clone(), method, request, Some(limit)).await
    }

    /// Opens the stream of `method`.
    pub(super) async fn stream<Q, A>(
        &self,
        method: &'static str,
        message: Q,
    ) -> Result<tonic::Streaming<A>, Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let mut request = Request::new(message);
        request.metadata_mut().clone_from(&self.metadata);
        server_streaming(self.lanes.channel(), method, request).await
    }
}

/// Calls `method`; `limit` becomes the deadline of the call.
pub(crate) async fn unary<Q, A>(
    channel: Channel,
    method: &'static str,
    mut request: Request<Q>,
    limit: Option<Duration>,
) -> Result<A, Status>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    if let Some(limit) = limit {
        request.set_timeout(limit.min(LONGEST_DEADLINE));
    }
    let call = async {
        let (mut grpc, path) = ready(channel, method).await?;
        grpc.unary(request, path, ProstCodec::default()).await
    };
    let answer = match limit {
        // The host's own clock may never run out: some of its calls ignore the deadline.
        Some(limit) => tokio::time::timeout(limit, call)
            .await
            .map_err(|_| Status::new(Code::DeadlineExceeded, "the time limit passed"))?,
        None => call.await,
    };
    answer.map(tonic::Response::into_inner)
}

/// Opens the stream of `method`, which has no time limit.
pub(crate) async fn server_streaming<Q, A>(
    channel: Channel,
    method: &'static str,
    request: Request<Q>,
) -> Result<tonic::Streaming<A>, Status>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let (mut grpc, path) = ready(channel, method).await?;
    let stream = grpc.server_streaming(request, path, ProstCodec::default());
    stream.await.map(tonic::Response::into_inner)
}

async fn ready(channel: Channel, method: &str) -> Result<(Grpc<Channel>, PathAndQuery), Status> {
    // The host's limit of 4 MiB is for requests; answers may be larger.
    let mut grpc = Grpc::new(channel).max_decoding_message_size(usize::MAX);
    grpc.ready()
        .await
        .map_err(|error| Status::unavailable(format!("the host cannot be reached: {error}")))?;
    let path = PathAndQuery::try_from(format!("{}{method}", service::PATH))
        .map_err(|error| Status::internal(error.to_string()))?;
    Ok((grpc, path))
}

/// Whether a call that failed may have reached the host: the connection was open, and broke before the
/// answer. A status that the host sent has no source.
pub(super) fn may_have_arrived(status: &Status) -> bool {
    std::error::Error::source(status).is_some() && !could_not_connect(status)
}

/// Whether a call failed because no connection could be opened.
pub(crate) fn could_not_connect(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// A failed call as an error, for the cases that a method does not treat itself.
pub(super) fn failed(method: &'static str, status: &Status) -> ClientError {
    let message = text_of(status);
    match status.code() {
        Code::Unavailable | Code::ResourceExhausted => ClientError::Unavailable { method, message },
        // The connection broke before there was an answer.
        _ if may_have_arrived(status) => ClientError::Unavailable { method, message },
        Code::Unimplemented => ClientError::Unsupported { method },
        Code::InvalidArgument => ClientError::InvalidArgument { method, message },
        code => ClientError::Rpc {
            method,
            code: name_of(code),
            message,
        },
    }
}

/// The name of a code in the specification of gRPC.
fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The message of a status, with the innermost cause of a failure on this side: without it, a refused connection and
/// an unknown host name are both a "tcp connect error".
pub(crate) fn text_of(status: &Status) -> String {
    let message = status.message();
    let mut cause = std::error::Error::source(status);
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    match cause.map(ToString::to_string) {
        Some(cause) if !message.contains(&cause) => format!("{message}: {cause}"),
        _ => message.to_owned(),
    }
}

/// The endpoint of a sidecar, which a user has given.
///
/// # Errors
/// What is wrong with the address. It is not repeated: it may hold a password.
pub(crate) fn endpoint(address: &str) -> Result<Endpoint, &'static str> {
    let endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|_| "it must be a URL such as http://localhost:4001")?;
    match needs_tls(endpoint.uri().scheme_str(), cfg!(feature = "tls"))? {
        true => with_tls(endpoint),
        false => Ok(endpoint),
    }
}

/// `has_tls`: whether TLS is compiled in.
fn needs_tls(scheme: Option<&str>, has_tls: bool) -> Result<bool, &'static str> {
    match scheme {
        Some("http") => Ok(false),
        Some("https") if has_tls => Ok(true),
        Some("https") => Err("https:// needs the feature `tls` of durable-functions"),
        _ => Err("it must begin with http:// or https://"),
    }
}

#[cfg(feature = "tls")]
fn with_tls(endpoint: Endpoint) -> Result<Endpoint, &'static str> {
    let tls = tonic::transport::ClientTlsConfig::new().with_native_roots();
    endpoint
        .tls_config(tls)
        .map_err(|_| "the certificates that this system trusts cannot be read")
}

#[cfg(not(feature = "tls"))]
fn with_tls(endpoint: Endpoint) -> Result<Endpoint, &'static str> {
    Ok(endpoint)
}

/// The connections of this runtime to `address`, of which there is one set.
fn lanes_to<E>(
    address: &str,
    endpoint: impl FnOnce(&str) -> Result<Endpoint, E>,
) -> Result<Lanes, E> {
    let runtime = Handle::try_current().ok().map(|handle| handle.id());
    let mut channels = CHANNELS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut known = channels.iter();
    if let Some(kept) = known.find(|kept| kept.runtime == runtime && kept.address == address) {
        return Ok(kept.lanes.clone());
    }
    let lanes = Lanes::new(endpoint(address)?.connect_timeout(Duration::from_secs(5)));
    if channels.len() == KEPT_CHANNELS {
        channels.pop_front();
    }
    channels.push_back(Kept {
        runtime,
        address: address.to_owned(),
        lanes: lanes.clone(),
    });
    Ok(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_an_address_that_needs_it_is_refused_with_the_name_of_the_feature() {
        assert_eq!(needs_tls(Some("http"), false), Ok(false));
        assert_eq!(needs_tls(Some("https"), true), Ok(true));
        let error = needs_tls(Some("https"), false).unwrap_err();
        assert!(error.contains("feature `tls`"), "{error}");
        assert!(needs_tls(Some("ftp"), true).is_err());
        assert!(needs_tls(None, true).is_err());
    }

    #[tokio::test]
    async fn a_connection_that_is_refused_is_told_with_its_cause() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let client = crate::DurableClient::connect(&format!("http://{address}")).unwrap();
        let error = client.status("a").await.unwrap_err();
        let ClientError::Unavailable { message, .. } = error else {
            panic!("{error:?}");
        };
        assert!(message.contains("Connection refused"), "{message}");
    }
}
