//! The exception of a real host for an answer that it cannot read. Its text reaches the
//! orchestrator, so it is built as .NET builds it: the answer's head, and the whole body, in which
//! credentials are hidden.

use durable_protocol::http_activity::is_content_header;
use functions_handler::redaction::redacted;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};

use super::client::RawAnswer;
use crate::header_names::title_case;

/// The message of the `InvalidOperationException`.
pub(super) fn invalid_answer(raw: &RawAnswer) -> String {
    let mut text = format!(
        "Invalid HttpResponseMessage:\nStatusCode: {}, ReasonPhrase: '{}', Version: 1.1, Content: \
         System.Net.Http.HttpConnectionResponseContent, Headers:\n{{\n",
        raw.status.as_u16(),
        raw.reason()
    );
    // .NET lists the headers of the content after the others.
    for content in [false, true] {
        for (name, value) in &raw.headers {
            if is_content_header(name.as_str()) == content {
                header(&mut text, name, &String::from_utf8_lossy(value.as_bytes()));
            }
        }
    }
    // For an answer without a length, .NET shows the length of the body that it has read.
    if !raw.headers.contains_key(CONTENT_LENGTH) {
        header(&mut text, &CONTENT_LENGTH, &raw.body.len().to_string());
    }
    text.push('}');
    if !is_binary(&raw.headers) {
        text.push_str("\n ");
        text.push_str(&redacted(&raw.text()));
    }
    text
}

fn header(text: &mut String, name: &HeaderName, value: &str) {
    text.push_str("  ");
    text.push_str(&title_case(name.as_str()));
    text.push_str(": ");
    text.push_str(value);
    text.push('\n');
}

/// The type without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    Some(text.split(';').next().unwrap_or_default().trim().to_owned())
}

/// A real host shows no body of these types.
fn is_binary(headers: &HeaderMap) -> bool {
    let media_type = media_type(headers).unwrap_or_default().to_ascii_lowercase();
    media_type == "application/octet-stream" || media_type.starts_with("multipart/")
}
