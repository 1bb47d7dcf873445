//! Calls of the extension's `TaskHubSidecarService`.
//!
//! Written over tonic's generic client instead of generated code: it is one function, and the
//! messages are ours.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use durable_protocol::service;
use http::uri::PathAndQuery;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::ClientError;
use super::binding::Binding;

/// Channels are kept by address, because opening one costs a TCP connection and an HTTP/2 handshake
/// on every invocation. A host has one address at a time, so a handful is plenty.
const KEPT_CHANNELS: usize = 4;
static CHANNELS: Mutex<VecDeque<(String, Channel)>> = Mutex::new(VecDeque::new());

#[derive(Clone)]
pub(super) struct Connection {
    channel: Channel,
    task_hub: Option<AsciiMetadataValue>,
    connection: Option<AsciiMetadataValue>,
}

impl Connection {
    pub(super) fn open(binding: &Binding) -> Result<Self, ClientError> {
        Ok(Connection {
            channel: channel(&binding.rpc_base_url)?,
            task_hub: metadata(binding.task_hub.as_deref()),
            connection: metadata(binding.connection.as_deref()),
        })
    }

    /// Calls `method`; `limit` becomes the deadline of the call.
    pub(super) async fn call<Q, A>(
        &self,
        method: &'static str,
        message: Q,
        limit: Option<Duration>,
    ) -> Result<A, Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let mut request = Request::new(message);
        if let Some(task_hub) = &self.task_hub {
            request
                .metadata_mut()
                .insert(service::TASK_HUB, task_hub.clone());
        }
        if let Some(connection) = &self.connection {
            request
                .metadata_mut()
                .insert(service::CONNECTION, connection.clone());
        }
        if let Some(limit) = limit {
            request.set_timeout(limit);
        }
        // The host's limit of 4 MiB is for requests; answers may be larger.
        let mut grpc =
            tonic::client::Grpc::new(self.channel.clone()).max_decoding_message_size(usize::MAX);
        grpc.ready()
            .await
            .map_err(|error| Status::unavailable(format!("the host cannot be reached: {error}")))?;
        let path = PathAndQuery::try_from(format!("{}{method}", service::PATH))
            .map_err(|error| Status::internal(error.to_string()))?;
        let call = grpc.unary(request, path, ProstCodec::default());
        let answer = match limit {
            // The host's own clock may never run out: some of its calls ignore the deadline.
            Some(limit) => tokio::time::timeout(limit, call)
                .await
                .map_err(|_| Status::new(Code::DeadlineExceeded, "the time limit passed"))?,
            None => call.await,
        };
        answer.map(tonic::Response::into_inner)
    }
}

/// Whether a call that failed may have reached the host: the connection was open, and broke before the
/// answer. A status that the host sent has no source.
pub(super) fn may_have_arrived(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    let broke = source.is_some();
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return false;
        }
        source = error.source();
    }
    broke
}

/// A failed call as an error, for the cases that a method does not treat itself.
pub(super) fn failed(method: &'static str, status: &Status) -> ClientError {
    ClientError::Rpc {
        method,
        code: status.code(),
        message: status.message().to_owned(),
    }
}

fn metadata(value: Option<&str>) -> Option<AsciiMetadataValue> {
    value.and_then(|value| value.parse().ok())
}

fn channel(address: &str) -> Result<Channel, ClientError> {
    let mut channels = CHANNELS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, channel)) = channels.iter().find(|(known, _)| known == address) {
        return Ok(channel.clone());
    }
    let endpoint =
        Endpoint::from_shared(address.to_owned()).map_err(|_| ClientError::InvalidBinding {
            reason: "its rpcBaseUrl is not a URL",
        })?;
    let channel = endpoint
        .connect_timeout(Duration::from_secs(5))
        .connect_lazy();
    if channels.len() == KEPT_CHANNELS {
        channels.pop_front();
    }
    channels.push_back((address.to_owned(), channel.clone()));
    Ok(channel)
}
