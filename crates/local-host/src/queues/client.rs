//! Requests to one queue of the emulator.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use url::Url;

use super::connection::Connection;
use super::message::Message;
use super::signature::{Signed, authorization};
use super::wire;

/// The version of the service's protocol: one that every Azurite knows.
const VERSION: &str = "2018-11-09";
/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const XML: &str = "application/xml";

/// Why a request had no success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueueError {
    /// There is no answer: the emulator does not run, or no longer.
    #[error("nothing answers at {address} ({why})")]
    Away { address: String, why: String },
    /// The service refuses.
    #[error("the service answers {status} {code}")]
    Status { status: StatusCode, code: String },
    /// The answer is not one of the service.
    #[error("what answers at {0} is no queue service")]
    Other(String),
}

impl QueueError {
    /// Whether the message, or this delivery of it, is no longer there.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Status { status, code } if *status == StatusCode::NOT_FOUND || code == "PopReceiptMismatch")
    }

    pub(super) fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}

/// One queue; its messages are hidden and deleted with their pop receipts.
#[derive(Clone, Debug)]
pub(super) struct QueueClient {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    connection: Connection,
    queue: String,
}

impl QueueClient {
    pub(super) fn new(connection: Connection, queue: &str) -> Self {
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(HttpConnector::new());
        Self {
            http,
            connection,
            queue: queue.to_owned(),
        }
    }

    /// Another queue of the same service.
    pub(super) fn sibling(&self, queue: String) -> Self {
        Self {
            queue,
            ..self.clone()
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.queue
    }

    pub(super) fn address(&self) -> String {
        self.connection.address()
    }

    /// Creates the queue if it is not there.
    pub(super) async fn create(&self) -> Result<(), QueueError> {
        let answer = self.send(Method::PUT, self.url(&[], &[]), None).await;
        match answer {
            Err(QueueError::Status { status, .. }) if status == StatusCode::CONFLICT => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Takes up to `count` messages, and hides them.
    pub(super) async fn take(
        &self,
        count: usize,
        hidden: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        let (count, hidden) = (count.to_string(), hidden.as_secs().to_string());
        let url = self.url(
            &["messages"],
            &[("numofmessages", &count), ("visibilitytimeout", &hidden)],
        );
        let (_, body) = self.send(Method::GET, url, None).await?;
        std::str::from_utf8(&body)
            .ok()
            .and_then(wire::messages)
            .ok_or_else(|| QueueError::Other(self.address()))
    }

    /// Hides a message from now on for this long, and changes its pop receipt.
    pub(super) async fn hide(
        &self,
        message: &mut Message,
        hidden: Duration,
    ) -> Result<(), QueueError> {
        let hidden = hidden.as_secs().to_string();
        let url = self.url(
            &["messages", &message.id],
            &[
                ("popreceipt", &message.pop_receipt),
                ("visibilitytimeout", &hidden),
            ],
        );
        let (headers, _) = self.send(Method::PUT, url, None).await?;
        let receipt = headers.get("x-ms-popreceipt");
        let receipt = receipt.and_then(|receipt| receipt.to_str().ok());
        let receipt = receipt.ok_or_else(|| QueueError::Other(self.address()))?;
        receipt.clone_into(&mut message.pop_receipt);
        Ok(())
    }

    pub(super) async fn delete(&self, message: &Message) -> Result<(), QueueError> {
        let url = self.url(
            &["messages", &message.id],
            &[("popreceipt", &message.pop_receipt)],
        );
        self.send(Method::DELETE, url, None).await.map(drop)
    }

    /// Puts a message with this text, encoded as it is.
    async fn put(&self, text: &str) -> Result<(), QueueError> {
        let url = self.url(&["messages"], &[]);
        let body = wire::new_message(text);
        self.send(Method::POST, url, Some(body)).await.map(drop)
    }

    /// The same; creates the queue when it is not there.
    pub(super) async fn put_or_create(&self, text: &str) -> Result<(), QueueError> {
        match self.put(text).await {
            Err(QueueError::Status { code, .. }) if code == "QueueNotFound" => {
                self.create().await?;
                self.put(text).await
            }
            put => put,
        }
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.connection.endpoint.clone();
        // A URL with `http` has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(&self.queue).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<String>,
    ) -> Result<(HeaderMap, Bytes), QueueError> {
        let away = |why: String| QueueError::Away {
            address: self.address(),
            why,
        };
        let headers = [
            (
                "x-ms-date",
                Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            ),
            ("x-ms-version", VERSION.to_owned()),
        ];
        let content_type = body.as_ref().map_or("", |_| XML);
        let signed = Signed {
            method: &method,
            url: &url,
            content_length: body.as_ref().map_or(0, String::len),
            content_type,
            headers: &headers,
        };
        let authorization = authorization(&self.connection, &signed).unwrap_or_default();
        let mut request = Request::builder()
            .method(&method)
            .uri(url.as_str())
            .header(AUTHORIZATION, authorization);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request
            .body(Full::from(body.unwrap_or_default()))
            .map_err(|error| away(error.to_string()))?;
        let exchange = async {
            let response = self
                .http
                .request(request)
                .await
                .map_err(|error| away(innermost(&error)))?;
            let (head, body) = response.into_parts();
            let body = body.collect().await;
            let body = body.map_err(|error| away(innermost(&error)))?.to_bytes();
            Ok((head, body))
        };
        let (head, body) = tokio::time::timeout(ANSWER_LIMIT, exchange)
            .await
            .unwrap_or_else(|_| Err(away(format!("no answer within {ANSWER_LIMIT:?}"))))?;
        if head.status.is_success() {
            return Ok((head.headers, body));
        }
        let code = head.headers.get("x-ms-error-code");
        Err(QueueError::Status {
            status: head.status,
            code: code
                .and_then(|code| code.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

/// The cause of a failure: the outer texts name the parts of the HTTP client.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |error| (**error).source()).last();
    last.map(ToString::to_string).unwrap_or_default()
}
