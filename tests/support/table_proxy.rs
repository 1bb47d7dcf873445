//! A proxy in front of a table service. It lets requests pass until it fails as it is told.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{azurite::ACCOUNT_KEY, host::TIME_LIMIT};

/// How a request fails. The client is told the same either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The service does not get it.
    Unsent,
    /// The service does what it is asked for, and its answer is lost.
    Unanswered,
}

/// A running proxy. It ends when this is dropped.
pub(crate) struct TableProxy {
    port: u16,
    requests: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

struct Route {
    to: String,
    fault: Fault,
    passes: usize,
    requests: Arc<AtomicUsize>,
    http: reqwest::Client,
}

impl TableProxy {
    /// A proxy in front of this endpoint. So many requests pass; all further ones fail.
    pub(crate) async fn start(endpoint: &str, passes: usize, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let requests = Arc::default();
        let origin = url::Url::parse(endpoint).unwrap();
        let route = Route {
            to: origin.origin().ascii_serialization(),
            fault,
            passes,
            requests: Arc::clone(&requests),
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(TIME_LIMIT)
                .build()
                .unwrap(),
        };
        let app = Router::new().fallback(pass_on).with_state(Arc::new(route));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            port,
            requests,
            server,
        }
    }

    /// How many requests it has got since it was asked last.
    pub(crate) fn requests(&self) -> usize {
        self.requests.swap(0, SeqCst)
    }

    pub(crate) fn connection_string(&self) -> String {
        format!(
            "AccountName=devstoreaccount1;AccountKey={ACCOUNT_KEY};TableEndpoint=http://127.0.0.1:{}/devstoreaccount1",
            self.port
        )
    }
}

impl Drop for TableProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass_on(State(route): State<Arc<Route>>, request: Request) -> Response {
    let passes = route.requests.fetch_add(1, SeqCst) < route.passes;
    let unavailable = || StatusCode::SERVICE_UNAVAILABLE.into_response();
    if !passes && route.fault == Fault::Unsent {
        return unavailable();
    }
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = head.headers;
    headers.remove(header::HOST);
    let answer = route
        .http
        .request(head.method, format!("{}{}", route.to, head.uri))
        .headers(headers)
        .body(body)
        .send()
        .await
        .unwrap();
    let mut response = Response::builder().status(answer.status());
    response
        .headers_mut()
        .unwrap()
        .extend(answer.headers().clone());
    response
        .headers_mut()
        .unwrap()
        .remove(header::TRANSFER_ENCODING);
    response.headers_mut().unwrap().remove(header::CONNECTION);
    let body = answer.bytes().await.unwrap();
    if !passes {
        return unavailable();
    }
    response.body(Body::from(body)).unwrap()
}
