//! The status monitor of Azure's long-running operations: `{"id","status","percentComplete","createdDateTime",
//! "lastUpdatedDateTime"}`, with `result` when the job has succeeded and `error` when it has failed.
//!
//! Source: "Long-Running Operations & Jobs" in the guidelines for Azure's REST APIs. They ask for `id`, `status`,
//! `result` and `error`; the others are ours.

use durable_functions::RuntimeStatus;
use job_api::JobError;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::job::{json, rfc3339};
use crate::jobs::{Job, error_of, progress::Progress};

/// The body of an answer; its members are in this order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = Operation,
    description = "A job as a long-running operation. `result` is there when it has succeeded, `error` when it has \
                   failed."
)]
pub(crate) struct OperationView {
    id: String,
    status: OperationStatus,
    /// 0 to 100. Absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u8, required = false, maximum = 100)]
    percent_complete: Option<u8>,
    #[schema(format = DateTime)]
    created_date_time: String,
    #[schema(format = DateTime)]
    last_updated_date_time: String,
    /// The number of distinct values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = JobError, required = false)]
    error: Option<JobError>,
}

/// The states that the guidelines know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(description = "`Succeeded`, `Failed` and `Canceled` are final.")]
pub(crate) enum OperationStatus {
    NotStarted,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

impl From<RuntimeStatus> for OperationStatus {
    fn from(status: RuntimeStatus) -> Self {
        match status {
            RuntimeStatus::Pending => Self::NotStarted,
            RuntimeStatus::Running | RuntimeStatus::Suspended | RuntimeStatus::ContinuedAsNew => {
                Self::Running
            }
            RuntimeStatus::Completed => Self::Succeeded,
            RuntimeStatus::Failed => Self::Failed,
            RuntimeStatus::Terminated | RuntimeStatus::Canceled => Self::Canceled,
            // What this app does not know, it cannot call final.
            _ => Self::Running,
        }
    }
}

impl From<Job> for OperationView {
    fn from(job: Job) -> Self {
        let status = job.status.into();
        let progress = job.custom_status.as_deref().and_then(Progress::read);
        let percent_complete = match status {
            OperationStatus::NotStarted => Some(0),
            OperationStatus::Succeeded => Some(100),
            _ => progress.map(|progress| progress.percent),
        };
        let (result, error) = match status {
            OperationStatus::Succeeded => {
                (json(job.output.unwrap_or_else(|| "null".to_owned())), None)
            }
            OperationStatus::Failed => (None, Some(error_of(job.output.as_deref()))),
            _ => (None, None),
        };
        Self {
            id: job.id,
            status,
            percent_complete,
            created_date_time: rfc3339(job.created),
            last_updated_date_time: rfc3339(job.last_updated),
            result,
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    fn body(status: RuntimeStatus, custom: Option<&str>, output: Option<&str>) -> String {
        let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_616_161_616);
        let job = Job {
            id: "1a".to_owned(),
            status,
            output: output.map(str::to_owned),
            custom_status: custom.map(str::to_owned),
            created,
            last_updated: created + Duration::from_secs(1),
        };
        let times = r#""createdDateTime":"2021-03-19T13:46:56Z","lastUpdatedDateTime":"2021-03-19T13:46:57Z""#;
        let text = serde_json::to_string(&OperationView::from(job)).unwrap();
        text.replace(times, "TIMES")
    }

    const HALF: &str =
        r#"{"stage":"querying","completed":1,"total":2,"percent":50,"rows":7,"eta":null}"#;

    #[test]
    fn every_state_is_one_of_the_five_and_only_the_end_has_a_result_or_an_error() {
        for (status, expected) in [
            (
                RuntimeStatus::Pending,
                r#"{"id":"1a","status":"NotStarted","percentComplete":0,TIMES}"#,
            ),
            (
                RuntimeStatus::Running,
                r#"{"id":"1a","status":"Running","percentComplete":50,TIMES}"#,
            ),
            (
                RuntimeStatus::Suspended,
                r#"{"id":"1a","status":"Running","percentComplete":50,TIMES}"#,
            ),
            (
                RuntimeStatus::ContinuedAsNew,
                r#"{"id":"1a","status":"Running","percentComplete":50,TIMES}"#,
            ),
            (
                RuntimeStatus::Completed,
                r#"{"id":"1a","status":"Succeeded","percentComplete":100,TIMES,"result":119}"#,
            ),
            (
                RuntimeStatus::Failed,
                r#"{"id":"1a","status":"Failed","percentComplete":50,TIMES,"error":{"code":"Internal","message":"The job failed with an internal error."}}"#,
            ),
            (
                RuntimeStatus::Terminated,
                r#"{"id":"1a","status":"Canceled","percentComplete":50,TIMES}"#,
            ),
            (
                RuntimeStatus::Canceled,
                r#"{"id":"1a","status":"Canceled","percentComplete":50,TIMES}"#,
            ),
        ] {
            assert_eq!(body(status, Some(HALF), Some("119")), expected);
        }
    }

    #[test]
    fn a_job_without_a_progress_has_no_percentage() {
        for custom in [None, Some("null"), Some(r#""Moderation""#)] {
            assert_eq!(
                body(RuntimeStatus::Running, custom, None),
                r#"{"id":"1a","status":"Running",TIMES}"#
            );
        }
    }

    #[test]
    fn a_job_that_succeeded_always_has_a_result() {
        let text = body(RuntimeStatus::Completed, None, None);
        assert!(text.ends_with(r#","result":null}"#), "{text}");
    }
}
