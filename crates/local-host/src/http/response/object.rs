//! Response objects: `{"statusCode": 201, "headers": {…}, "body": …}`.

use super::body::Body;
use super::client_response::ClientResponse;
use super::headers::{self, Source};
use crate::json::{Json, JsonObject, parse_document};

const NOT_EXPECTED: &str = "Failed while trying to Deserialize to httpOutputBindingResponse. Output is not in expected format";
/// The nesting limit of an http output.
const MAX_DEPTH: usize = 64;

/// The response of a named http output; `None` = the output is missing.
pub(super) fn named(
    value: Option<&Json>,
    warnings: &mut Vec<String>,
) -> Result<ClientResponse, String> {
    let Some(value) = value else {
        warnings.push(
            "The http output is missing in Outputs: the host answers 200 with the body {}."
                .to_owned(),
        );
        let body = Body::Text("{}".to_owned());
        let headers = headers::build(None, &body, Source::Named, warnings).unwrap_or_default();
        return Ok(ClientResponse::new(200, headers, body));
    };
    let parsed = match value {
        Json::String(text) => parse_document(text).ok(),
        other => Some(other.clone()),
    };
    let Some(Json::Object(object)) = parsed else {
        return Err(format!(
            "{NOT_EXPECTED}: expected an object, got {}",
            kind(value)
        ));
    };
    if Json::Object(object.clone()).depth() > MAX_DEPTH {
        return Err(format!(
            "{NOT_EXPECTED}: it is nested deeper than {MAX_DEPTH}"
        ));
    }
    let status_code = object.get_ignoring_case("statusCode");
    if matches!(status_code, Some(Json::Array(_) | Json::Object(_))) {
        return Err(format!("{NOT_EXPECTED}: statusCode is not a number"));
    }
    for ignored in ["status", "cookies", "enableContentNegotiation"] {
        let without_effect = ignored != "status" || status_code.is_none();
        if without_effect && object.get_ignoring_case(ignored).is_some() {
            warnings.push(format!(
                "The host ignores '{ignored}' in a named http output{}.",
                if ignored == "status" {
                    "; write 'statusCode'"
                } else {
                    ""
                }
            ));
        }
    }
    let given = match object.get_ignoring_case("headers") {
        None | Some(Json::Null) => None,
        Some(Json::Object(headers)) => Some(headers),
        Some(_) => return Err(format!("{NOT_EXPECTED}: headers is not an object")),
    };
    let body = Body::indented(
        object.get_ignoring_case("body").unwrap_or(&Json::Null),
        warnings,
    );
    assemble(status(status_code), given, body, Source::Named, warnings)
}

/// The response of `$return`, of an output that `ReturnValue` sets by name, and of an output whose
/// type is not exactly `http`.
pub(super) fn returned(value: &Json, warnings: &mut Vec<String>) -> Result<ClientResponse, String> {
    let parsed = match value {
        Json::String(text) => parse_document(text)
            .ok()
            .filter(|parsed| parsed.as_object().is_some()),
        _ => None,
    };
    let value = parsed.as_ref().unwrap_or(value);
    let Some((object, body)) = response_object(value) else {
        let body = Body::indented(value, warnings);
        return assemble(200, None, body, Source::Return, warnings);
    };
    let status = match object.get_ignoring_case("statusCode") {
        None | Some(Json::Null) => status(object.get_ignoring_case("status")),
        given => status(given),
    };
    let negotiate = object.get_ignoring_case("enableContentNegotiation") == Some(&Json::Bool(true));
    let body = if negotiate {
        Body::negotiated(body, warnings)
    } else {
        Body::compact(body, warnings)
    };
    let given = object
        .get_ignoring_case("headers")
        .and_then(Json::as_object);
    assemble(status, given, body, Source::Return, warnings)
}

/// The response of a string that the base64 rule has decoded.
pub(super) fn bytes(bytes: Vec<u8>) -> ClientResponse {
    ClientResponse::new(200, Vec::new(), Body::Bytes(bytes))
}

/// The response of a `ReturnValue` that no binding takes.
pub(super) fn result(value: &Json, warnings: &mut Vec<String>) -> Result<ClientResponse, String> {
    let body = Body::negotiated(value, warnings);
    assemble(200, None, body, Source::Return, warnings)
}

fn response_object(value: &Json) -> Option<(&JsonObject, &Json)> {
    let object = value.as_object()?;
    Some((object, object.get_ignoring_case("body")?))
}

/// The status of a response: whatever is not an integer of 32 bits means 200.
fn status(value: Option<&Json>) -> i32 {
    let number = match value {
        Some(Json::Number(number)) => number.to_i32(),
        Some(Json::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    number.unwrap_or(200)
}

fn assemble(
    status: i32,
    given: Option<&JsonObject>,
    body: Body,
    source: Source,
    warnings: &mut Vec<String>,
) -> Result<ClientResponse, String> {
    // A real host logs these as succeeded and answers an empty 500, or sends what no client understands. The
    // client gets the same here; the warning names the cause.
    let unsendable = |warnings: &mut Vec<String>, why: String| {
        warnings.push(format!(
            "The response cannot be sent, the client gets an empty 500. {why}"
        ));
        Ok(ClientResponse::empty(500))
    };
    let code = match u16::try_from(status) {
        Ok(code @ 200..=999) => code,
        _ => {
            return unsendable(
                warnings,
                format!(
                    "statusCode {status}: expected 200 to 599; a real host puts it on the wire as it is."
                ),
            );
        }
    };
    if code > 599 {
        warnings.push(format!("statusCode {code} is outside 200 to 599."));
    }
    match headers::build(given, &body, source, warnings) {
        Ok(headers) => Ok(ClientResponse::new(code, headers, body)),
        Err(why) => unsendable(warnings, why),
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::Date(_) | Json::String(_) => "plain text",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}
