//! How requests of the SDK reach the table service.
//!
//! The SDK's own transport opens a connection for every request and waits without end. This one
//! - keeps connections alive, and has limits of time and size;
//! - asks for the smaller of the two answer formats that the SDK can read;
//! - refuses answers that the SDK would read in part only;
//! - is the one place that sees raw errors.
//!
//! Invariant: every error that leaves it is a [`TransportError`], which holds no URL and no header, because both may
//! hold a signature.

use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::{
    Body, HttpClient, Method, Request, Response, StatusCode,
    error::{Error, ErrorKind},
    headers::{HeaderName, HeaderValue, Headers},
};
use bytes::{Bytes, BytesMut};
use futures::{future, stream};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// Full metadata triples the size of a page, and nothing reads it. The SDK cannot read a page without any metadata.
const FULL_METADATA: &str = "application/json;odata=fullmetadata";
const MINIMAL_METADATA: &str = "application/json;odata=minimalmetadata";

/// An error answer of the service is a few hundred bytes; a longer one comes from something else.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// The largest answer that is read, in bytes. The service ends a page at 1,000 entities or 4 MiB; an endless body
/// must not take the memory of the handler.
const MAX_BODY: usize = 64 * 1024 * 1024;

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
    /// What is wrong with the request or the answer. A fixed text, because the answer may hold anything.
    #[error("{0}")]
    Invalid(&'static str),
}

impl TransportError {
    fn into_core(self) -> Error {
        let kind = match &self {
            Self::Status { status, code, .. } => match StatusCode::try_from(*status) {
                Ok(status) => ErrorKind::http_response(status, code.clone()),
                Err(_) => ErrorKind::Other,
            },
            Self::Connect | Self::Timeout | Self::Broken => ErrorKind::Io,
            Self::Invalid(_) => ErrorKind::Other,
        };
        Error::new(kind, self)
    }
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        // A connection that takes too long is both. `Connect` points the user at the address.
        let mapped = if error.is_connect() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() || error.is_redirect() {
            Self::Invalid("the request cannot be sent")
        } else {
            Self::Broken
        };
        // The text of reqwest's error holds the URL, which may hold a signature.
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
        // It fails when a provider is installed already, by an earlier call or by the program. That one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.request)
            // The service never redirects. A redirect would send the signature to another server.
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
        let is_read = *request.method() == Method::Get;
        let mut has_accept = false;
        for (name, value) in request.headers().iter() {
            has_accept |= name.as_str() == "accept";
            let value = match (name.as_str(), value.as_str()) {
                // The SDK reads the answer to the creation of a table in full only.
                ("accept", FULL_METADATA) if is_read => MINIMAL_METADATA,
                // hyper sets the length itself.
                ("content-length", _) => continue,
                (_, value) => value,
            };
            builder = builder.header(name.as_str(), value);
        }
        if !has_accept {
            // Errors would come as XML.
            builder = builder.header("accept", MINIMAL_METADATA);
        }
        builder = match request.body() {
            Body::Bytes(bytes) => builder.body(bytes.clone()),
            Body::SeekableStream(_) => {
                return Err(TransportError::Invalid("no request has a body to stream"));
            }
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
        let whole = match request.method() {
            // The path of a query ends so, that of an entity with its keys.
            Method::Get if request.url().path().ends_with("()") => page(answer).await,
            Method::Get => entity(answer).await,
            _ => done(answer).await,
        };
        let (headers, body) = whole.map_err(TransportError::into_core)?;
        let body = stream::once(future::ready(Ok(body)));
        Ok(Response::new(StatusCode::Ok, headers, Box::pin(body)))
    }
}

fn method(method: Method) -> Result<reqwest::Method, TransportError> {
    reqwest::Method::from_bytes(method.as_ref().as_bytes())
        .map_err(|_| TransportError::Invalid("the request has no valid method"))
}

/// The headers and the body of an answer that is a whole page.
///
/// It refuses answers that the SDK would read in part only. The SDK takes an unreadable token for the end of the scan and
/// a page without `value` for an empty page, and the count would then be wrong.
async fn page(answer: reqwest::Response) -> Result<(Headers, Bytes), TransportError> {
    match answer.status().as_u16() {
        200 => {}
        // A part of a page, or no page: the service does not answer a query with these.
        201..=299 => {
            return Err(TransportError::Invalid(
                "the status of a page must be 200, and is another 2xx",
            ));
        }
        _ => return Err(error_answer(answer).await),
    }
    let headers = headers(answer.headers())?;
    let body = body(answer).await?;
    check_shape(&body)?;
    Ok((headers, body))
}

