//! Comparing requests to entities, for histories that were rewound.

use std::borrow::Cow;

use durable_protocol::entity_message::Request;
use serde_json::Value;

/// Whether the data texts of two events are requests for different things: another operation, another
/// input or another set to lock. The order of the members of an input does not count, because the order
/// in a `HashMap` changes from one process to the next. Texts that are no requests are not different.
pub(in crate::engine) fn is_another_request(one: &str, other: &str) -> bool {
    match (serde_json::from_str(one), serde_json::from_str(other)) {
        (Ok(one), Ok(other)) => wish(&one) != wish(&other),
        _ => false,
    }
}

fn wish<'a>(request: &'a Request<'_>) -> impl PartialEq + use<'a> {
    let input = request.input.as_deref();
    (
        request.op.as_deref(),
        request.signal,
        input.map(|text| serde_json::from_str::<Value>(text).map_err(|_| Cow::Borrowed(text))),
        request.lockset.as_deref(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_differ_by_what_they_ask_for() {
        let request = |rest: &str| format!(r#"{{"id":"1",{rest}}}"#);
        let add = request(r#""op":"add","input":"{\"a\":1,\"b\":2}","Timestamp":"x""#);
        for same in [
            add.clone(),
            request(r#""op":"add","input":"{\"b\":2,\"a\":1}","Timestamp":"y""#),
            "no request".to_owned(),
        ] {
            assert!(!is_another_request(&add, &same), "{same}");
        }
        for another in [
            request(r#""op":"get","input":"{\"a\":1,\"b\":2}""#),
            request(r#""op":"add","input":"{\"a\":1}""#),
            request(r#""op":"add""#),
            request(r#""op":null,"lockset":[{"name":"c","key":"d"}]"#),
        ] {
            assert!(is_another_request(&add, &another), "{another}");
        }
    }
}
