//! The binding data of an HTTP trigger.

use super::envelope::decode_text;
use super::query::Query;
use super::request::ClientRequest;
use crate::binding_data::BindingData;
use crate::functions::Params;
use crate::json::JsonObject;

/// The binding data of an HTTP request. Body properties come first, query parameters replace them, route
/// parameters replace both.
#[must_use]
pub(super) fn binding_data(request: &ClientRequest, params: &Params, trigger: &str) -> BindingData {
    let query = Query::parse(request.query.as_deref().unwrap_or_default());
    let mut data = match &request.body {
        // Text that is not JSON adds nothing.
        Some(body) => BindingData::of_text(&decode_text(body)).unwrap_or_default(),
        None => BindingData::new(),
    };
    for (name, value) in query.last().iter() {
        if !name.eq_ignore_ascii_case("code") {
            data.insert(name, value.clone());
        }
    }
    for (name, value) in params {
        match value {
            Some(value) => data.insert(name, value.as_str()),
            None => data.remove(name),
        }
    }
    if !data.contains("Query") {
        data.insert("Query", query.last());
    }
    if !data.contains("Headers") {
        let headers: JsonObject = request
            .headers
            .iter()
            .map(|(name, values)| (name.as_str(), values.join(",")))
            .collect();
        data.insert("Headers", headers);
    }
    // The trigger's own entry holds the request and is left out.
    data.remove(trigger);
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn each_property_of_a_json_body_is_held_once() {
        let mut body = String::from("{");
        for i in 0..100_000 {
            let comma = if i == 0 { "" } else { "," };
            write!(body, "{comma}\"k{i}\":1").unwrap();
        }
        body.push('}');
        let length = body.len() as u64;
        let request = ClientRequest {
            method: "POST".to_owned(),
            host: "h".to_owned(),
            path: "/api/f".to_owned(),
            query: None,
            headers: Vec::new(),
            body: Some(body.into()),
        };
        let counted = allocation_counter::measure(|| {
            let data = binding_data(&request, &Default::default(), "req");
            let metadata = data.into_metadata_text();
            assert!(metadata.starts_with(r#"{"k0":"\"1\"","k1":"\"1\"","#));
        });
        assert!(counted.bytes_max < 12 * length, "{counted:?} for {length}");
    }
}
