//! Payloads, times and failures as people read them.

use durable_protocol::Timestamp;
use durable_protocol::messages::TaskFailureDetails;

use crate::activity::{envelope, report};

/// The longest payload that is shown whole, in characters.
const LONGEST_PAYLOAD: usize = 200;

/// What a task failed with. An activity of this crate reports it in a form that only programs can read.
pub(super) fn failure(details: Option<&TaskFailureDetails>) -> String {
    let Some(mut details) = details else {
        return "without details".to_owned();
    };
    if let Some(failure) = report::failure_in(details) {
        return payload(&failure.to_string());
    }
    // What the function reported is the innermost failure.
    while let Some(inner) = &details.inner_failure {
        details = inner;
    }
    format!(
        "{}: {}",
        details.error_type,
        payload(&details.error_message)
    )
}

/// The result of an activity without the form in which it travels.
pub(super) fn activity_result(text: &str) -> String {
    envelope::decode_result::<serde_json::Value>(Some(text.as_bytes()))
        .map_or_else(|_| text.to_owned(), |value| value.to_string())
}

/// A payload, cut when it is long.
pub(super) fn payload(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(LONGEST_PAYLOAD).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

pub(super) fn time(at: Option<prost_types::Timestamp>) -> String {
    at.map_or_else(
        || "no time".to_owned(),
        |at| Timestamp::from(at).round_trip(),
    )
}
