//! The job view, which is the default: `{"id","status","result","customStatus","createdTime","lastUpdatedTime"}`, and
//! `error` when the job has failed.

use std::time::SystemTime;

use durable_functions::RuntimeStatus;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

use crate::{ErrorOf, Job, JobError};

/// The body of an answer; its members are in this order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job, description = "A job. `error` is there when it has failed.")]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    id: String,
    #[schema(value_type = JobStatus)]
    status: &'static str,
    /// The result; null until the job is `Completed`.
    #[schema(required, value_type = Option<Value>)]
    result: Option<Box<RawValue>>,
    /// How far the job has come; null before the first stage.
    #[schema(required, value_type = Option<Value>)]
    custom_status: Option<Box<RawValue>>,
    #[schema(format = DateTime)]
    created_time: String,
    #[schema(format = DateTime)]
    last_updated_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = JobError, required = false)]
    error: Option<JobError>,
}

impl JobView {
    /// The view of a job. `error_of` says why it has failed, if it has.
    #[must_use]
    pub fn new(job: Job, error_of: ErrorOf) -> Self {
        let (result, error) = match job.status {
            RuntimeStatus::Completed => (job.output.and_then(json), None),
            RuntimeStatus::Failed => (None, Some(error_of(job.output.as_deref()))),
            // The output of a terminated or suspended instance is the reason that an operator gave.
            _ => (None, None),
        };
        Self {
            id: job.id,
            status: name(job.status),
            result,
            custom_status: job.custom_status.and_then(json),
            created_time: rfc3339(job.created),
            last_updated_time: rfc3339(job.last_updated),
            error,
        }
    }
}

/// The values of [`name`], for the description of the interface.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(
    description = "`Completed`, `Failed`, `Terminated` and `Canceled` are final; a cancelled job is `Terminated`."
)]
#[allow(missing_docs)] // The names of the states.
pub enum JobStatus {
    Pending,
    Running,
    Suspended,
    ContinuedAsNew,
    Completed,
    Failed,
    Terminated,
    Canceled,
    Unknown,
}

/// The names are part of our interface. They are written out here so that they stay when the host changes its own.
#[must_use]
pub fn name(status: RuntimeStatus) -> &'static str {
    match status {
        RuntimeStatus::Pending => "Pending",
        RuntimeStatus::Running => "Running",
        RuntimeStatus::Suspended => "Suspended",
        RuntimeStatus::ContinuedAsNew => "ContinuedAsNew",
        RuntimeStatus::Completed => "Completed",
        RuntimeStatus::Failed => "Failed",
        RuntimeStatus::Terminated => "Terminated",
        RuntimeStatus::Canceled => "Canceled",
        _ => "Unknown",
    }
}

/// A JSON text as JSON, any other text as a JSON string.
#[must_use]
pub fn json(text: String) -> Option<Box<RawValue>> {
    match RawValue::from_string(text.clone()) {
        Ok(value) => Some(value),
        Err(_) => to_raw_value(&text).ok(),
    }
}

/// UTC with `Z`, and as many decimals as the time has.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    // Formatting fails for years beyond 9999 only, which no host sends.
    OffsetDateTime::from(time)
        .format(&Rfc3339)
        .unwrap_or_default()
}
