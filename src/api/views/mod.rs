//! The views of a job that only this app has. Those of every app are in `job-api`.
//!
//! Invariant: a view is a function of the record and of the job's addresses. So every view of a job says the same, and
//! what is not in the record is in none of them.

pub(crate) mod operation;
pub(crate) mod session;

pub(crate) use job_api::views::{StatusAnswer, View, html, job, minimal};

use std::time::Duration;

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};

use self::operation::OperationView;
use crate::jobs::Job;

/// The answer for a job as a long-running operation: always 200. `retry_after` is for one that has not ended.
pub(crate) fn operation(job: Job, retry_after: Duration) -> Response {
    let ended = job.status.is_terminal();
    let mut response = Json(OperationView::from(job)).into_response();
    if !ended {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, retry_after.as_secs().into());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    use durable_functions::RuntimeStatus;

    #[test]
    fn an_operation_is_always_200_and_tells_when_to_ask_again_until_it_has_ended() {
        for (status, ended) in [
            (RuntimeStatus::Pending, false),
            (RuntimeStatus::Running, false),
            (RuntimeStatus::Suspended, false),
            (RuntimeStatus::ContinuedAsNew, false),
            (RuntimeStatus::Completed, true),
            (RuntimeStatus::Failed, true),
            (RuntimeStatus::Terminated, true),
            (RuntimeStatus::Canceled, true),
        ] {
            let job = Job {
                id: "1a".to_owned(),
                status,
                output: None,
                custom_status: None,
                created: SystemTime::UNIX_EPOCH,
                last_updated: SystemTime::UNIX_EPOCH,
            };
            let response = operation(job, Duration::from_secs(5));
            assert_eq!(response.status(), 200, "{status:?}");
            let retry_after = response.headers().contains_key(header::RETRY_AFTER);
            assert_eq!(retry_after, !ended, "{status:?}");
        }
    }
}
