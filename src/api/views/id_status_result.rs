//! The view of the profile `date-range-query`: `{"id","status","result"}`.

use durable_functions::RuntimeStatus;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::job::{json, name};
use crate::jobs::{Job, error_of};

/// The body of an answer; its members are in this order.
#[derive(Serialize)]
pub(crate) struct IdStatusResult {
    id: String,
    status: &'static str,
    result: Option<Box<RawValue>>,
}

impl From<Job> for IdStatusResult {
    fn from(job: Job) -> Self {
        let result = match job.status {
            RuntimeStatus::Completed => job.output.and_then(json),
            // The published API shows the failure here. Its text is internal, so ours takes its place.
            RuntimeStatus::Failed => {
                let error = error_of(job.output.as_deref());
                to_raw_value(&error.message).ok()
            }
            _ => None,
        };
        Self {
            id: job.id,
            status: name(job.status),
            result,
        }
    }
}
