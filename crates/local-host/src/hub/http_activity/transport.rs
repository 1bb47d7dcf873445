//! Sends requests over HTTP and HTTPS, and follows redirects as .NET's client does.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;

use super::request::Call;
use crate::hub::Extension;
use crate::log::with_causes;

/// .NET's limit.
const MOST_REDIRECTS: usize = 50;

type Secure = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The clients of one hub.
pub(in crate::hub) struct Transport {
    plain: Client<HttpConnector, Full<Bytes>>,
    /// Created at its first use, because it reads the system's certificates.
    secure: OnceLock<Result<Secure, String>>,
    /// The user agent of calls that name none: that of a real host.
    agent: Option<HeaderValue>,
}

impl Transport {
    pub(in crate::hub) fn new(extension: Extension) -> Self {
        let agent = format!(
            "Microsoft.Azure.WebJobs.Extensions.DurableTask/{}",
            extension.as_str()
        );
        Self {
            plain: client(HttpConnector::new()),
            secure: OnceLock::new(),
            agent: HeaderValue::try_from(agent).ok(),
        }
    }

    pub(super) fn name_agent(&self, call: &mut Call) {
        if let Some(agent) = &self.agent {
            let named = call.headers.entry(USER_AGENT);
            named.or_insert_with(|| agent.clone());
        }
    }

    /// The response to the request, after redirects.
    pub(super) async fn send(&self, call: Call) -> Result<Response<Bytes>, String> {
        let limit = call.timeout;
        match tokio::time::timeout(limit, self.follow(call)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("there was no answer within {limit:?}")),
        }
    }

    async fn follow(&self, mut call: Call) -> Result<Response<Bytes>, String> {
        for _ in 0..MOST_REDIRECTS {
            let response = self.send_once(&call).await?;
            match redirected(&call, &response) {
                Some(next) => call = next,
                None => return Ok(response),
            }
        }
        self.send_once(&call).await
    }

    async fn send_once(&self, call: &Call) -> Result<Response<Bytes>, String> {
        let mut request = Request::builder()
            .method(&call.method)
            .uri(call.url.as_str())
            .body(Full::from(call.content.clone().unwrap_or_default()))
            .map_err(|error| with_causes(&error))?;
        *request.headers_mut() = call.headers.clone();
        if call.url.scheme() == "https" {
            let secure = self.secure.get_or_init(secure);
            exchange(secure.as_ref()?, request).await
        } else {
            exchange(&self.plain, request).await
        }
    }
}

fn client<C: Connect + Clone>(connector: C) -> Client<C, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(Duration::from_secs(60))
        .http1_title_case_headers(true)
        .build(connector)
}

fn secure() -> Result<Secure, String> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_platform_verifier(ring::default_provider())
        .map_err(|error| {
            format!(
                "the certificates of the system cannot be read: {}",
                with_causes(&error)
            )
        })?
        .https_only()
        .enable_http1()
        .build();
    Ok(client(connector))
}

async fn exchange<C>(
    client: &Client<C, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, String>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let failed = |error: &dyn Error| with_causes(error);
    let response = client.request(request).await.map_err(|e| failed(&e))?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|e| failed(&e))?.to_bytes();
    Ok(Response::from_parts(head, body))
}

/// The request that .NET's client makes after this answer, if it is a redirect.
fn redirected(call: &Call, response: &Response<Bytes>) -> Option<Call> {
    let status = response.status();
    let moved = matches!(status.as_u16(), 300..=303 | 307 | 308);
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let url = call.url.join(location).ok().filter(|_| moved)?;
    let downgrade = call.url.scheme() == "https" && url.scheme() != "https";
    if downgrade || !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let mut next = Call {
        url,
        ..call.clone()
    };
    next.headers.remove(AUTHORIZATION);
    let becomes_get = match status {
        StatusCode::SEE_OTHER => !matches!(call.method, Method::GET | Method::HEAD),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => call.method == Method::POST,
    };
    if becomes_get {
        next.method = Method::GET;
        next.content = None;
        next.headers.remove(CONTENT_TYPE);
    }
    Some(next)
}
