//! Accepting connections and answering requests.

use super::admin;
use super::admission::{self, refused, refused_with};
use super::app::App;
use super::front_end;
use super::request::ClientRequest;
use super::response::ClientResponse;
use super::router;
use super::upload::{self, UploadError};
use super::webhooks;
use crate::accept::{Accepting, Places};
use bytes::Bytes;
use futures::stream;
use http::header::{CONNECTION, CONTENT_LENGTH, SERVER, TRANSFER_ENCODING, VARY};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long a client may take to send its headers, as with Kestrel.
const HEADER_TIME: Duration = Duration::from_secs(30);

const HOME_PAGE: &str = "<!DOCTYPE html>\n<html>\n<head><title>Your Azure Function App is up and running.</title></head>\n\
    <body><h1>Your Azure Function App is up and running.</h1><p>Served by local-host.</p></body>\n</html>\n";

/// Serves until `stop` is ready, then waits for the running requests.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .title_case_headers(true)
        // A client may close its side after its request and wait for the response.
        .half_close(true);
    let places = Places::of_this_process();
    let log = app.log().clone();
    let mut accepting = Accepting::new(listener, move |text| log.warning(text));
    tokio::pin!(stop);
    loop {
        let (place, stream) = tokio::select! {
            () = &mut stop => break,
            next = async { (places.take().await, accepting.next().await) } => next,
        };
        let _ = stream.set_nodelay(true);
        let app = Arc::clone(&app);
        let scarce = places.clone();
        // A client that is gone already has no address, and gets no answer.
        let peer = stream.peer_addr().ok().filter(|_| app.front_end);
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(peer) = peer {
                front_end::append_peer(request.headers_mut(), peer);
            }
            answer(Arc::clone(&app), request, scarce.clone())
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // The client causes such an error: it closed the connection, or did not send HTTP.
            drop(connection.await);
            drop(place);
        });
    }
    drop(accepting);
    graceful.shutdown().await;
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Answers a request. The work goes on when the client disconnects, as in a real host.
async fn answer(
    app: Arc<App>,
    request: Request<Incoming>,
    places: Places,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    if let Err(response) = admission::admit(&app, &head) {
        return Ok(frame(response, &[], Vec::new()));
    }
    let custom = app.custom_headers.clone();
    let cors = app.cors.as_ref();
    let cors = cors.map_or_else(Vec::new, |cors| cors.headers(&head.headers));
    let response = match tokio::spawn(dispatch(app, head, body)).await {
        Ok(response) => response,
        Err(_) => ClientResponse::empty(500),
    };
    let mut answer = frame(response, &custom, cors);
    if places.are_scarce() {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    Ok(answer)
}

async fn dispatch(app: Arc<App>, head: Parts, body: Incoming) -> ClientResponse {
    let Ok(mut client) = ClientRequest::new(&head.method, &head.uri, &head.headers) else {
        return refused(400);
    };
    if let Some(path) = webhooks::below(&client.path).map(str::to_owned) {
        return match upload::read(app.upload, &head.headers, body).await {
            Ok(bytes) => {
                client.body = Some(bytes);
                webhooks::answer(&app, &client, &path).await
            }
            Err(error) => unreadable(&app, &error),
        };
    }
    let is_admin = client
        .path
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("/admin/"));
    let found = router::find(&app.functions.usable, &client.method, &client.path)
        .map(|(function, params)| (function.clone(), params));
    if is_admin || found.is_some() {
        match read_body(&app, &head.headers, body).await {
            Ok(bytes) => client.body = bytes,
            Err(response) => return response,
        }
    }
    if is_admin {
        let body = client.body.clone().unwrap_or_default();
        return admin::serve(
            &app,
            &client.method,
            &client.path,
            client.header("Content-Type"),
            &body,
        );
    }
    match found {
        Some((function, params)) => {
            if client.body.is_none() && head.headers.contains_key(TRANSFER_ENCODING) {
                app.log().warning(format!(
                    "{}: the body of this chunked upload is lost. A real host passes a body on only with a \
                     Content-Length; the function sees none.",
                    function.name
                ));
            }
            app.invoke(&function, &params, &client).await
        }
        None if client.path == "/" => home(&app),
        None => ClientResponse::empty(404),
    }
}

fn home(app: &App) -> ClientResponse {
    if !app.home_page {
        return ClientResponse::empty(204);
    }
    ClientResponse {
        headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
        body: HOME_PAGE.into(),
        ..ClientResponse::empty(200)
    }
}

/// The body of a request with a `Content-Length` above 0. A chunked body is read, to keep the connection
/// usable, and dropped.
async fn read_body(
    app: &App,
    headers: &http::HeaderMap,
    body: Incoming,
) -> Result<Option<Bytes>, ClientResponse> {
    let chunked = !headers.contains_key(CONTENT_LENGTH);
    match upload::read(app.upload, headers, body).await {
        Ok(bytes) => Ok((!chunked && !bytes.is_empty()).then_some(bytes)),
        Err(error) => Err(unreadable(app, &error)),
    }
}

fn unreadable(app: &App, error: &UploadError) -> ClientResponse {
    app.log().error(error.to_string());
    match error.status() {
        500 => refused(500),
        status => refused_with(status, &error.to_string()),
    }
}

/// Writes a response: with a length, or chunked as a real host sends function results. `custom` headers are
/// added unless the response has them; `cors` headers replace those of the response.
fn frame(
    response: ClientResponse,
    custom: &[(String, String)],
    cors: Vec<(String, String)>,
) -> Answer {
    let bytes = Bytes::from(response.body);
    let body = if response.sized {
        Full::new(bytes).boxed()
    } else {
        let frames = stream::once(async move { Ok::<_, Infallible>(Frame::data(bytes)) });
        BoxBody::new(StreamBody::new(frames))
    };
    let mut framed = Response::new(body);
    *framed.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let own = response.headers.iter().map(|header| (header, true));
    let custom = custom.iter().map(|header| (header, false));
    for ((name, value), replace) in own.chain(custom) {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value))
        else {
            continue;
        };
        if replace || !framed.headers().contains_key(&name) {
            // Fails at 32,768 headers.
            let _ = framed.headers_mut().try_insert(name, value);
        }
    }
    for (name, value) in &cors {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value))
        else {
            continue;
        };
        let headers = framed.headers_mut();
        let _ = if name == VARY {
            headers.try_append(name, value).map(|_| ())
        } else {
            headers.try_insert(name, value).map(|_| ())
        };
    }
    if !framed.headers().contains_key(SERVER) {
        framed
            .headers_mut()
            .insert(SERVER, HeaderValue::from_static("Kestrel"));
    }
    framed
}
