//! HTTP towards the handler.

use super::HOST_VERSION;
use crate::invoke::InvokeError;
use crate::log::with_causes;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::error::Error;
use std::time::Duration;

/// Sends the JSON requests; no limit on parallel calls, as in a real host.
#[derive(Clone)]
pub(super) struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    port: u16,
}

/// An answer, not looked at yet.
pub(super) struct RawAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Client {
    pub(super) fn new(port: u16) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
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
        body: String,
    ) -> Result<RawAnswer, InvokeError> {
        let authority = format!("127.0.0.1:{}", self.port);
        let request = Request::post(format!("http://{authority}/{function}"))
            .header(HOST, &authority)
            .header("X-Azure-Functions-HostVersion", HOST_VERSION)
            .header("X-Azure-Functions-InvocationId", invocation)
            .header(USER_AGENT, format!("Azure-Functions-Host/{HOST_VERSION}"))
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Full::from(body))
            .map_err(|error| failed(&error))?;
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| failed(&error))?;
        let (head, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| failed(&error))?
            .to_bytes();
        Ok(RawAnswer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

/// hyper's outer text alone says little.
fn failed(error: &dyn Error) -> InvokeError {
    InvokeError::Connection(with_causes(error))
}
