//! The check of the function key that the real host makes, and local-host does not, in front of a host.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// A server that passes requests with the right key on to a host; it ends when this is dropped.
pub(crate) struct KeyCheck {
    port: u16,
    server: JoinHandle<()>,
}

struct Host {
    origin: String,
    key: String,
    client: reqwest::Client,
}

impl KeyCheck {
    /// In front of `origin`, such as `http://127.0.0.1:7071`.
    pub(crate) async fn start(origin: &str, key: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = Arc::new(Host {
            origin: origin.to_owned(),
            key: key.to_owned(),
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
        });
        let app = Router::new().fallback(pass_on).with_state(host);
        let server = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
        Self { port, server }
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }
}

impl Drop for KeyCheck {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass_on(State(host): State<Arc<Host>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let key = parts.headers.remove("x-functions-key");
    if key.is_none_or(|key| key.as_bytes() != host.key.as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    // Read whole, so that it goes on with its length: a host takes a chunked body for an empty one.
    let body = to_bytes(body, usize::MAX).await.unwrap();
    parts.headers.remove(header::TRANSFER_ENCODING);
    let answer = host
        .client
        .request(parts.method, format!("{}{}", host.origin, parts.uri))
        .headers(parts.headers)
        .body(body)
        .send()
        .await
        .unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Body::from(answer.bytes().await.unwrap()).into_response();
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    response
}
