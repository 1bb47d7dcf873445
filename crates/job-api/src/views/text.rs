//! The text view: one sentence for people.
//!
//! The sentences of a running job, of a talk that was accepted or not, and of an unknown job are those of the
//! Call-for-Speakers API, to the letter. It has none for the other states: it answers as if there were no job.

use durable_functions::RuntimeStatus;
use serde_json::Value;

use super::job::name;
use crate::{ErrorOf, Job, JobError};

/// The sentence of a job. `url` is the address of its status; `error_of` says why it has failed, if it has.
#[must_use]
pub fn sentence(job: &Job, url: &str, error_of: ErrorOf) -> String {
    let id = &job.id;
    let custom = custom_status(job);
    match job.status {
        RuntimeStatus::Completed => match stage(custom.as_ref()) {
            Some("Approved") => {
                format!("Congratulations, your presentation with id '{id}' has been accepted!")
            }
            Some("Rejected") => {
                format!(
                    "We are sorry! Unfortunately your presentation with id '{id}' has not been accepted."
                )
            }
            _ => {
                let result = job.output.as_deref().unwrap_or("null");
                format!(
                    "Your submission with id '{id}' has been processed. The result is {result}."
                )
            }
        },
        RuntimeStatus::Failed => {
            let JobError { message, .. } = error_of(job.output.as_deref());
            format!(
                "We are sorry! Unfortunately your submission with id '{id}' could not be processed. {message}"
            )
        }
        RuntimeStatus::Terminated | RuntimeStatus::Canceled => {
            format!("Your submission with id '{id}' has been cancelled.")
        }
        RuntimeStatus::Suspended => running(name(job.status), url),
        RuntimeStatus::Pending | RuntimeStatus::Running | RuntimeStatus::ContinuedAsNew => {
            running(stage(custom.as_ref()).unwrap_or(name(job.status)), url)
        }
        _ => running(name(job.status), url),
    }
}

fn running(stage: &str, url: &str) -> String {
    format!(
        "Your submission is being processed. The current status is {stage}. To check the status later, go to: GET {url}"
    )
}

/// The sentence for an id that is no job's.
#[must_use]
pub fn not_found(id: &str) -> String {
    format!(
        "Whoops! Something went wrong. Please check if your submission Id is correct. Submission '{id}' not found."
    )
}

fn custom_status(job: &Job) -> Option<Value> {
    let text = job.custom_status.as_deref()?;
    let value = serde_json::from_str(text);
    Some(value.unwrap_or_else(|_| Value::String(text.to_owned())))
}

/// The stage as text: the custom status itself if it is one, else its member `stage`.
fn stage(custom: Option<&Value>) -> Option<&str> {
    let stage = match custom? {
        Value::Object(members) => members.get("stage")?,
        value => value,
    };
    stage.as_str().filter(|stage| !stage.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    const URL: &str = "https://app.example/api/status/1a";

    fn said(status: RuntimeStatus, custom: Option<&str>, output: Option<&str>) -> String {
        let job = Job {
            id: "1a".to_owned(),
            status,
            output: output.map(str::to_owned),
            custom_status: custom.map(str::to_owned),
            created: SystemTime::UNIX_EPOCH,
            last_updated: SystemTime::UNIX_EPOCH,
        };
        sentence(&job, URL, |_| JobError {
            code: "Internal",
            message: "The job failed with an internal error.".to_owned(),
        })
    }

    #[test]
    fn a_running_job_says_its_stage_in_every_form_of_the_custom_status() {
        for (status, custom, stage) in [
            (
                RuntimeStatus::Running,
                Some(r#""Moderation""#),
                "Moderation",
            ),
            (RuntimeStatus::Running, Some("Moderation"), "Moderation"),
            (
                RuntimeStatus::Running,
                Some(r#"{"stage":"querying","completed":1}"#),
                "querying",
            ),
            (
                RuntimeStatus::Running,
                Some(r#"{"completed":1}"#),
                "Running",
            ),
            (RuntimeStatus::Running, Some("7"), "Running"),
            (RuntimeStatus::Running, Some("null"), "Running"),
            (RuntimeStatus::Running, Some(r#""""#), "Running"),
            (RuntimeStatus::Pending, None, "Pending"),
            (RuntimeStatus::ContinuedAsNew, None, "ContinuedAsNew"),
            // Not the stage: nothing goes on there.
            (
                RuntimeStatus::Suspended,
                Some(r#""Moderation""#),
                "Suspended",
            ),
        ] {
            let expected = format!(
                "Your submission is being processed. The current status is {stage}. To check the status later, go to: GET {URL}"
            );
            assert_eq!(said(status, custom, None), expected, "{custom:?}");
        }
    }

    #[test]
    fn a_job_that_has_ended_says_how() {
        let approved = said(
            RuntimeStatus::Completed,
            Some(r#""Approved""#),
            Some("true"),
        );
        assert_eq!(
            approved,
            "Congratulations, your presentation with id '1a' has been accepted!"
        );
        let rejected = said(
            RuntimeStatus::Completed,
            Some(r#""Rejected""#),
            Some("false"),
        );
        assert_eq!(
            rejected,
            "We are sorry! Unfortunately your presentation with id '1a' has not been accepted."
        );
        let with_reason = said(
            RuntimeStatus::Completed,
            Some(r#"{"stage":"Rejected","reason":"no decision"}"#),
            Some("false"),
        );
        assert_eq!(with_reason, rejected);
        let counted = said(
            RuntimeStatus::Completed,
            Some(r#"{"stage":"done"}"#),
            Some("119"),
        );
        assert_eq!(
            counted,
            "Your submission with id '1a' has been processed. The result is 119."
        );
        let failed = said(RuntimeStatus::Failed, None, Some("at Secret.Stack()"));
        assert_eq!(
            failed,
            "We are sorry! Unfortunately your submission with id '1a' could not be processed. The job failed with an internal error."
        );
        for status in [RuntimeStatus::Terminated, RuntimeStatus::Canceled] {
            let cancelled = said(
                status,
                Some(r#""Moderation""#),
                Some("an operator's reason"),
            );
            assert_eq!(
                cancelled,
                "Your submission with id '1a' has been cancelled."
            );
        }
    }
}
