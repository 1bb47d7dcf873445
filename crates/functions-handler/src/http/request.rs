//! The HTTP request object in `Data`, and the axum request made of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::original_url::OriginalUrl;
use super::params::RouteParams;
use crate::failure::Failure;
use crate::invocation::Invocation;

/// What a URI cannot hold as it is. `%` is not among it: the host has left escapes in place.
const NOT_IN_A_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The client's request as the host describes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HttpTrigger<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    headers: HashMap<String, HeaderLines>,
    #[serde(default)]
    params: HashMap<String, Option<String>>,
    // Kept as JSON text until it is known whether it is text or base64; absent without a length.
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// The lines of one header. The host always sends an array. A person with curl may send a string, and
/// serde's error about it would put the value, perhaps a key, into the log.
#[derive(Deserialize)]
#[serde(untagged)]
enum HeaderLines {
    One(String),
    Many(Vec<String>),
}

impl HeaderLines {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(line) => std::slice::from_ref(line),
            Self::Many(lines) => lines,
        }
    }
}

/// Whether a JSON text is meant to be an HTTP request, well-formed or not.
fn has_shape(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Shape {
        #[serde(rename = "Url")]
        _url: IgnoredAny,
        #[serde(rename = "Method")]
        _method: IgnoredAny,
        #[serde(rename = "Headers")]
        _headers: IgnoredAny,
    }
    serde_json::from_str::<Shape>(json).is_ok()
}

impl<'a> HttpTrigger<'a> {
    /// Finds the HTTP request: the first member of `Data` with its shape. The trigger comes first,
    /// whatever its name, so that an input that happens to look alike does not matter.
    pub(super) fn find(invocation: &'a Invocation) -> Result<Self, Failure> {
        for (name, value) in invocation.data_iter() {
            match serde_json::from_str(value.raw()) {
                Ok(trigger) => return Ok(trigger),
                Err(error) if has_shape(value.raw()) => return Err(bad(name, &error.to_string())),
                Err(_) => {}
            }
        }
        Err(Failure::new(
            StatusCode::BAD_REQUEST,
            format!(
                "`{}` is registered as an HTTP function, but Data holds no HTTP request: its \
                 function.json needs an httpTrigger",
                invocation.function_name()
            ),
        ))
    }

    /// Whether the client sent its body in chunks: the host drops such a body and does not say so.
    pub(super) fn lost_its_body(&self) -> bool {
        self.body.is_none()
            && self
                .header("transfer-encoding")
                .any(|value| value.to_ascii_lowercase().contains("chunked"))
    }

    /// The request for the axum handler, or `None` when the host has damaged its body.
    pub(super) fn into_request(
        self,
        invocation: &Invocation,
    ) -> Result<Option<Request<Body>>, Failure> {
        let Some(body) = self.decode_body()? else {
            return Ok(None);
        };
        let url = OriginalUrl::new(&self.url);
        let mut request = Request::new(body);
        *request.method_mut() = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| bad("Method", "not a valid HTTP method"))?;
        *request.uri_mut() = uri(&url)?;
        *request.headers_mut() = header_map(&self.headers);
        let extensions = request.extensions_mut();
        extensions.insert(invocation.clone());
        extensions.insert(url);
        extensions.insert(RouteParams(Arc::new(self.params)));
        Ok(Some(request))
    }

    /// The lines of a header.
    pub(super) fn header(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .flat_map(|(_, lines)| lines.as_slice().iter().map(String::as_str))
    }

    /// The body, or `None` when the host has damaged it.
    fn decode_body(&self) -> Result<Option<Body>, Failure> {
        let Some(raw) = self.body.filter(|raw| raw.get() != "null") else {
            return Ok(Some(Body::empty()));
        };
        let text: String =
            serde_json::from_str(raw.get()).map_err(|error| bad("Body", &error.to_string()))?;
        if !self.is_base64() {
            let intact = !received_damaged(&text, self.content_length());
            return Ok(intact.then(|| Body::from(text)));
        }
        STANDARD
            .decode(text)
            .map(|bytes| Some(Body::from(bytes)))
            .map_err(|error| bad("Body", &format!("expected base64: {error}")))
    }

    /// The length of the body as the client gave it, in bytes.
    fn content_length(&self) -> Option<usize> {
        self.header(header::CONTENT_LENGTH.as_str())
            .next()?
            .trim()
            .parse()
            .ok()
    }

    /// The two kinds of body that the host sends as bytes; all others it decodes as UTF-8 text.
    fn is_base64(&self) -> bool {
        self.header(header::CONTENT_TYPE.as_str())
            .next()
            .is_some_and(|value| {
                let media_type = value
                    .split(';')
                    .next()
                    .unwrap_or(value)
                    .trim()
                    .to_ascii_lowercase();
                media_type == "application/octet-stream" || media_type.starts_with("multipart/")
            })
    }
}

