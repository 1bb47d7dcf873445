//! The result: `{"statusCode": 200, "headers": {…}, "content": "…"}`.

use bytes::Bytes;
use durable_protocol::http_activity::is_content_header;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};

use crate::header_names::{spelling, title_case};
use crate::json::{Json, JsonObject};

/// Response headers that .NET spells in title case.
const TITLE_CASE: &[&str] = &[
    "accept-ranges",
    "age",
    "location",
    "proxy-authenticate",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "vary",
];

/// The JSON text; headers of the content are left out, as by a real host.
pub(super) fn to_json(response: &Response<Bytes>) -> String {
    let headers = response.headers();
    let listed: JsonObject = headers
        .keys()
        .filter(|name| !is_content_header(name.as_str()))
        .map(|name| {
            let mut values: Vec<Json> = headers
                .get_all(name)
                .iter()
                .map(|value| Json::String(String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect();
            let value = match (values.len(), values.pop()) {
                (1, Some(single)) => single,
                (_, last) => {
                    values.extend(last);
                    Json::Array(values)
                }
            };
            (response_spelling(name.as_str()), value)
        })
        .collect();
    let mut result = JsonObject::new();
    result.insert("statusCode", u64::from(response.status().as_u16()));
    result.insert("headers", listed);
    result.insert("content", text(headers, response.body()));
    Json::Object(result).to_compact()
}

fn response_spelling(lower: &str) -> String {
    if lower == "www-authenticate" {
        "WWW-Authenticate".to_owned()
    } else if TITLE_CASE.contains(&lower) {
        title_case(lower)
    } else {
        spelling(lower)
    }
}

/// The body as text: UTF-8, or Latin-1 when the content type says so.
fn text(headers: &HeaderMap, body: &[u8]) -> String {
    let charset = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            value
                .to_ascii_lowercase()
                .split_once("charset=")
                .map(|it| it.1.to_owned())
        })
        .unwrap_or_default();
    let charset = charset.split(';').next().unwrap_or_default();
    if charset.trim().trim_matches('"') == "iso-8859-1" {
        body.iter().map(|byte| char::from(*byte)).collect()
    } else {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        String::from_utf8_lossy(body).into_owned()
    }
}
