//! Answers of entities: the data of the event whose name is the id of the request.

use durable_protocol::entity_message::{self, FailureDetails, Reply};
use durable_protocol::messages::{OperationResult, ResultType, TaskFailureDetails};

/// The answer to a lock request.
pub(crate) fn granted() -> String {
    to_json(&Reply {
        result: Some(entity_message::GRANTED.to_owned()),
        ..Reply::default()
    })
}

/// The answer to a call from the result of its operation.
pub(crate) fn of_result(result: &OperationResult) -> String {
    to_json(&match &result.result_type {
        Some(ResultType::Success(success)) => Reply {
            result: success.result.clone(),
            ..Reply::default()
        },
        Some(ResultType::Failure(failure)) => {
            let details = failure.failure_details.clone().unwrap_or_default();
            Reply {
                failure_details: Some(details.into()),
                ..Reply::default()
            }
        }
        None => Reply::default(),
    })
}

/// The answer to a call whose batch failed as a whole.
pub(crate) fn of_failed_batch(failure: &TaskFailureDetails) -> String {
    to_json(&Reply {
        result: Some(failure.error_message.clone()),
        exception_type: Some("entity dispatch failed".to_owned()),
        failure_details: Some(without_empty_properties(failure.clone().into())),
    })
}

/// Failures of the host have null as properties, failures of a worker an object.
fn without_empty_properties(mut details: FailureDetails) -> FailureDetails {
    details.properties = details.properties.filter(|them| !them.is_empty());
    details.inner_failure = details
        .inner_failure
        .map(|inner| Box::new(without_empty_properties(*inner)));
    details
}

fn to_json(reply: &Reply) -> String {
    // Texts, flags and JSON values always serialise.
    serde_json::to_string(reply).unwrap_or_default()
}
