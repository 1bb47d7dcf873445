//! A failure as JSON. [`report`](super::report) carries it to the orchestrator; histories of earlier
//! versions hold it in the result of a task.

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::failure::MOST_CAUSES;

const PREFIX: &str = r#"{"activityFailure":"#;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    error_type: String,
    error_message: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_non_retriable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inner_failure: Option<Box<Record>>,
}

impl Record {
    fn from_failure(failure: &Failure, causes: usize) -> Self {
        Record {
            error_type: failure.error_type().to_owned(),
            error_message: failure.message().to_owned(),
            is_non_retriable: failure.is_non_retriable(),
            inner_failure: failure
                .cause()
                .zip(causes.checked_sub(1))
                .map(|(cause, causes)| Box::new(Record::from_failure(cause, causes))),
        }
    }

    fn into_failure(self) -> Failure {
        let mut failure = Failure::new(self.error_type, self.error_message);
        if self.is_non_retriable {
            failure = failure.non_retriable();
        }
        if let Some(inner) = self.inner_failure {
            failure = failure.with_cause(inner.into_failure());
        }
        failure
    }
}

/// `{"activityFailure":{"errorType":…,"errorMessage":…,"isNonRetriable":…,"innerFailure":…}}`
pub(super) fn to_json(failure: &Failure) -> String {
    // A record of strings always serialises. If it did not, the orchestrator would get the host's own
    // failure.
    serde_json::to_string(&Record::from_failure(failure, MOST_CAUSES))
        .map(|json| [PREFIX, &json, "}"].concat())
        .unwrap_or_default()
}

/// The failure; `None` for a text that does not say that it is one.
pub(super) fn from_json(text: &str) -> Option<Result<Failure, serde_json::Error>> {
    let json = text.trim_end().strip_prefix(PREFIX)?.strip_suffix('}')?;
    Some(serde_json::from_str(json).map(Record::into_failure))
}
