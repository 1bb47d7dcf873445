//! HTTP towards the handler.
//!
//! Invariant: no byte of a request that is reported as not sent has reached the handler, so it may be sent
//! again. After any other failure the handler may have done the work.

use super::HOST_VERSION;
use crate::invoke::Disconnect;
use crate::log::with_causes;
use bytes::Bytes;
use functions_handler::STOPPING_HEADER;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::ext::ReasonPhrase;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::borrow::Cow;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// How many connections are kept open between invocations. A burst opens one for each invocation; if all were
/// kept, they would use as many files here and in the handler.
const IDLE: usize = 32;

/// Sends the JSON requests; no limit on parallel calls, as in a real host.
#[derive(Clone)]
pub(super) struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    port: u16,
}

/// An answer of the handler, before it is checked.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// The status.
    pub status: StatusCode,
    /// The reason phrase, if it is not the usual one of the status.
    pub reason: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl RawAnswer {
    /// The reason phrase; .NET reads it as Latin-1.
    pub(super) fn reason(&self) -> &str {
        self.reason
            .as_deref()
            .or_else(|| self.status.canonical_reason())
            .unwrap_or_default()
    }

    /// The body as .NET reads a text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        let body = self.body.strip_prefix(b"\xef\xbb\xbf");
        String::from_utf8_lossy(body.unwrap_or(&self.body))
    }
}

impl RawAnswer {
    /// Whether the handler says that it is stopping.
    pub(super) fn says_stopping(&self) -> bool {
        self.headers.contains_key(STOPPING_HEADER)
    }
}

/// Why there is no answer.
pub(super) enum CallError {
    /// No byte of the request was sent. The text is the system's reason.
    NotSent(String),
    /// The request may have been sent, in part or whole.
    Broken(Disconnect),
}

impl Client {
    pub(super) fn new(port: u16) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(IDLE)
            .http1_title_case_headers(true)
            .build(connector);
        Self { http, port }
    }

    /// Posts an invocation with the six headers of a host under Core Tools (hyper adds the sixth,
    /// `Content-Length`) and reads the whole answer. There is no time limit and no cancellation.
    pub(super) async fn post(
        &self,
        function: &str,
        invocation: &str,
        body: Bytes,
    ) -> Result<RawAnswer, CallError> {
        let authority = format!("127.0.0.1:{}", self.port);
        let request = Request::post(format!("http://{authority}/{function}"))
            .header(HOST, &authority)
            .header("X-Azure-Functions-HostVersion", HOST_VERSION)
            .header("X-Azure-Functions-InvocationId", invocation)
            .header(USER_AGENT, format!("Azure-Functions-Host/{HOST_VERSION}"))
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Full::from(body))
            .map_err(|error| broken(&error))?;
        let response = self.http.request(request).await.map_err(|error| {
            if error.is_connect() || was_never_begun(&error) {
                CallError::NotSent(innermost(&error))
            } else {
                broken(&error)
            }
        })?;
        let (head, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| broken(&error))?
            .to_bytes();
        let reason = head.extensions.get::<ReasonPhrase>();
        Ok(RawAnswer {
            status: head.status,
            reason: reason.map(|it| it.as_bytes().iter().copied().map(char::from).collect()),
            headers: head.headers,
            body,
        })
    }
}

/// Whether the connection ended before hyper took the request from its queue. hyper has a kind of error for
/// this case alone; once a byte is written, the kind is another.
fn was_never_begun(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_canceled() || error.is_closed())
    })
}

fn broken(error: &(dyn Error + 'static)) -> CallError {
    let reset = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| {
            matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
            )
        });
    let ended = causes(error)
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_incomplete_message);
    CallError::Broken(if reset {
        Disconnect::Reset
    } else if ended {
        Disconnect::Ended
    } else {
        // The outer text of hyper's error does not name the cause.
        Disconnect::Other(with_causes(error))
    })
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let cause = causes(error).last().unwrap_or(error);
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(ErrorKind::ConnectionRefused) => "Connection refused".to_owned(),
        _ => cause.to_string(),
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}