/// The headers and the body of an answer that is one entity.
async fn entity(answer: reqwest::Response) -> Result<(Headers, Bytes), TransportError> {
    match answer.status().as_u16() {
        200 => {}
        201..=299 => {
            return Err(TransportError::Invalid(
                "the status of an entity must be 200, and is another 2xx",
            ));
        }
        _ => return Err(error_answer(answer).await),
    }
    Ok((headers(answer.headers())?, body(answer).await?))
}

/// The headers and the body of an answer that says that a change was made.
async fn done(answer: reqwest::Response) -> Result<(Headers, Bytes), TransportError> {
    match answer.status().as_u16() {
        201 | 204 => {}
        200..=299 => {
            return Err(TransportError::Invalid(
                "the status of a change must be 201 or 204, and is another 2xx",
            ));
        }
        _ => return Err(error_answer(answer).await),
    }
    Ok((headers(answer.headers())?, body(answer).await?))
}

async fn body(mut answer: reqwest::Response) -> Result<Bytes, TransportError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(TransportError::Invalid("the answer is larger than 64 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Refuses a body that is not a page but that the SDK would read as an empty one: an array, which it reads as the members
/// in order, and an object without `value`. The JSON parser later refuses bodies that break off or are not JSON, and
/// tells the two apart.
fn check_shape(body: &[u8]) -> Result<(), TransportError> {
    match body.trim_ascii_start().first() {
        None => return Err(TransportError::Invalid("the answer has no body")),
        Some(b'[') => {
            return Err(TransportError::Invalid(
                "the body is a JSON array, and a page is an object",
            ));
        }
        Some(_) => {}
    }
    let mut found = false;
    let members = serde_json::Deserializer::from_slice(body).deserialize_map(FindValue(&mut found));
    match members {
        Ok(()) if !found => Err(TransportError::Invalid("the page has no member `value`")),
        _ => Ok(()),
    }
}

/// Looks for the member `value` of the page itself; a text search would also find it in inner objects. It stops at the
/// first: the service sends it after a few hundred bytes, so the rest of the page is parsed only once, by the SDK.
struct FindValue<'f>(&'f mut bool);

impl<'de> Visitor<'de> for FindValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name == "value" {
                *self.0 = true;
                break;
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

const NEXT_PARTITION_KEY: &str = "x-ms-continuation-nextpartitionkey";
const NEXT_ROW_KEY: &str = "x-ms-continuation-nextrowkey";

/// The headers for the SDK. Empty parts of the continuation token are left out: they mean that there is no such part, and
/// the service would refuse an empty one in the next request.
fn headers(map: &reqwest::header::HeaderMap) -> Result<Headers, TransportError> {
    let partition_key = token_part(map, NEXT_PARTITION_KEY)?;
    let row_key = token_part(map, NEXT_ROW_KEY)?;
    if row_key.is_some() && partition_key.is_none() {
        return Err(TransportError::Invalid(
            "the continuation token has a row key and no partition key",
        ));
    }
    let readable = map.iter().filter_map(|(name, value)| {
        let left_out = match name.as_str() {
            NEXT_PARTITION_KEY => partition_key.is_none(),
            NEXT_ROW_KEY => row_key.is_none(),
            _ => false,
        };
        let value = value.to_str().ok().filter(|_| !left_out)?;
        let name = HeaderName::from(name.as_str().to_owned());
        Some((name, HeaderValue::from(value.to_owned())))
    });
    Ok(Headers::from(readable.collect::<HashMap<_, _>>()))
}

/// A part of the continuation token; `None` when it is absent or empty.
fn token_part<'a>(
    map: &'a reqwest::header::HeaderMap,
    name: &str,
) -> Result<Option<&'a str>, TransportError> {
    let mut values = map.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(TransportError::Invalid(
            "a part of the continuation token is there twice",
        ));
    }
    let part = value.to_str().map_err(|_| {
        TransportError::Invalid("the continuation token has bytes that are not ASCII")
    })?;
    Ok(Some(part).filter(|part| !part.is_empty()))
}

async fn error_answer(answer: reqwest::Response) -> TransportError {
    let status = answer.status().as_u16();
    let header = |name| answer.headers().get(name)?.to_str().ok();
    let retry_after = header("x-ms-retry-after-ms")
        .and_then(|text| text.parse().ok().map(Duration::from_millis))
        .or_else(|| {
            // The service sends seconds. A date is not read: the two clocks may differ.
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

/// The code of an error. The table service puts it into the body, the emulator also into a header.
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
    // Some errors come as XML, although JSON was requested.
    let text = std::str::from_utf8(&body).ok()?;
    let (_, rest) = text.split_once("<code>").or(text.split_once("<Code>"))?;
    code_text(rest.split_once('<')?.0)
}

/// Codes are single words. Anything else comes from another kind of server.
fn code_text(text: &str) -> Option<String> {
    let word =
        !text.is_empty() && text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric());
    word.then(|| text.to_owned())
}