/// Whether the host has replaced bytes of a body that is not UTF-8, each run of them by U+FFFD.
///
/// That character may be the client's own, so its presence proves nothing. But the host passes on the
/// length that the client gave, and U+FFFD is longer than almost all that it replaces. Without a
/// length the damage cannot be seen. Nor can it when U+FFFD replaces three bytes, as many as its own:
/// an emoji cut off in its last byte.
fn received_damaged(text: &str, sent: Option<usize>) -> bool {
    let Some(sent) = sent else {
        return false;
    };
    // The host strips a byte order mark. That of UTF-16 makes it read UTF-16.
    let utf8 = text.len() == sent || text.len() + 3 == sent;
    !utf8
        && text.contains(char::REPLACEMENT_CHARACTER)
        && 2 * (text.encode_utf16().count() + 1) != sent
}

fn uri(url: &OriginalUrl) -> Result<Uri, Failure> {
    let encoded = utf8_percent_encode(url.path_and_query(), NOT_IN_A_URI).to_string();
    let path = if encoded.starts_with('/') {
        encoded
    } else {
        format!("/{encoded}")
    };
    path.parse().map_err(|_| bad("Url", "not a valid URL"))
}

fn header_map(headers: &HashMap<String, HeaderLines>) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, lines) in headers {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            tracing::warn!("left out a request header whose name is not valid HTTP");
            continue;
        };
        for line in lines.as_slice() {
            // From bytes: what the host has decoded from UTF-8 need not be ASCII.
            match HeaderValue::from_bytes(line.as_bytes()) {
                Ok(value) => {
                    map.append(header.clone(), value);
                }
                Err(_) => {
                    tracing::warn!(%header, "left out a request header whose value is not valid HTTP")
                }
            }
        }
    }
    map
}

fn bad(member: &str, problem: &str) -> Failure {
    Failure::new(
        StatusCode::BAD_REQUEST,
        format!("the HTTP request in Data: {member}: {problem}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::received_damaged;

    proptest! {
        /// Lossy decoding as the host does it, with everything that `from_utf8_lossy` replaces.
        #[test]
        fn what_lossy_decoding_has_lengthened_is_damaged(bytes: Vec<u8>) {
            let text = String::from_utf8_lossy(&bytes);
            let lengthened = text.len() != bytes.len();
            // Bytes could by chance be as many as those of a byte order mark, or of UTF-16.
            prop_assume!(text.len() + 3 != bytes.len());
            prop_assume!(2 * (text.encode_utf16().count() + 1) != bytes.len());
            prop_assert_eq!(received_damaged(&text, Some(bytes.len())), lengthened);
        }

        #[test]
        fn text_that_arrives_as_it_was_sent_is_never_damaged(text in "[a-zü\u{fffd}\u{1f600}]{0,8}") {
            let units = text.encode_utf16().count();
            for sent in [text.len(), text.len() + 3, 2 * units + 2] {
                prop_assert!(!received_damaged(&text, Some(sent)));
            }
            prop_assert!(!received_damaged(&text, None));
        }
    }
}
