//! How the result of an activity passes through the host.
//!
//! The host parses an activity's `ReturnValue` and writes it again, and changes values on the way:
//! date-times lose their offset, decimals become doubles, a first key `$type` vanishes. A *string*
//! arrives unchanged (unless all of it is a date-time), so an activity always answers with a string
//! that holds JSON:
//!
//! ```text
//! {"activityResult":<the output>}
//! ```
//!
//! The history then shows that text as a JSON string. A result in any other form (an activity of
//! another kind, the host's built-in ones) is taken as the plain JSON that it is.
//!
//! Earlier versions sent failures in the same way, as `{"activityFailure":…}`; instances that they
//! started still replay. How failures travel now is in [`report`](super::report).

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::record;
use crate::{Failure, codec};

const RESULT: &str = r#"{"activityResult":"#;
/// The same as they stand in the history: inside a JSON string.
const RESULT_ESCAPED: &[u8] = br#""{\"activityResult\":"#;
const FAILURE_ESCAPED: &[u8] = br#""{\"activityFailure\":"#;

/// The text to return for an output that is already JSON.
pub(crate) fn encode_result(json: &str) -> String {
    [RESULT, json, "}"].concat()
}

/// The result for a sidecar, which stores it as it is: plain JSON, for workers in other languages as well.
///
/// Only a text that an orchestrator would take for the form above is put into that form.
#[cfg(feature = "worker")]
pub(crate) fn plain_result(json: String) -> String {
    let ambiguous = [RESULT_ESCAPED, FAILURE_ESCAPED];
    if ambiguous
        .iter()
        .any(|form| json.as_bytes().starts_with(form))
    {
        // A text always serialises.
        return serde_json::to_string(&encode_result(&json)).unwrap_or(json);
    }
    json
}

/// The failure inside a result of the history, if it holds one.
///
/// The check costs a comparison of a prefix for nearly all results: it runs on every replay.
pub(crate) fn failure_in(result: &[u8]) -> Option<Failure> {
    if !result.starts_with(FAILURE_ESCAPED) && !may_be_reescaped(result) {
        return None;
    }
    let text: String = serde_json::from_slice(result).ok()?;
    // Whatever it says, it says that the activity failed.
    record::from_json(&text).map(|failure| failure.unwrap_or_else(|_| Failure::unreadable()))
}

/// Decodes a result of the history, in our form or plain; absent is `null`.
pub(crate) fn decode_result<O: DeserializeOwned>(
    result: Option<&[u8]>,
) -> Result<O, serde_json::Error> {
    let Some(result) = result else {
        return codec::read(b"null");
    };
    if let Some(escaped) = result
        .strip_prefix(RESULT_ESCAPED)
        .and_then(|rest| rest.strip_suffix(b"}\""))
        && let Some(json) = unescape(escaped)
    {
        return codec::read(&json);
    }
    if (result.starts_with(RESULT_ESCAPED) || may_be_reescaped(result))
        && let Ok(text) = serde_json::from_slice::<String>(result)
        && let Some(json) = text
            .strip_prefix(RESULT)
            .and_then(|rest| rest.strip_suffix('}'))
    {
        return codec::read(json.as_bytes());
    }
    codec::read(result)
}

/// Undoes the escapes of quotes and backslashes, which are nearly all that there are in JSON inside a
/// JSON string; `None` when there are others. This runs for every result of every replay, and a
/// general decoder allocates several times for each.
fn unescape(escaped: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(first) = escaped.iter().position(|&byte| byte == b'\\') else {
        return Some(Cow::Borrowed(escaped));
    };
    let mut json = Vec::with_capacity(escaped.len());
    json.extend_from_slice(escaped.get(..first)?);
    let mut rest = escaped.get(first..)?.iter();
    while let Some(&byte) = rest.next() {
        json.push(match byte {
            b'\\' => *rest.next().filter(|next| matches!(next, b'"' | b'\\'))?,
            byte => byte,
        });
    }
    Some(Cow::Owned(json))
}

