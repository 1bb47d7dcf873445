//! A job, as a client may know it.

use std::time::SystemTime;

use durable_functions::{RuntimeStatus, Status};
use serde::Serialize;
use utoipa::ToSchema;

/// The parts of an instance's state that a client may learn of. Its input is none of them.
#[derive(Clone, Debug)]
pub struct Job {
    /// The instance id.
    pub id: String,
    /// Where the instance stands.
    pub status: RuntimeStatus,
    /// JSON of the result when the job has completed; else internal text, such as that of a failure.
    pub output: Option<String>,
    /// JSON, and text that is none from a worker in another language.
    pub custom_status: Option<String>,
    /// When the instance was created.
    pub created: SystemTime,
    /// When its state changed last.
    pub last_updated: SystemTime,
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

/// The member `error` of a failed job.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(description = "Why a job has failed: a code for programs, a sentence for people.")]
pub struct JobError {
    /// One word, which never changes.
    pub code: &'static str,
    /// A sentence that holds nothing internal.
    pub message: String,
}

/// Says what clients are told of a failure, by the output of the failed instance.
///
/// The output is internal: it may hold the text of any error. So an app answers with texts of its own, and takes from the
/// output only which one.
pub type ErrorOf = fn(Option<&str>) -> JobError;
