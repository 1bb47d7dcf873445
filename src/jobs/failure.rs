//! The failure of a job, as a client may see it.
//!
//! A failure arrives as the output text only: `Type: message` from an orchestrator, or the host's own
//! `{message, details}` object. Invariant: only the type is used, and only if it is one of our codes. Code and message
//! of the answer are fixed texts, so nothing internal reaches a client.

use job_api::JobError;

use super::heal::is_host_failure;
use crate::audit::AuditError;

/// Failure types of an activity that reached `functionTimeout`. The first is from the handler, which ends the activity
/// before that time; the second is from the host, which ends it after.
const FUNCTION_TIMEOUT: [&str; 2] = [
    durable_functions::error_type::ACTIVITY_TIMEOUT,
    "Microsoft.Azure.WebJobs.Host.FunctionTimeoutException",
];

/// The failure of a job that did not end in time: the failure type of the orchestrator, and what clients see.
pub(crate) const TIMEOUT: (&str, &str) = (
    "Timeout",
    "The job did not end in time. Ask for fewer days, or try again later.",
);

/// What clients see of a failure of the host that could not be healed.
const HOST_FAILURE: (&str, &str) = (
    "HostFailure",
    "The host lost its work on the job. Submit the job again.",
);

/// What clients see of any other failure. The log has the details, under the job's id.
const INTERNAL: (&str, &str) = ("Internal", "The job failed with an internal error.");

/// The error for the output of a failed instance.
pub(crate) fn error_of(output: Option<&str>) -> JobError {
    let code = output
        .and_then(|text| text.split_once(": "))
        .map(|(code, _)| code);
    if code == Some(TIMEOUT.0) {
        return fixed(TIMEOUT);
    }
    let error = match code {
        // The query is the only activity of this app.
        Some(code) if FUNCTION_TIMEOUT.contains(&code) => Some(AuditError::ScanTimeout),
        code => code.and_then(AuditError::from_code),
    };
    match error {
        Some(error) => JobError {
            code: error.code(),
            message: error.to_string(),
        },
        None => {
            let is_of_host = output.is_some_and(is_host_failure);
            fixed(if is_of_host { HOST_FAILURE } else { INTERNAL })
        }
    }
}

fn fixed((code, message): (&'static str, &str)) -> JobError {
    JobError {
        code,
        message: message.to_owned(),
    }
}
