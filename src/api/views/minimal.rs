//! The minimal view: five members that tell how a job stands, and neither its result nor its error.

use serde::Serialize;
use serde_json::value::RawValue;

use super::job::{json, name, rfc3339};
use crate::jobs::Job;

/// The body of an answer; its members are in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MinimalView {
    instance_id: String,
    runtime_status: &'static str,
    custom_status: Option<Box<RawValue>>,
    created_time: String,
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
