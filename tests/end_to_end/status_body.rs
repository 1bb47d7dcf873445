//! The answers of get-status, byte for byte.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::support::http::{Answer, JSON};

/// The custom status of a job that has called its activity.
pub(crate) const QUERYING: &str = r#"{"stage":"querying","progress":0}"#;
/// The custom status of a job that has its result.
pub(crate) const DONE: &str = r#"{"stage":"done","progress":100}"#;

/// Compares an answer with a state, its result and its custom status as JSON texts, and the error of a failed job.
///
/// The whole body is compared, the order of its members included. The times are not known; they must be UTC and in
/// order.
#[track_caller]
pub(crate) fn assert_status(
    answer: &Answer,
    id: &str,
    status: &str,
    result: &str,
    custom_status: &str,
    error: Option<(&str, &str)>,
) {
    let ended = matches!(status, "Completed" | "Failed" | "Terminated" | "Canceled");
    assert_eq!(answer.status, if ended { 200 } else { 202 }, "{answer:?}");
    assert_eq!(answer.header("Content-Type"), JSON);
    assert_eq!(answer.header("Location").is_empty(), ended, "{answer:?}");
    assert_eq!(answer.header("Retry-After").is_empty(), ended, "{answer:?}");

    let body = answer.json();
    let (created, updated) = (time(&body["createdTime"]), time(&body["lastUpdatedTime"]));
    assert!(created.1 <= updated.1, "{answer:?}");
    let error = error.map_or_else(String::new, |(code, message)| {
        format!(r#","error":{{"code":"{code}","message":"{message}"}}"#)
    });
    let expected = format!(
        r#"{{"id":"{id}","status":"{status}","result":{result},"customStatus":{custom_status},"createdTime":"{}","lastUpdatedTime":"{}"{error}}}"#,
        created.0, updated.0
    );
    assert_eq!(answer.body, expected);
}

fn time(value: &Value) -> (&str, OffsetDateTime) {
    let text = value.as_str().unwrap();
    assert!(text.ends_with('Z'), "{text}");
    (text, OffsetDateTime::parse(text, &Rfc3339).unwrap())
}
