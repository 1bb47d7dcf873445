//! What an entity answers to a call.

use durable_protocol::entity_message::{FailureDetails, Reply};

use crate::engine::payload::Payload;
use crate::engine::state::Outcome;
use crate::{Failure, error_type};

/// Not a `From`, which would be public, and the message with it.
fn failure(details: FailureDetails) -> Failure {
    let mut failure = Failure::new(
        details.error_type.unwrap_or_default(),
        details.error_message.unwrap_or_default(),
    );
    if details.is_non_retriable {
        failure = failure.non_retriable();
    }
    match details.inner_failure {
        Some(inner) => failure.with_cause(self::failure(*inner)),
        None => failure,
    }
}

/// How a call ended, from the answer's payload; for a lock, whether it is granted. The result of a
/// granted lock is a text that is not JSON.
pub(super) fn outcome(payload: Option<&[u8]>, lock: bool) -> Outcome {
    let failure = match serde_json::from_slice::<Reply>(payload.unwrap_or_default()) {
        Ok(Reply {
            failure_details: Some(details),
            ..
        }) => failure(details),
        Ok(Reply {
            exception_type: Some(exception_type),
            result,
            ..
        }) => {
            let text = result.unwrap_or_default();
            Failure::new(exception_type, serde_json::from_str(&text).unwrap_or(text))
        }
        Ok(_) if lock => return Outcome::Completed(Payload::Absent),
        Ok(Reply { result, .. }) => {
            return Outcome::Completed(result.map_or(Payload::Absent, |result| {
                Payload::Owned(result.into_bytes().into())
            }));
        }
        Err(error) => Failure::new(
            error_type::UNEXPECTED_RESULT,
            format!("the answer of the entity cannot be read: {error}"),
        )
        .non_retriable(),
    };
    Outcome::Failed(Box::new(failure))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failure(payload: &str) -> Failure {
        match outcome(Some(payload.as_bytes()), false) {
            Outcome::Failed(failure) => *failure,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn results_are_json_texts() {
        for (payload, result) in [
            (r#"{"result":null}"#, None),
            ("{}", None),
            (r#"{"result":"5"}"#, Some("5")),
            (r#"{"result":"\"a\""}"#, Some(r#""a""#)),
            (
                r#"{"result":"{\"b\":[1]}","exceptionType":null}"#,
                Some(r#"{"b":[1]}"#),
            ),
        ] {
            match outcome(Some(payload.as_bytes()), false) {
                Outcome::Completed(found) => {
                    let expected = result.map_or(Payload::Absent, |text| {
                        Payload::Owned(text.as_bytes().into())
                    });
                    assert_eq!(found, expected);
                }
                other => panic!("{payload}: {other:?}"),
            }
        }
    }

    #[test]
    fn failures_come_in_two_shapes() {
        let details = r#"{"result":null,"failureDetails":{"ErrorType":"CounterError",
            "ErrorMessage":"the counter refuses","StackTrace":"at entity",
            "InnerFailure":{"ErrorType":"Inner","ErrorMessage":"why"},
            "IsNonRetriable":true,"Properties":{}}}"#;
        let expected = Failure::new("CounterError", "the counter refuses")
            .non_retriable()
            .with_cause(Failure::new("Inner", "why"));
        assert_eq!(failure(details), expected);
        let legacy = r#"{"result":"\"it broke\"","exceptionType":"System.Exception"}"#;
        assert_eq!(
            failure(legacy),
            Failure::new("System.Exception", "it broke")
        );
        let plain = r#"{"result":"no such function","exceptionType":"entity dispatch failed"}"#;
        assert_eq!(
            failure(plain),
            Failure::new("entity dispatch failed", "no such function")
        );
        assert_eq!(failure("7").error_type(), "UnexpectedResult");
    }

    proptest! {
        #[test]
        fn arbitrary_payloads_never_panic(bytes: Vec<u8>) {
            let _ = outcome(Some(&bytes), false);
        }
    }
}
