//! Messages: what a function with a `serviceBusTrigger` or a `queueTrigger` gets.
//!
//! The properties of a message are its binding data. The members of a JSON body are added to them afterwards and
//! replace those of the same name in any case, as on a real host.

mod properties;

pub(crate) use properties::{Kind, seconds, with_offset};

use crate::binding_data::BindingData;
use crate::functions::{Binding, Function};
use crate::json::{Json, JsonObject, parse_document};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// `Data` and `Metadata` of an invocation by one message with this content and these properties.
pub(crate) fn arguments(
    function: &Function,
    trigger: &Binding,
    body: Option<&[u8]>,
    mut properties: BindingData,
) -> (JsonObject, JsonObject) {
    properties.insert_system(&function.name);
    let text = body.map(String::from_utf8_lossy);
    if let Some(Ok(Json::Object(members))) = text.as_deref().map(parse_document) {
        properties.insert_members(&members);
    }
    let value = match (body, text) {
        // A byte array is not encoded twice.
        (Some(body), _) if trigger.is_binary() => Json::String(STANDARD.encode(body)),
        (_, Some(text)) => Json::from(text.into_owned()).double_encoded(),
        (_, None) => Json::Null.double_encoded(),
    };
    let data = JsonObject::from_iter([(trigger.name.as_str(), value)]);
    (data, properties.into_metadata())
}
