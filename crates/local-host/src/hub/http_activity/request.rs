//! The input: an array with one request.

use std::time::Duration;

use bytes::Bytes;
use durable_protocol::http_activity::is_content_header;
use functions_handler::host_json::parse_time_span;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::hub::failure::Cause;
use crate::json::{Json, JsonObject, parse_payload};

/// The time limit of a call without one, and the longest: the extension reduces longer ones to it.
const LONGEST: Duration = Duration::from_secs(240);

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::hub) enum Problem {
    /// The input cannot be read. The orchestrator gets the reason.
    Reported(Cause),
    /// Any other reason: only the log gets it.
    Logged(String),
}

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) content: Option<Bytes>,
    /// For the whole exchange.
    pub(super) timeout: Duration,
}

/// Reads the input. Of several requests, a real host sends only the first.
pub(super) fn read(input: Option<&str>) -> Result<Call, Problem> {
    let input = input.ok_or_else(|| missing("value"))?;
    let json = parse_payload(input)
        .map_err(|error| reported("Newtonsoft.Json.JsonReaderException", error.to_string()))?;
    match &json {
        Json::Array(requests) => match requests.first() {
            Some(Json::Object(request)) => request_of(request),
            Some(_) => Err(reported(
                SERIALIZATION,
                "The request in the array is not a JSON object.",
            )),
            None => Err(reported(
                "System.InvalidOperationException",
                "Sequence contains no elements",
            )),
        },
        other => Err(not_an_array(input, other)),
    }
}

const SERIALIZATION: &str = "Newtonsoft.Json.JsonSerializationException";

fn reported(kind: &'static str, message: impl Into<String>) -> Problem {
    Problem::Reported(Cause::new(kind, message))
}

fn missing(parameter: &str) -> Problem {
    reported(
        "System.ArgumentNullException",
        format!("Value cannot be null. (Parameter '{parameter}')"),
    )
}

/// The text of a real host, which has read up to the first name of the object.
fn not_an_array(input: &str, json: &Json) -> Problem {
    let Json::Object(object) = json else {
        return reported(
            SERIALIZATION,
            "The input is not a JSON array with one request.",
        );
    };
    let name = object.iter().next().map_or("", |(name, _)| name);
    let position = input.find(':').map_or(0, |colon| colon + 1);
    reported(
        SERIALIZATION,
        format!(
            "Cannot deserialize the current JSON object (e.g. {{\"name\":\"value\"}}) into type \
             'System.Collections.Generic.IList`1[Microsoft.Azure.WebJobs.Extensions.DurableTask.DurableHttpRequest]' \
             because the type requires a JSON array (e.g. [1,2,3]) to deserialize correctly.\n\
             To fix this error either change the JSON to a JSON array (e.g. [1,2,3]) or change the \
             deserialized type so that it is a normal .NET type (e.g. not a primitive type like \
             integer, not a collection type like an array or List<T>) that can be deserialized from a \
             JSON object. JsonObjectAttribute can also be added to the type to force it to deserialize \
             from a JSON object.\n\
             Path '{name}', line 1, position {position}."
        ),
    )
}

fn request_of(request: &JsonObject) -> Result<Call, Problem> {
    let text = |name: &str| request.get_ignoring_case(name).and_then(Json::as_text);
    let method = text("method").ok_or_else(|| missing("method"))?;
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| reported("System.FormatException", "method: expected an HTTP method."))?;
    let uri = text("uri").ok_or_else(|| missing("uri"))?;
    let url = Url::parse(uri)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Problem::Logged("uri: expected an absolute http or https URL".to_owned()))?;
    if !matches!(
        request.get_ignoring_case("tokenSource"),
        None | Some(Json::Null)
    ) {
        return Err(Problem::Logged(
            "it asks for a token of a managed identity, which local-host does not have".to_owned(),
        ));
    }
    let content = text("content").map(|text| Bytes::copy_from_slice(text.as_bytes()));
    let mut headers = headers(request.get_ignoring_case("headers"))?;
    if content.is_none() {
        headers.remove(CONTENT_TYPE);
    } else if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
    }
    let timeout = match text("timeout") {
        None => LONGEST,
        Some(span) => parse_time_span(span)
            .filter(|span| !span.is_zero())
            .ok_or_else(|| {
                reported(
                    SERIALIZATION,
                    format!("timeout: expected a time span such as 00:00:30, got '{span}'."),
                )
            })?
            .min(LONGEST),
    };
    Ok(Call {
        method,
        url,
        headers,
        content,
        timeout,
    })
}

/// Values are strings or arrays of strings. A value may be a secret, so no message repeats one.
fn headers(json: Option<&Json>) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    let object = match json {
        None | Some(Json::Null) => return Ok(headers),
        Some(Json::Object(object)) => object,
        Some(_) => return Err(reported(SERIALIZATION, "headers: expected a JSON object.")),
    };
    for (name, value) in object.iter() {
        let known: HeaderName = name
            .parse()
            .map_err(|_| Problem::Logged(format!("'{name}' is not a header name")))?;
        if known != CONTENT_TYPE && is_content_header(known.as_str()) {
            return Err(Problem::Logged(format!(
                "header '{name}' describes content, and the host takes only Content-Type of those"
            )));
        }
        let values = match value {
            Json::Array(values) => values.iter().map(Json::as_text).collect(),
            single => vec![single.as_text()],
        };
        for value in values {
            let value = value
                .filter(|text| text.is_ascii())
                .and_then(|text| HeaderValue::from_str(text).ok())
                .ok_or_else(|| {
                    Problem::Logged(format!("the value of header '{name}' cannot be sent"))
                })?;
            headers.append(known.clone(), value);
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use durable_protocol::http_activity::time_span;

    #[test]
    fn time_limits_are_read_as_the_worker_writes_them() {
        for text in ["00:05:00", "1.00:00:01", "00:00:02.5000000"] {
            let read = parse_time_span(text);
            assert_eq!(read.map(time_span).as_deref(), Some(text));
        }
    }
}
