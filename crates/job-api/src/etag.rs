//! `ETag` and `If-None-Match`: a client that has the present representation gets 304 in place of it.
//!
//! Invariant: the tag is strong. It is made of the status code and the body, so two representations with the same tag are
//! the same, byte for byte, whichever process answers.

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header, response::Parts},
    response::Response,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// How many bytes of the hash are in a tag: enough that no two bodies meet by chance.
const TAG_BYTES: usize = 16;

/// A successful answer with its tag.
#[derive(Debug)]
pub struct Tagged {
    parts: Parts,
    body: Bytes,
    tag: String,
}

impl Tagged {
    /// `response` has its whole body in memory, as all of ours.
    pub async fn new(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        // A body in memory does not fail.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let tag = tag(parts.status, &body);
        Self { parts, body, tag }
    }

    /// The status code of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.parts.status
    }

    /// The headers of the answer, which are not part of the tag.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.parts.headers
    }

    /// Whether the client has this representation already.
    #[must_use]
    pub fn is_known(&self, request: &HeaderMap) -> bool {
        let values = request.get_all(header::IF_NONE_MATCH);
        let mut tags = values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim);
        // Our tags hold no comma, so a tag with one is cut into parts that match nothing.
        tags.any(|tag| {
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            let content = tag.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            tag == "*" || content == Some(&self.tag)
        })
    }

    /// The answer: 304 with the same headers and without a body when the client has the representation.
    #[must_use]
    pub fn answer(mut self, request: &HeaderMap) -> Response {
        // The tag is base64.
        if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", self.tag)) {
            self.parts.headers.insert(header::ETAG, tag);
        }
        if !self.is_known(request) {
            return Response::from_parts(self.parts, Body::from(self.body));
        }
        self.parts.status = StatusCode::NOT_MODIFIED;
        self.parts.headers.remove(header::CONTENT_TYPE);
        self.parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(self.parts, Body::empty())
    }
}

/// The tag of a representation, without quotes.
#[must_use]
pub fn tag(status: StatusCode, body: &[u8]) -> String {
    let hash = Sha256::new()
        .chain_update(status.as_u16().to_be_bytes())
        .chain_update(body)
        .finalize();
    BASE64_URL_SAFE_NO_PAD.encode(hash.get(..TAG_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    async fn tagged(status: u16, body: &'static str) -> Tagged {
        let headers = [(header::RETRY_AFTER, "2"), (header::LOCATION, "/status/1")];
        let status = StatusCode::from_u16(status).unwrap();
        Tagged::new((status, headers, body).into_response()).await
    }

    fn if_none_match(values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| {
            let value = HeaderValue::from_str(value).unwrap();
            (header::IF_NONE_MATCH, value)
        });
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(name, value);
        }
        headers
    }

    #[tokio::test]
    async fn the_tag_changes_with_the_body_and_the_status_code_only() {
        let tag = tagged(202, "a").await.tag;
        assert_eq!(tag, tagged(202, "a").await.tag);
        assert_ne!(tag, tagged(202, "b").await.tag);
        assert_ne!(tag, tagged(200, "a").await.tag);
        // It must stay the same from one build to the next: clients keep it.
        assert_eq!(tag, "pfwXebMAfW4vzwO1B6j52Q");
    }

    #[tokio::test]
    async fn a_client_that_has_the_representation_gets_304_with_the_same_headers() {
        let tag = tagged(202, "a").await.tag;
        for values in [
            vec![format!("\"{tag}\"")],
            vec![format!("W/\"{tag}\"")],
            vec![format!("\"x,y\" , \"{tag}\"")],
            vec!["\"x\"".to_owned(), format!("\"{tag}\"")],
            vec!["*".to_owned()],
        ] {
            let values: Vec<_> = values.iter().map(String::as_str).collect();
            let answer = tagged(202, "a").await.answer(&if_none_match(&values));
            let (parts, body) = answer.into_parts();
            assert_eq!(parts.status, 304, "{values:?}");
            assert_eq!(to_bytes(body, 9).await.unwrap(), "");
            assert_eq!(parts.headers[header::ETAG], format!("\"{tag}\""));
            assert_eq!(parts.headers[header::RETRY_AFTER], "2");
            assert_eq!(parts.headers[header::LOCATION], "/status/1");
            assert!(!parts.headers.contains_key(header::CONTENT_TYPE));
        }
    }

    #[tokio::test]
    async fn any_other_client_gets_the_body_with_its_tag() {
        let tag = tagged(202, "a").await.tag;
        for values in [
            &[][..],
            &["\"x\""],
            &[&tag],
            &[&format!("'{tag}'")],
            &[&format!("\"{tag}")],
        ] {
            let answer = tagged(202, "a").await.answer(&if_none_match(values));
            let (parts, body) = answer.into_parts();
            assert_eq!(parts.status, 202, "{values:?}");
            assert_eq!(to_bytes(body, 9).await.unwrap(), "a");
            assert_eq!(parts.headers[header::ETAG], format!("\"{tag}\""));
        }
    }
}
