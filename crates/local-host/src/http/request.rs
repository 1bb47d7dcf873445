//! A client's request as the envelope needs it.

use super::uri;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

/// A request with its whole body.
#[derive(Clone, Debug)]
pub(super) struct ClientRequest {
    /// The method as sent.
    pub method: String,
    /// The `Host` header.
    pub host: String,
    /// The decoded path, in which `%2F` alone is still escaped.
    pub path: String,
    /// The query with its question mark, as sent; `None` without one.
    pub query: Option<String>,
    /// The headers by name (in the spelling that the handler sees), in order.
    pub headers: Vec<(String, Vec<String>)>,
    /// The body; `None` when it is empty, and when a real host would lose it.
    pub body: Option<Bytes>,
}

impl ClientRequest {
    /// Reads the head of a request. The caller adds the body, which the handler gets only with a
    /// `Content-Length` above 0.
    ///
    /// # Errors
    /// A target that a real host answers with 400: absolute form, bytes above 127, a NUL.
    pub(super) fn new(
        method: &Method,
        target: &Uri,
        headers: &HeaderMap,
    ) -> Result<Self, BadTarget> {
        let query = target
            .path_and_query()
            .and_then(|all| all.as_str().split_once('?'));
        let raw = target.path();
        if target.scheme().is_some() || !raw.is_ascii() || !query.is_none_or(|(_, q)| q.is_ascii())
        {
            return Err(BadTarget);
        }
        let path = uri::decode_path(raw);
        if path.contains('\0') {
            return Err(BadTarget);
        }
        let headers = super::headers::collect(headers);
        let host = headers
            .iter()
            .find(|(name, _)| name == "Host")
            .and_then(|(_, values)| values.first().cloned())
            .unwrap_or_default();
        Ok(Self {
            method: method.as_str().to_owned(),
            host,
            path,
            query: query.map(|(_, query)| format!("?{query}")),
            headers,
            body: None,
        })
    }

    /// The address as the host sees it.
    #[must_use]
    pub(super) fn url(&self) -> String {
        format!(
            "http://{}{}{}",
            self.host,
            uri::encode_path(&self.path),
            self.query.as_deref().unwrap_or_default()
        )
    }

    /// All values of a header, its name in canonical spelling.
    #[must_use]
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .and_then(|(_, values)| values.first())
            .map(String::as_str)
    }
}

/// A request target that a real host answers with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request target is not an ASCII path")]
pub(super) struct BadTarget;
