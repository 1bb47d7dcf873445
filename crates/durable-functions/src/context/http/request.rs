//! What a durable HTTP call asks for.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use durable_protocol::http_activity::{is_content_header, time_span};
use serde::Serialize;
use url::Url;

use super::HttpResponse;
use crate::{Failure, RetryPolicy, codec};

/// An HTTP request for [`OrchestrationContext::call_http`](crate::OrchestrationContext::call_http).
///
/// What it holds is stored in the history in clear text: use
/// [`managed_identity`](Self::managed_identity) rather than a token or key of your own.
///
/// Mistakes in its parts are kept and fail the call.
///
/// ```
/// use std::time::Duration;
/// use durable_functions::HttpRequest;
///
/// let request = HttpRequest::post("https://example.com/orders")
///     .header("Idempotency-Key", "8e03978e")
///     .json(&["book", "pen"])
///     .timeout(Duration::from_secs(20));
/// assert_eq!(request.to_string(), "HTTP request POST https://example.com/orders");
/// ```
#[derive(Clone)]
pub struct HttpRequest {
    method: Method,
    url: Option<Url>,
    headers: HeaderMap,
    body: Option<String>,
    resource: Option<String>,
    timeout: Option<Duration>,
    asynchronous_pattern: bool,
    retry: Option<RetryPolicy>,
    /// The first mistake.
    mistake: Option<String>,
}

impl HttpRequest {
    /// A request with any method. `url` must be absolute, with the scheme `http` or `https`.
    pub fn new(method: Method, url: impl AsRef<str>) -> Self {
        let (url, mistake) = match Url::parse(url.as_ref()) {
            Ok(url) if is_http(&url) => (Some(url), None),
            Ok(url) => {
                let scheme = url.scheme();
                let mistake = format!("the URL has the scheme '{scheme}', not http or https");
                (None, Some(mistake))
            }
            Err(error) => (
                None,
                Some(format!(
                    "the URL cannot be read as an absolute one: {error}"
                )),
            ),
        };
        HttpRequest {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            resource: None,
            timeout: None,
            asynchronous_pattern: true,
            retry: None,
            mistake,
        }
    }

    /// A GET request.
    pub fn get(url: impl AsRef<str>) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST request.
    pub fn post(url: impl AsRef<str>) -> Self {
        Self::new(Method::POST, url)
    }

    /// A PUT request.
    pub fn put(url: impl AsRef<str>) -> Self {
        Self::new(Method::PUT, url)
    }

    /// A PATCH request.
    pub fn patch(url: impl AsRef<str>) -> Self {
        Self::new(Method::PATCH, url)
    }

    /// A DELETE request.
    pub fn delete(url: impl AsRef<str>) -> Self {
        Self::new(Method::DELETE, url)
    }

