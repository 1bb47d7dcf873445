//! The reply to a start: the addresses to manage the instance with.

use std::fmt::Write as _;

use super::reply::Reply;
use super::request::Parts;
use crate::hub::Inner;
use crate::json::{Json, JsonObject};

/// 202 with the addresses. Their order is that of a real host, which lists no rewind.
pub(super) fn started(hub: &Inner, parts: &Parts<'_>, id: &str) -> Reply {
    let instance = format!(
        "{}/runtime/webhooks/durabletask/instances/{}",
        parts.request.origin,
        encode(id)
    );
    let query = format!(
        "taskHub={}&connection=Storage&code={}",
        hub.options.task_hub_name, hub.key
    );
    let status = format!("{instance}?{query}");
    let with_reason = |operation: &str| format!("{instance}/{operation}?reason={{text}}&{query}");
    let links = [
        ("id", id.to_owned()),
        ("statusQueryGetUri", status.clone()),
        (
            "sendEventPostUri",
            format!("{instance}/raiseEvent/{{eventName}}?{query}"),
        ),
        ("terminatePostUri", with_reason("terminate")),
        ("purgeHistoryDeleteUri", status.clone()),
        ("restartPostUri", format!("{instance}/restart?{query}")),
        ("suspendPostUri", with_reason("suspend")),
        ("resumePostUri", with_reason("resume")),
    ];
    Reply::json(202, &Json::Object(JsonObject::from_iter(links)))
        .with("Location", status)
        .with("Retry-After", "10".to_owned())
}

/// As .NET's `WebUtility.UrlEncode`: a blank is a plus sign.
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded_as_by_a_real_host() {
        assert_eq!(encode("@a b/c#+é(1)~"), "%40a+b%2Fc%23%2B%C3%A9(1)%7E");
    }
}
