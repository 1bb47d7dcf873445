//! The failure of a job, as a client may see it.
//!
//! All that arrives of a failure is the output text: `Type: message` from an orchestrator, or the host's own
//! `{message, details}` object. Invariant: of that text only the type is used, and only if it is one of our codes;
//! code and message of the answer are fixed texts of ours, so nothing internal can slip through.

use serde::Serialize;

use crate::audit::AuditError;

/// The member `error` of a failed job.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct JobError {
    code: &'static str,
    message: String,
}

/// Types of failures that mean that the activity reached `functionTimeout`: told by the handler before it, or by the host
/// after it.
const FUNCTION_TIMEOUT: [&str; 2] = [
    "ActivityTimeout",
    "Microsoft.Azure.WebJobs.Host.FunctionTimeoutException",
];

/// What is said of a failure that is not one of ours; the log has the rest, under the job's id.
const INTERNAL: (&str, &str) = ("Internal", "The job failed with an internal error.");

impl JobError {
    /// The error for the output of a failed instance.
    pub(super) fn from_output(output: Option<&str>) -> Self {
        let code = output
            .and_then(|text| text.split_once(": "))
            .map(|(code, _)| code);
        let error = match code {
            // The query is all that an activity of this app does.
            Some(code) if FUNCTION_TIMEOUT.contains(&code) => Some(AuditError::ScanTimeout),
            code => code.and_then(AuditError::from_code),
        };
        match error {
            Some(error) => Self {
                code: error.code(),
                message: error.to_string(),
            },
            None => Self {
                code: INTERNAL.0,
                message: INTERNAL.1.to_owned(),
            },
        }
    }
}