    /// Adds a header, beside those of the same name. Of the headers that describe the body the host
    /// only passes on `Content-Type`.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (_, Ok(_)) if !value.is_ascii() => {
                self.mistaken(format!("the value of header '{name}' is not ASCII"));
            }
            (Err(_), _) => self.mistaken(format!("'{name}' is not a header name")),
            // The value may be a secret: it is not repeated.
            (_, Err(_)) => self.mistaken(format!("the value of header '{name}' is not valid")),
            (Ok(name), _) if name != header::CONTENT_TYPE && is_content_header(name.as_str()) => {
                self.mistaken(format!("the host cannot send header '{name}'"));
            }
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
        }
        self
    }

    /// Sets the body: text. Without a `Content-Type` header the host sends `text/plain`.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the body to `body` as JSON, and `Content-Type` to `application/json` unless there is one.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(json) => {
                self.body = Some(json);
                self.headers
                    .entry(header::CONTENT_TYPE)
                    .or_insert(HeaderValue::from_static("application/json"));
            }
            Err(error) => self.mistaken(format!("the body cannot be written as JSON: {error}")),
        }
        self
    }

    /// Fails each single request that takes longer. Without it the host waits 240 s; up to version
    /// 3.14 of the extension a longer time is cut to that.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        if timeout.is_zero() {
            self.mistaken("the time-out is zero".to_owned());
        }
        self.timeout = Some(timeout);
        self
    }

    /// Whether an answer of 202 with a `Location` is polled until another status comes, which is the
    /// default.
    #[must_use]
    pub fn asynchronous_pattern(mut self, enabled: bool) -> Self {
        self.asynchronous_pattern = enabled;
        self
    }

    /// Lets the host send a token of the function app's managed identity for `resource`, for example
    /// `https://management.core.windows.net/.default`. The token is never part of the history.
    #[must_use]
    pub fn managed_identity(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Sends the request again, by `policy`, when there is no answer. An answer with an error status
    /// is an answer.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    fn mistaken(&mut self, mistake: String) {
        self.mistake.get_or_insert(mistake);
    }

    pub(super) fn retry(&self) -> Option<RetryPolicy> {
        self.retry
    }

    /// Whether it can be sent.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match &self.mistake {
            Some(mistake) => Err(invalid(mistake)),
            None => Ok(()),
        }
    }

    /// The input of the built-in activity: an array with one request.
    pub(super) fn to_input(&self) -> Result<String, Failure> {
        let mut headers = BTreeMap::<&str, Vec<&str>>::new();
        for (name, value) in &self.headers {
            // Only visible ASCII got in.
            if let Ok(value) = value.to_str() {
                headers.entry(name.as_str()).or_default().push(value);
            }
        }
        let input = [Input {
            method: self.method.as_str(),
            uri: self.url.as_ref().map(Url::as_str).unwrap_or_default(),
            headers,
            content: self.body.as_deref(),
            token_source: self.resource.as_deref().map(|resource| TokenSource {
                kind: "AzureManagedIdentity",
                resource,
            }),
            timeout: self.timeout.map(time_span),
        }];
        codec::write(&input).map_err(|error| invalid(&error.to_string()))
    }

    /// The request that polls for the end of what `response` accepted, if it is to be polled and says
    /// where.
    pub(super) fn poll_of(&self, response: &HttpResponse) -> Option<HttpRequest> {
        if !self.asynchronous_pattern {
            return None;
        }
        let origin = self.url.as_ref()?;
        let url = origin
            .join(response.header(header::LOCATION.as_str())?)
            .ok()?;
        if !is_http(&url) {
            return None;
        }
        let mut poll = HttpRequest {
            method: Method::GET,
            body: None,
            ..self.clone()
        };
        // The key of one function does not open another, and is not meant for it.
        poll.headers.remove("x-functions-key");
        poll.headers.remove(header::CONTENT_TYPE);
        if url.origin() != origin.origin() {
            poll.headers.remove(header::AUTHORIZATION);
            poll.headers.remove(header::PROXY_AUTHORIZATION);
            poll.headers.remove(header::COOKIE);
            poll.resource = None;
        }
        poll.url = Some(url);
        Some(poll)
    }
}

fn invalid(mistake: &str) -> Failure {
    codec::invalid_input(format!("it is not valid: {mistake}"))
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    method: &'a str,
    uri: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_source: Option<TokenSource<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
}

#[derive(Serialize)]
struct TokenSource<'a> {
    kind: &'static str,
    resource: &'a str,
}

/// Method and URL, without user, password, query and fragment: those may hold secrets.
impl fmt::Display for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP request {}", self.method)?;
        match &self.url {
            Some(url) => write!(f, " {}{}", url.origin().ascii_serialization(), url.path()),
            None => Ok(()),
        }
    }
}

/// As [`Display`](fmt::Display): headers and body may hold secrets.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpRequest")
            .field(&self.to_string())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_in_the_texts_of_a_request() {
        let request = HttpRequest::get("https://user:secret@example.com/a?code=secret#secret")
            .header("authorization", "Bearer secret")
            .body("secret");
        assert_eq!(
            request.to_string(),
            "HTTP request GET https://example.com/a"
        );
        assert!(!format!("{request:?}").contains("secret"));
    }
}
