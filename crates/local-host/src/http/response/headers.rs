//! Response headers as the host sends them.

use super::body::{Body, rewritten};
use crate::json::{Json, JsonObject};
use std::collections::HashSet;

/// How a value that is not a scalar becomes text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    /// A named http output: indented JSON.
    Named,
    /// `$return`: the name of a .NET type.
    Return,
}

/// The headers with the content type, or why the response cannot be sent.
pub(super) fn build(
    given: Option<&JsonObject>,
    body: &Body,
    source: Source,
    warnings: &mut Vec<String>,
) -> Result<Vec<(String, String)>, String> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    let mut content_type = None;
    for (name, value) in given.into_iter().flat_map(JsonObject::iter) {
        let text = text(name, value, source, warnings)?;
        check(name, &text, body)?;
        if name.eq_ignore_ascii_case("content-type") {
            content_type.get_or_insert(text);
        } else if !known.insert(name.to_ascii_lowercase()) {
            warnings.push(format!(
                "Duplicate HTTP header from function invocation removed. Duplicate key(s): {name}"
            ));
        } else {
            headers.push((name.to_owned(), text));
        }
    }
    let given = content_type.filter(|text| !text.is_empty());
    if let Some(media_type) = given.as_deref().or(body.default_content_type()) {
        headers.insert(0, ("Content-Type".to_owned(), with_charset(media_type)));
    }
    Ok(headers)
}

fn text(
    name: &str,
    value: &Json,
    source: Source,
    warnings: &mut Vec<String>,
) -> Result<String, String> {
    match (value, source) {
        (Json::Null, _) => Err(format!("The header '{name}' is null.")),
        (Json::Date(date), _) => {
            warnings.push(rewritten(date.raw(), &date.to_text()));
            Ok(date.to_text())
        }
        (Json::Array(_), Source::Return) => {
            Ok("System.Collections.Generic.List`1[System.Object]".to_owned())
        }
        (Json::Object(_), Source::Return) => Ok("System.Dynamic.ExpandoObject".to_owned()),
        _ => Ok(value.to_text()),
    }
}

/// Refuses what a real host cannot send: there the client gets an empty 500, or waits without end.
fn check(name: &str, value: &str, body: &Body) -> Result<(), String> {
    if name.parse::<http::HeaderName>().is_err() {
        return Err(format!("'{name}' is not a header name."));
    }
    if !value.chars().all(|c| c == '\t' || (' '..='~').contains(&c)) {
        return Err(format!(
            "The value of the header '{name}' is not printable ASCII in one line; arrays and objects span lines. \
             Percent-encode it."
        ));
    }
    if name.eq_ignore_ascii_case("transfer-encoding") {
        return Err(
            "The function sets Transfer-Encoding; with a real host the client would hang."
                .to_owned(),
        );
    }
    if name.eq_ignore_ascii_case("content-length") {
        let length = body.clone().into_bytes().len();
        if value.parse() != Ok(length) {
            return Err(format!(
                "The function sets Content-Length {value}, but the body has {length} bytes; \
                 a real host would abort the connection."
            ));
        }
    }
    Ok(())
}

/// The host appends `charset=utf-8` to every content type and replaces any other charset.
fn with_charset(media_type: &str) -> String {
    let mut parts: Vec<&str> = media_type
        .split(';')
        .map(str::trim)
        .filter(|part| !part.to_ascii_lowercase().starts_with("charset="))
        .collect();
    parts.push("charset=utf-8");
    parts.join("; ")
}
