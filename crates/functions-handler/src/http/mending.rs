//! What the host would change, refuse or break in a response, and how it is mended. Each rule was
//! seen on a real host. What is dropped or changed is logged, because the client does not get what the
//! function wrote.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// What a URI reference in a header cannot hold as it is; `%` stands for an escape already made.
const NOT_IN_A_LOCATION: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Headers of the connection between the host and the client, which only the host can set:
/// `Content-Length` and `Transfer-Encoding` in an output make a real host cut the answer or hang.
fn belongs_to_the_connection(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Headers whose value is one URI, where escapes mean the same as the character.
fn holds_a_uri(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "location" | "content-location" | "operation-location" | "azure-asyncoperation"
    )
}

/// Headers that are no list, so that several values cannot be joined (RFC 9110, 5.3).
fn takes_one_value(name: &HeaderName) -> bool {
    holds_a_uri(name)
        || matches!(
            name.as_str(),
            "access-control-allow-credentials"
                | "access-control-allow-origin"
                | "access-control-max-age"
                | "age"
                | "content-disposition"
                | "content-range"
                | "content-type"
                | "date"
                | "etag"
                | "expires"
                | "last-modified"
                | "retry-after"
                | "server"
                | "set-cookie"
                | "strict-transport-security"
        )
}

/// The headers of a response as the host can send them: one ASCII value per name.
pub(super) fn headers(headers: &HeaderMap, body_length: usize) -> Vec<(HeaderName, String)> {
    let mut mended = Vec::with_capacity(headers.keys_len());
    for name in headers.keys() {
        if belongs_to_the_connection(name) {
            // The host sends the same length itself, so nothing is lost.
            let harmless = name == header::CONTENT_LENGTH
                && headers
                    .get(name)
                    .is_some_and(|v| v.as_bytes() == body_length.to_string().as_bytes());
            if !harmless {
                tracing::warn!(header = %name, "dropped a response header that only the host may set");
            }
            continue;
        }
        let mut values = headers
            .get_all(name)
            .iter()
            .filter_map(|value| header_value(name, value));
        let Some(mut value) = values.next() else {
            continue;
        };
        if takes_one_value(name) {
            if values.next().is_some() {
                tracing::warn!(header = %name, "sent the first of several values of a response header: the host sends one");
            }
        } else {
            for further in values {
                value.push_str(", ");
                value.push_str(&further);
            }
        }
        if is_date(&value) {
            // White space before a value is no part of it: every client strips it.
            tracing::warn!(header = %name, "put a space before a date in a response header: the host would rewrite it");
            value.insert(0, ' ');
        }
        mended.push((name.clone(), value));
    }
    mended
}

/// One value as text that the host can send, or `None` with a log line.
///
/// A value that is not ASCII is dropped unless it is a URI: the host would turn the whole answer
/// into an empty 500. An encoding of our own choice could be taken for the value itself, and a 500
/// from us would lose the body because of a header.
fn header_value(name: &HeaderName, value: &HeaderValue) -> Option<String> {
    if holds_a_uri(name) {
        let encoded = percent_encode(value.as_bytes(), NOT_IN_A_LOCATION).to_string();
        if encoded.as_bytes() != value.as_bytes() {
            tracing::warn!(header = %name, "percent-encoded a response header");
        }
        return Some(encoded);
    }
    // `HeaderValue` holds no line break. A tab means the same as a space.
    match value.to_str() {
        Ok(text) => Some(text.replace('\t', " ")),
        Err(_) => {
            tracing::warn!(header = %name, "dropped a response header that is not ASCII: the host cannot send it");
            None
        }
    }
}

/// The body as the host lets it pass.
///
/// A body that is exactly a date gets a space in front, because the host looks at the first character.
/// That never happens to JSON text (a JSON string begins with a quote), and clients that parse a date
/// from plain text trim it.
pub(super) fn body(mut text: String) -> String {
    if is_date(&text) {
        tracing::warn!(
            "put a space before a response body that is exactly a date: the host would rewrite it"
        );
        text.insert(0, ' ');
    }
    text
}

/// Whether the host takes the whole text for a date: `YYYY-MM-DDThh:mm:ss`, with a fraction and a
/// zone or without, or `/Date(…)/`. A few impossible dates (month 13) count as well.
pub(super) fn is_date(text: &str) -> bool {
    if text.starts_with("/Date(") && text.ends_with(")/") {
        return true;
    }
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let Some((start, rest)) = text.as_bytes().split_at_checked(SHAPE.len()) else {
        return false;
    };
    let fits = start.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    });
    fits && rest
        .iter()
        .all(|byte| byte.is_ascii_digit() || b".+-:Zz".contains(byte))
}
