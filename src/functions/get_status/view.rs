//! What a client sees of a job.

use std::time::SystemTime;

use durable_functions::{RuntimeStatus, Status};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::failure::JobError;

/// The parts of an instance's state that a client may learn of. The input is dropped here.
pub(super) struct Job {
    pub(super) id: String,
    pub(super) status: RuntimeStatus,
    pub(super) output: Option<String>,
    pub(super) custom_status: Option<String>,
    pub(super) created: SystemTime,
    pub(super) last_updated: SystemTime,
}

impl<O> From<Status<O>> for Job {
    fn from(status: Status<O>) -> Self {
        let output = match (status.output, status.failure) {
            (Some(output), _) => Some(output),
            // Backends that store the failure itself may store no text.
            (None, failure) => failure.map(|failure| failure.to_string()),
        };
        Self {
            id: status.instance_id,
            status: status.runtime_status,
            output,
            custom_status: status.custom_status,
            created: status.created_at,
            last_updated: status.last_updated_at,
        }
    }
}

/// The body of an answer; its members are in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    id: String,
    status: &'static str,
    result: Option<Box<RawValue>>,
    custom_status: Option<Box<RawValue>>,
    created_time: String,
    last_updated_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<JobError>,
}

impl Job {
    pub(super) fn into_body(self) -> Body {
        let (result, error) = match self.status {
            RuntimeStatus::Completed => (self.output.and_then(json), None),
            RuntimeStatus::Failed => (None, Some(JobError::from_output(self.output.as_deref()))),
            // The output of a terminated or suspended instance is the reason that an operator gave.
            _ => (None, None),
        };
        Body {
            id: self.id,
            status: name(self.status),
            result,
            custom_status: self.custom_status.and_then(json),
            created_time: rfc3339(self.created),
            last_updated_time: rfc3339(self.last_updated),
            error,
        }
    }
}

/// Whether the state is final: the client need not poll again.
pub(super) fn has_ended(status: RuntimeStatus) -> bool {
    match status {
        RuntimeStatus::Pending
        | RuntimeStatus::Running
        | RuntimeStatus::Suspended
        | RuntimeStatus::ContinuedAsNew => false,
        RuntimeStatus::Completed
        | RuntimeStatus::Failed
        | RuntimeStatus::Terminated
        | RuntimeStatus::Canceled => true,
        // What this app does not know, it cannot call final.
        _ => false,
    }
}

/// The names are part of our interface. They are written out here so that they stay when the host changes its own.
fn name(status: RuntimeStatus) -> &'static str {
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
fn json(text: String) -> Option<Box<RawValue>> {
    match RawValue::from_string(text.clone()) {
        Ok(value) => Some(value),
        Err(_) => to_raw_value(&text).ok(),
    }
}

/// UTC with `Z`, and as many decimals as the time has.
fn rfc3339(time: SystemTime) -> String {
    // Formatting fails for years beyond 9999 only, which no host sends.
    OffsetDateTime::from(time)
        .format(&Rfc3339)
        .unwrap_or_default()
}
