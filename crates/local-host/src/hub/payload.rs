//! Protobuf messages in the bindings of orchestrators and entities. A request is base64, as JSON text inside
//! a JSON string; an answer is base64 in a JSON string.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;

use super::failure::Cause;
use crate::json::Json;

/// The value of the binding in `Data`.
pub(super) fn encode(message: &[u8]) -> Json {
    let mut text = String::with_capacity(message.len().div_ceil(3) * 4 + 2);
    text.push('"');
    STANDARD.encode_string(message, &mut text);
    text.push('"');
    Json::String(text)
}

/// The message in a return value of a function of this kind.
///
/// # Errors
/// The exception of a real host.
pub(super) fn decode<T: Message + Default>(
    return_value: Option<&Json>,
    kind: &str,
) -> Result<T, Cause> {
    let Some(text) = return_value
        .and_then(Json::as_text)
        .filter(|text| !text.is_empty())
    else {
        return Err(Cause::null_response(kind));
    };
    let bytes = STANDARD.decode(text).map_err(|_| {
        Cause::new(
            "System.FormatException",
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more \
             than two padding characters, or an illegal character among the padding characters.",
        )
    })?;
    T::decode(&*bytes).map_err(|error| {
        Cause::new(
            "Google.Protobuf.InvalidProtocolBufferException",
            format!("Protocol message could not be read: {error}"),
        )
    })
}