/// A JSON string that begins with a brace, written with other escapes than ours, as another backend
/// may do (`\u0022` for a quote).
fn may_be_reescaped(result: &[u8]) -> bool {
    result.starts_with(br#""{\u"#)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the host stores a `ReturnValue` that is a string.
    fn through_the_host(text: &str) -> Vec<u8> {
        serde_json::to_vec(text).unwrap()
    }

    #[test]
    fn a_result_in_our_form_is_decoded() {
        let stored = through_the_host(&encode_result("42"));
        assert_eq!(decode_result::<u64>(Some(&stored)).unwrap(), 42);
        assert_eq!(failure_in(&stored), None);
        let stored = through_the_host(&encode_result(r#"["a\"b"]"#));
        assert_eq!(
            decode_result::<Vec<String>>(Some(&stored)).unwrap(),
            ["a\"b"]
        );
    }

    #[test]
    fn a_plain_result_is_taken_as_it_is() {
        assert_eq!(decode_result::<u64>(Some(b"42")).unwrap(), 42);
        assert_eq!(decode_result::<String>(Some(br#""x""#)).unwrap(), "x");
        assert_eq!(
            decode_result::<String>(Some(br#""{\"a\":1}""#)).unwrap(),
            r#"{"a":1}"#
        );
        assert_eq!(decode_result::<Option<u64>>(None).unwrap(), None);
        decode_result::<()>(None).unwrap();
    }

    #[test]
    fn a_result_whose_quotes_another_backend_escaped_is_decoded() {
        let stored = br#""{\u0022activityResult\u0022:[1]}""#;
        assert_eq!(decode_result::<Vec<u8>>(Some(stored)).unwrap(), [1]);
        let stored = br#""{\u0022activityFailure\u0022:{\u0022errorType\u0022:\u0022E\u0022,\u0022errorMessage\u0022:\u0022m\u0022}}""#;
        assert_eq!(failure_in(stored), Some(Failure::new("E", "m")));
    }

    #[test]
    fn a_failure_that_cannot_be_read_is_a_failure() {
        let stored = through_the_host(r#"{"activityFailure":{"errorType":7}}"#);
        assert_eq!(
            failure_in(&stored).unwrap().error_type(),
            "UnreadableFailure"
        );
    }

    #[cfg(feature = "worker")]
    #[test]
    fn a_plain_result_is_plain_unless_it_looks_like_our_form() {
        assert_eq!(plain_result("42".to_owned()), "42");
        assert_eq!(plain_result(r#"{"a":1}"#.to_owned()), r#"{"a":1}"#);
        for text in [
            r#"{"activityResult":1}"#,
            r#"{"activityFailure":{}}"#,
            r#"{"activityResult":"#,
            "{\u{1}activityResult",
        ] {
            let stored = plain_result(serde_json::to_string(text).unwrap());
            assert_eq!(failure_in(stored.as_bytes()), None, "{text}");
            let read = decode_result::<String>(Some(stored.as_bytes())).unwrap();
            assert_eq!(read, text);
        }
    }

    proptest! {
        #[cfg(feature = "worker")]
        #[test]
        fn every_plain_text_is_read_as_it_was(value in "(\\{\"activity(Result|Failure)\":)?\\PC*") {
            let stored = plain_result(serde_json::to_string(&value).unwrap());
            prop_assert_eq!(failure_in(stored.as_bytes()), None);
            prop_assert_eq!(decode_result::<String>(Some(stored.as_bytes())).unwrap(), value);
        }

        #[test]
        fn every_failure_of_an_earlier_version_is_read(kind in "\\PC{1,20}", message in "\\PC*", fatal: bool) {
            let mut failure = Failure::new(kind, message).with_cause(Failure::new("C", "c"));
            if fatal {
                failure = failure.non_retriable();
            }
            let stored = through_the_host(&record::to_json(&failure));
            prop_assert_eq!(failure_in(&stored), Some(failure));
        }

        #[test]
        fn every_text_survives_the_host(value in "\\PC*") {
            let json = serde_json::to_string(&value).unwrap();
            let stored = through_the_host(&encode_result(&json));
            prop_assert_eq!(decode_result::<String>(Some(&stored)).unwrap(), value);
        }

        #[test]
        fn arbitrary_results_never_panic(bytes: Vec<u8>) {
            let _ = failure_in(&bytes);
            let _ = decode_result::<serde_json::Value>(Some(&bytes));
        }
    }
}
