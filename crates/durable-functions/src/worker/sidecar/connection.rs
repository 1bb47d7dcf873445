//! The connection to the sidecar, and the calls over it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use functions_handler::redaction::redacted;
use prost::Message;
use tokio::time::{sleep, timeout};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use super::WorkerError;
use super::backoff::Backoff;
use crate::client::rpc;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a call may take that the sidecar answers at once.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// How often the end of a work item is sent. The sidecar delivers the item again if it never arrives.
const ATTEMPTS: usize = 8;
/// How many characters of a status are logged.
const LONGEST_MESSAGE: usize = 1000;

pub(super) struct Connection {
    endpoint: Endpoint,
    /// Where the sidecar is, for logs: without a password, which an address may hold.
    authority: String,
    /// Replaced when the stream was lost: a connection that died without notice would take further calls.
    channel: Mutex<Channel>,
    metadata: MetadataMap,
}

impl Connection {
    pub(super) fn new(endpoint: &str, metadata: &[(String, String)]) -> Result<Self, WorkerError> {
        let invalid = |reason| WorkerError::InvalidEndpoint { reason };
        let endpoint = rpc::endpoint(endpoint).map_err(invalid)?;
        let uri = endpoint.uri();
        let authority = match (uri.host(), uri.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(invalid("it has no host")),
        };
        let endpoint = endpoint
            .connect_timeout(CONNECT_LIMIT)
            .tcp_keepalive(Some(Duration::from_secs(30)));
        let channel = Mutex::new(endpoint.connect_lazy());
        Ok(Connection {
            authority,
            channel,
            metadata: map_of(metadata)?,
            endpoint,
        })
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Further calls open a new connection. Those that are under way stay on theirs.
    pub(super) fn renew(&self) {
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = self.endpoint.connect_lazy();
    }

    pub(super) async fn call<Q, A>(&self, method: &'static str, message: Q) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        rpc::unary(
            self.channel(),
            method,
            self.request(message),
            Some(CALL_LIMIT),
        )
        .await
    }

    /// Opens a stream.
    pub(super) async fn stream<Q, A>(
        &self,
        method: &'static str,
        message: Q,
    ) -> Result<Streaming<A>, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        rpc::server_streaming(self.channel(), method, self.request(message)).await
    }

    /// All messages of a stream that ends by itself.
    pub(super) async fn collect<Q, A>(
        &self,
        method: &'static str,
        message: Q,
    ) -> Result<Vec<A>, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let collected = async {
            let mut stream = self.stream(method, message).await?;
            let mut messages = Vec::new();
            while let Some(message) = stream.message().await? {
                messages.push(message);
            }
            Ok(messages)
        };
        timeout(CALL_LIMIT, collected)
            .await
            .unwrap_or_else(|_| Err(Status::deadline_exceeded("the time limit passed")))
    }

    /// Sends the end of a work item, again and again while the sidecar cannot be reached; whether it was
    /// taken.
    pub(super) async fn deliver<Q, A>(&self, method: &'static str, message: Q) -> bool
    where
        Q: Message + Clone + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        for attempt in 1..=ATTEMPTS {
            let Err(status) = self.call::<Q, A>(method, message.clone()).await else {
                return true;
            };
            let problem = said(&status);
            if is_final(status.code()) || attempt == ATTEMPTS {
                tracing::error!(
                    "{method} failed: {problem}; the sidecar may deliver the work again"
                );
                return false;
            }
            let pause = backoff.next();
            tracing::warn!("{method} failed: {problem}; trying again in {pause:?}");
            sleep(pause).await;
        }
        false
    }

    fn channel(&self) -> Channel {
        self.channel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request
    }
}

/// A status for the log. What others write into it can hold credentials, and be long.
pub(super) fn said(status: &Status) -> String {
    let message: String = rpc::text_of(status).chars().take(LONGEST_MESSAGE).collect();
    format!("{:?}: {}", status.code(), redacted(&message))
}

/// Whether the sidecar would refuse the same call again.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::ResourceExhausted
            | Code::Unimplemented
    )
}

fn map_of(metadata: &[(String, String)]) -> Result<MetadataMap, WorkerError> {
    let mut map = MetadataMap::new();
    for (name, value) in metadata {
        let invalid = || WorkerError::InvalidMetadata { name: name.clone() };
        let key = AsciiMetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes())
            .map_err(|_| invalid())?;
        let mut value: AsciiMetadataValue = value.parse().map_err(|_| invalid())?;
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}
