//! The absolute URL of the client's request.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use crate::invocation::NotAnInvocation;

/// The absolute URL of the client's request as the host saw it, such as
/// `http://localhost:7071/api/hello/Ann?x=1`.
///
/// An axum extractor, also in the request's extensions. The request's own URI holds path and query
/// only, as on any HTTP server. Scheme and host are those of the connection to the host: behind a
/// proxy look at the `X-Forwarded-*` headers too. The query may hold a function key (`code`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalUrl(Arc<str>);

impl OriginalUrl {
    pub(crate) fn new(url: &str) -> Self {
        Self(url.into())
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port, without a slash at the end: `http://localhost:7071`. Empty if the
    /// URL is not absolute.
    pub fn origin(&self) -> &str {
        self.0
            .split_at_checked(self.start_of_path())
            .map_or("", |(origin, _)| origin)
    }

    /// Path and query: `/api/hello/Ann?x=1`.
    pub fn path_and_query(&self) -> &str {
        self.0
            .split_at_checked(self.start_of_path())
            .map_or("", |(_, rest)| rest)
    }

    fn start_of_path(&self) -> usize {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return 0;
        };
        // A path that merely holds "://" is no scheme.
        if scheme.contains(['/', '?']) {
            return 0;
        }
        let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        scheme.len() + "://".len() + authority
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OriginalUrl {
    type Rejection = NotAnInvocation;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get().cloned().ok_or(NotAnInvocation)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for OriginalUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}
