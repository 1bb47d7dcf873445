//! How requests of the SDK reach the table service.
//!
//! The SDK's own transport opens a connection for every page and waits without end. This one keeps connections alive,
//! has time limits, asks for the smaller of the two answer formats that the SDK can read, and is the one place that
//! sees raw errors. Invariant: what leaves it is a [`TransportError`], which holds no URL and no header, because both
//! may hold a signature.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::{
    Body, HttpClient, Method, Request, Response, StatusCode,
    error::{Error, ErrorKind},
    headers::{HeaderName, HeaderValue, Headers},
};
use bytes::BytesMut;
use futures::TryStreamExt;
use serde::Deserialize;

/// Full metadata triples the size of a page and tells us nothing; the SDK cannot read a page without any.
const FULL_METADATA: &str = "application/json;odata=fullmetadata";
const MINIMAL_METADATA: &str = "application/json;odata=minimalmetadata";

/// An error answer of the service is a few hundred bytes; whatever is longer is not one.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// Time limits for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection, TLS included.
    pub connect: Duration,
    /// For each wait for more bytes of the answer.
    pub read: Duration,
    /// For the request as a whole.
    pub request: Duration,
}

impl Default for Timeouts {
    /// 5 seconds to connect, 40 for each wait (the service itself gives up after 30), 100 for the whole.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(40),
            request: Duration::from_secs(100),
        }
    }
}

/// Why a request brought no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TransportError {
    /// The service answered with an error.
    #[error("status {status}, code {code:?}")]
    Status {
        status: u16,
        code: Option<String>,
        retry_after: Option<Duration>,
    },
    #[error("no connection")]
    Connect,
    #[error("timed out")]
    Timeout,
    #[error("connection broken")]
    Broken,
    #[error("not a valid request or answer")]
    Invalid,
}

impl TransportError {
    fn into_core(self) -> Error {
        let kind = match &self {
            Self::Status { status, code, .. } => match StatusCode::try_from(*status) {
                Ok(status) => ErrorKind::http_response(status, code.clone()),
                Err(_) => ErrorKind::Other,
            },
            Self::Connect | Self::Timeout | Self::Broken => ErrorKind::Io,
            Self::Invalid => ErrorKind::Other,
        };
        Error::new(kind, self)
    }
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        // A connection that takes too long is both; the address is what to look at then.
        let mapped = if error.is_connect() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() || error.is_redirect() {
            Self::Invalid
        } else {
            Self::Broken
        };
        // reqwest would print the URL, and with it a signature.
        tracing::debug!(error = ?error.without_url(), "table request failed");
        mapped
    }
}

/// The SDK's `HttpClient` over a pool of kept connections.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: reqwest::Client,
}

impl Transport {
    /// # Errors
    /// When the system has no root certificates that TLS could trust.
    pub(super) fn new(timeouts: &Timeouts) -> Result<Self, reqwest::Error> {
        // An error says that a provider is installed already: by an earlier call, or by the program's own choice.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.request)
            // The service never redirects; whoever does would be given our signature.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client })
    }

    pub(super) fn into_options(self) -> azure_core::TransportOptions {
        azure_core::TransportOptions::new(Arc::new(self))
    }

    async fn send(&self, request: &Request) -> Result<reqwest::Response, TransportError> {
        let mut builder = self
            .client
            .request(method(*request.method())?, request.url().clone());
        for (name, value) in request.headers().iter() {
            let value = match (name.as_str(), value.as_str()) {
                ("accept", FULL_METADATA) => MINIMAL_METADATA,
                // hyper writes the length of the body that it sends.
                ("content-length", _) => continue,
                (_, value) => value,
            };
            builder = builder.header(name.as_str(), value);
        }
        builder = match request.body() {
            Body::Bytes(bytes) => builder.body(bytes.clone()),
            Body::SeekableStream(_) => return Err(TransportError::Invalid),
        };
        Ok(builder.send().await?)
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<Response> {
        let answer = self
            .send(request)
            .await
            .map_err(TransportError::into_core)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(error_answer(answer).await.into_core());
        }
        let status = StatusCode::try_from(status.as_u16())
            .map_err(|_| TransportError::Invalid.into_core())?;
        let headers = headers(answer.headers());
        let body = answer
            .bytes_stream()
            .map_err(|error| TransportError::from(error).into_core());
        Ok(Response::new(status, headers, Box::pin(body)))
    }
}

fn method(method: Method) -> Result<reqwest::Method, TransportError> {
    reqwest::Method::from_bytes(method.as_ref().as_bytes()).map_err(|_| TransportError::Invalid)
}

fn headers(map: &reqwest::header::HeaderMap) -> Headers {
    let readable = map.iter().filter_map(|(name, value)| {
        let name = HeaderName::from(name.as_str().to_owned());
        let value = HeaderValue::from(value.to_str().ok()?.to_owned());
        Some((name, value))
    });
    Headers::from(readable.collect::<HashMap<_, _>>())
}

async fn error_answer(answer: reqwest::Response) -> TransportError {
    let status = answer.status().as_u16();
    let header = |name| answer.headers().get(name)?.to_str().ok();
    let retry_after = header("x-ms-retry-after-ms")
        .and_then(|text| text.parse().ok().map(Duration::from_millis))
        .or_else(|| {
            // The service sends seconds; a date would need a clock that agrees with the service's.
            header("retry-after").and_then(|text| text.parse().ok().map(Duration::from_secs))
        });
    let code = header("x-ms-error-code").and_then(code_text);
    let code = match code {
        Some(code) => Some(code),
        None => code_in_body(answer).await,
    };
    TransportError::Status {
        status,
        code,
        retry_after,
    }
}

/// The table service puts the code of an error into the body, the emulator into a header too.
async fn code_in_body(mut answer: reqwest::Response) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "odata.error", alias = "error")]
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: String,
    }

    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        if body.len() + chunk.len() > MAX_ERROR_BODY {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    if let Ok(answer) = serde_json::from_slice::<Answer>(&body) {
        return code_text(&answer.error.code);
    }
    // Some refusals come as XML, whatever was asked for.
    let text = std::str::from_utf8(&body).ok()?;
    let (_, rest) = text.split_once("<code>").or(text.split_once("<Code>"))?;
    code_text(rest.split_once('<')?.0)
}

/// Codes are single words; whatever is not comes from another kind of server.
fn code_text(text: &str) -> Option<String> {
    let word =
        !text.is_empty() && text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric());
    word.then(|| text.to_owned())
}
