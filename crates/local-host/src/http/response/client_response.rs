//! The response to a client.

use super::body::Body;

/// What the client gets, before HTTP frames it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClientResponse {
    /// The status.
    pub status: u16,
    /// The headers in order, `Content-Type` included.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the response has a `Content-Length`; otherwise it is chunked.
    pub sized: bool,
}

impl ClientResponse {
    /// A response without body.
    #[must_use]
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            sized: true,
        }
    }

    pub(super) fn new(status: u16, headers: Vec<(String, String)>, body: Body) -> Self {
        let drops_body = matches!(status, 204 | 205 | 304);
        let sized = body.is_sized();
        let body = if drops_body {
            Vec::new()
        } else {
            body.into_bytes()
        };
        Self {
            status,
            headers,
            sized: sized || body.is_empty(),
            body,
        }
    }
}
