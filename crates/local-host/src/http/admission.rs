//! Requests that are refused or answered before they reach the app: malformed requests, foreign hosts and
//! origins, preflights.

use super::app::App;
use super::hosts::HostError;
use super::response::ClientResponse;
use super::uri;
use http::header::ORIGIN;
use http::request::Parts;

/// Kestrel's limit of the request line, its line end included.
const MAX_REQUEST_LINE: usize = 8 * 1024;
/// Kestrel's limit of all headers together.
const MAX_HEADERS: usize = 32 * 1024;

/// # Errors
/// The answer to a request that does not reach the app.
pub(super) fn admit(app: &App, head: &Parts) -> Result<(), ClientResponse> {
    if request_line(head) > MAX_REQUEST_LINE {
        return Err(refused(414));
    }
    let headers: usize = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if headers > MAX_HEADERS {
        return Err(refused(431));
    }
    match app.hosts.check(&head.headers) {
        Ok(()) => {}
        Err(HostError::Foreign(name)) => return Err(foreign_host(app, &name)),
        Err(error) => {
            app.log()
                .warning(format!("A request was refused with 400: {error}."));
            return Err(refused(400));
        }
    }
    if let Some(cors) = &app.cors
        && let Some(response) = cors.preflight(&head.method, &head.headers)
    {
        return Err(response);
    }
    check_origin(app, head)
}

/// The length of `METHOD target HTTP/1.1` with its line end.
fn request_line(head: &Parts) -> usize {
    const REST: usize = "  HTTP/1.1\r\n".len();
    let target = head.uri.path_and_query().map_or(0, |it| it.as_str().len());
    head.method.as_str().len() + target + REST
}

fn foreign_host(app: &App, name: &str) -> ClientResponse {
    let text = format!(
        "local-host does not answer for the host '{name}', because a web page can make its own name point at this \
         machine. If it is a name of this machine, start local-host with --allow-host {name}"
    );
    app.log()
        .warning(format!("A request was refused with 403. {text}"));
    refused_with(403, &text)
}

/// Refuses requests of pages of other sites to the host's own endpoints, which need no key here, unless the
/// user has listed the site. Functions are not covered: on the web, any page may call them, and the browser
/// decides whether it may read the response.
fn check_origin(app: &App, head: &Parts) -> Result<(), ClientResponse> {
    // Decoded, as the endpoints read it: `/%61dmin` is one of them.
    let path = uri::decode_path(head.uri.path()).to_ascii_lowercase();
    let is_own_part = ["/admin", "/runtime"].iter().any(|part| {
        path.strip_prefix(part)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let Some(origin) = head.headers.get(ORIGIN).filter(|_| is_own_part) else {
        return Ok(());
    };
    let is_listed = app.cors.as_ref().is_some_and(|cors| cors.lists(origin));
    if is_listed || app.hosts.is_own_origin(origin) {
        return Ok(());
    }
    let origin = String::from_utf8_lossy(origin.as_bytes());
    let text = format!(
        "The admin API of local-host has no key and is not for pages of other sites. If the page at {origin} is yours, \
         list its origin in --cors or Host.CORS (* does not count here)."
    );
    app.log()
        .warning(format!("A request was refused with 403. {text}"));
    Err(refused_with(403, &text))
}

/// The response to a request that is refused before it is read. The connection is closed after it.
pub(super) fn refused(status: u16) -> ClientResponse {
    ClientResponse {
        headers: vec![("Connection".to_owned(), "close".to_owned())],
        ..ClientResponse::empty(status)
    }
}

/// The same with a text that gives the reason.
pub(super) fn refused_with(status: u16, text: &str) -> ClientResponse {
    let mut response = refused(status);
    let kind = "text/plain; charset=utf-8".to_owned();
    response.headers.push(("Content-Type".to_owned(), kind));
    response.body = format!("{text}\n").into_bytes();
    response
}
