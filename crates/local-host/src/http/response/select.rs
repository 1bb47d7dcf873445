//! Which part of the answer becomes the response.

use super::client_response::ClientResponse;
use super::object;
use crate::base64_rule;
use crate::functions::{Binding, Function};
use crate::invoke::InvocationAnswer;
use crate::json::{Json, JsonObject};

/// The value of an output.
enum Value<'a> {
    Json(&'a Json),
    Bytes(Vec<u8>),
}

pub(super) fn response(
    function: &Function,
    answer: &InvocationAnswer,
    warnings: &mut Vec<String>,
) -> Result<ClientResponse, String> {
    let returns = function.outputs().find(|output| output.name == "$return");
    // Without `$return`, the members of an object are the values of the outputs by name.
    let spread = match (&returns, &answer.return_value) {
        (None, Some(Json::Object(object))) => Some(object),
        _ => None,
    };
    let mut response = None;
    for output in function.outputs().filter(|output| output.is_type("http")) {
        if let Some(next) = output_response(output, answer, spread, warnings)? {
            // Every http output writes the response; the last one counts.
            response = Some(next);
        }
    }
    match (response, &answer.return_value, returns) {
        (Some(response), ..) => Ok(response),
        (None, Some(value), None) => object::result(value, warnings),
        _ => Ok(ClientResponse::empty(204)),
    }
}

fn output_response(
    output: &Binding,
    answer: &InvocationAnswer,
    spread: Option<&JsonObject>,
    warnings: &mut Vec<String>,
) -> Result<Option<ClientResponse>, String> {
    if output.name == "$return" {
        return match &answer.return_value {
            None => Ok(None),
            Some(value) => from_value(convert(output, value, warnings), warnings).map(Some),
        };
    }
    if let Some(value) = spread.and_then(|object| object.get(&output.name)) {
        return from_value(Value::Json(value), warnings).map(Some);
    }
    let Some(outputs) = &answer.outputs else {
        return Ok(None);
    };
    let value = outputs.get(&output.name);
    if output.kind == "http" {
        return object::named(value, warnings).map(Some);
    }
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(value) => from_value(convert(output, value, warnings), warnings).map(Some),
    }
}

fn from_value(value: Value<'_>, warnings: &mut Vec<String>) -> Result<ClientResponse, String> {
    match value {
        Value::Json(json) => object::returned(json, warnings),
        Value::Bytes(bytes) => Ok(object::bytes(bytes)),
    }
}

fn convert<'a>(output: &Binding, value: &'a Json, warnings: &mut Vec<String>) -> Value<'a> {
    let decoded = match value {
        Json::String(text) if !output.is_binary() => base64_rule::decode(text),
        _ => None,
    };
    match decoded {
        None => Value::Json(value),
        Some(bytes) => {
            warnings.push(format!(
                "The value of the output '{}' looks like base64: the host sends the {} decoded bytes, without \
                 a content type. Set \"dataType\": \"binary\" on the output to send the text.",
                output.name,
                bytes.len()
            ));
            Value::Bytes(bytes)
        }
    }
}
