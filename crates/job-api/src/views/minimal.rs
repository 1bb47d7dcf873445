//! The minimal view: five members that tell how a job stands, and neither its result nor its error.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::job::{JobStatus, json, name, rfc3339};
use crate::Job;

/// The body of an answer; its members are in this order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobMinimal, description = "How a job stands, without its result.")]
pub struct MinimalView {
    instance_id: String,
    #[schema(value_type = JobStatus)]
    runtime_status: &'static str,
    /// How far the job has come; null before the first stage.
    #[schema(required, value_type = Option<Value>)]
    custom_status: Option<Box<RawValue>>,
    #[schema(format = DateTime)]
    created_time: String,
    #[schema(format = DateTime)]
    last_updated_time: String,
}

impl From<Job> for MinimalView {
    fn from(job: Job) -> Self {
        Self {
            instance_id: job.id,
            runtime_status: name(job.status),
            custom_status: job.custom_status.and_then(json),
            created_time: rfc3339(job.created),
            last_updated_time: rfc3339(job.last_updated),
        }
    }
}
