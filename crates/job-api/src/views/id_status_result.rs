//! The view `{"id","status","result"}`: the status of an API that was published before, and whose clients cannot
//! change.

use durable_functions::RuntimeStatus;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::job::{json, name};
use crate::{ErrorOf, Job};

/// The body of an answer; its members are in this order.
#[derive(Debug, Serialize)]
pub struct IdStatusResult {
    id: String,
    status: &'static str,
    result: Option<Box<RawValue>>,
}

impl IdStatusResult {
    /// The view of a job. `error_of` says why it has failed, if it has.
    #[must_use]
    pub fn new(job: Job, error_of: ErrorOf) -> Self {
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
