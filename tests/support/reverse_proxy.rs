//! A reverse proxy in front of the app, on another host, scheme and path: as clients see it, everything is below
//! `https://public.example/tickets/v1`.
//!
//! The scheme is one of name only: the proxy listens on plain TCP, and [`ReverseProxy::address`] says where.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

use super::host::{Host, TIME_LIMIT};

/// Scheme and host that clients use.
pub(crate) const ORIGIN: &str = "https://public.example";
/// The path that the proxy has, and the app has not.
pub(crate) const PREFIX: &str = "/tickets/v1";

/// Headers of a connection, and those that only the proxy may send to the app.
const OWN: [&str; 9] = [
    "connection",
    "content-length",
    "forwarded",
    "host",
    "transfer-encoding",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-forwarded-proto",
];

/// A running proxy. It ends when this is dropped.
pub(crate) struct ReverseProxy {
    address: SocketAddr,
    refused: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

struct Route {
    /// Where the app is.
    to: String,
    /// Whether the app is told what the client asked for.
    forwards: bool,
    http: reqwest::Client,
    refused: Arc<Mutex<Vec<String>>>,
}

impl ReverseProxy {
    /// What is below [`PREFIX`] goes to `path` of the host. With `forwards` the proxy sends `X-Forwarded-*` headers.
    pub(crate) async fn start(host: &Host, path: &str, forwards: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let refused = Arc::default();
        let route = Route {
            to: format!("http://127.0.0.1:{}{path}", host.port()),
            forwards,
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(TIME_LIMIT)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            refused: Arc::clone(&refused),
        };
        let app = Router::new().fallback(pass_on).with_state(Arc::new(route));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            refused,
            server,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was asked for and is not below [`ORIGIN`] and [`PREFIX`].
    pub(crate) fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap().clone()
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass_on(State(route): State<Arc<Route>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let below = target.strip_prefix(PREFIX);
    let below = below.filter(|rest| rest.starts_with('/'));
    let host = ORIGIN.trim_start_matches("https://");
    let (Some(below), Some(true)) = (below, head.headers.get(header::HOST).map(|it| it == host))
    else {
        let refused = format!("{} {target} {:?}", head.method, head.headers);
        route.refused.lock().unwrap().push(refused);
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    };
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut request = route
        .http
        .request(head.method, format!("{}{below}", route.to))
        .headers(without_own(&head.headers))
        .body(body);
    if route.forwards {
        request = request
            .header("X-Forwarded-For", "198.51.100.7")
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Host", host)
            .header("X-Forwarded-Prefix", PREFIX);
    }
    let answer = request.send().await.unwrap();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = without_own(answer.headers());
    *response.body_mut() = Body::from(answer.bytes().await.unwrap());
    response
}

fn without_own(headers: &HeaderMap) -> HeaderMap {
    let is_own = |name: &HeaderName| OWN.contains(&name.as_str());
    let kept = headers.iter().filter(|(name, _)| !is_own(name));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
