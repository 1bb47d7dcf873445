//! `Metadata` of an HTTP invocation: the trigger's binding data.

use super::envelope::decode_text;
use super::query::Query;
use super::request::ClientRequest;
use super::template::Params;
use crate::json::{Json, JsonObject, parse_document};

/// The members of `Metadata` except `sys`, in the host's encoding. Body properties come first,
/// query parameters replace them, route parameters replace both.
#[must_use]
pub fn binding_data(request: &ClientRequest, params: &Params, trigger: &str) -> JsonObject {
    let query = Query::parse(request.query.as_deref().unwrap_or_default());
    let mut data = JsonObject::new();
    if let Some(body) = &request.body {
        add_properties(&decode_text(body), &mut data);
    }
    for (name, value) in query.last().iter() {
        if !name.eq_ignore_ascii_case("code") {
            data.insert_ignoring_case(name, value.clone());
        }
    }
    for (name, value) in params {
        match value {
            Some(value) => data.insert_ignoring_case(name, value.as_str()),
            None => data.remove_ignoring_case(name),
        }
    }
    if data.get_ignoring_case("Query").is_none() {
        data.insert("Query", query.last());
    }
    if data.get_ignoring_case("Headers").is_none() {
        let headers: JsonObject = request
            .headers
            .iter()
            .map(|(name, values)| (name.as_str(), values.join(",")))
            .collect();
        data.insert("Headers", headers);
    }
    // The trigger's own entry holds the request and is not written.
    data.remove_ignoring_case(trigger);
    encode(&data)
}

/// Adds the properties of a JSON object: scalars as text, objects as they are, arrays and nulls
/// not at all. Text that is not a JSON object adds nothing.
pub fn add_properties(text: &str, data: &mut JsonObject) {
    let Ok(Json::Object(object)) = parse_document(text) else {
        return;
    };
    for (name, value) in object.iter() {
        match value {
            Json::Null | Json::Array(_) => {}
            Json::Object(_) => data.insert_ignoring_case(name, value.clone()),
            scalar => data.insert_ignoring_case(name, scalar.to_text()),
        }
    }
}

/// Drops the keys that end with "trigger" and double-encodes what is not an object.
#[must_use]
pub fn encode(data: &JsonObject) -> JsonObject {
    data.iter()
        .filter(|(name, _)| !name.to_lowercase().ends_with("trigger"))
        .map(|(name, value)| (name, value.clone().double_encoded()))
        .collect()
}
