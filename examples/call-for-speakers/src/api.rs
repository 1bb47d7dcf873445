//! What this app says of itself and of its jobs, the submissions, so that `job-api` can answer for it.
//!
//! Invariant: every submission can be seen by everybody who has its id and a key of `get-status`. Nothing that a view shows
//! of it is a secret.

use std::time::Duration;

use durable_functions::{DurableClient, Instance, RuntimeStatus};
use job_api::{
    DefaultView, Details, ErrorOf, ErrorsOf, Job, JobApi, JobError, Route,
    jobs::Jobs,
    settings::{HttpSettings, StatusSettings},
    views::View,
};
use serde_json::Value;

use crate::{
    functions::{
        get_status,
        process_submission::{INVALID_SUBMISSION, PROCESS_SUBMISSION},
        submit, submit_decision,
    },
    settings::Settings,
};

impl JobApi for Settings {
    fn http(&self) -> &HttpSettings {
        &self.http
    }

    fn status(&self) -> &StatusSettings {
        &self.status
    }

    fn route(&self, function: &str) -> Option<Route> {
        match function.to_ascii_lowercase().as_str() {
            "submit" => Some(Route::new(submit::ROUTE)),
            "get-status" => Some(Route::new(get_status::ROUTE).with_errors(ErrorsOf::Status)),
            "submit-decision" => Some(Route::new(submit_decision::ROUTE)),
            _ => None,
        }
    }

    fn default_view(&self) -> DefaultView {
        DefaultView {
            view: View::Text,
            page_for_browsers: true,
        }
    }

    fn error_of(&self) -> ErrorOf {
        error_of
    }

    /// The original says the same of every submission.
    fn fixed_retry_after(&self) -> Option<Duration> {
        Some(self.status.retry_after)
    }

    fn details(&self, job: &Job) -> Details {
        let result = match (job.status, job.output.as_deref()) {
            (RuntimeStatus::Completed, Some("true")) => Some("The talk is accepted."),
            (RuntimeStatus::Completed, Some("false")) => Some("The talk is not accepted."),
            _ => None,
        };
        Details {
            progress: None,
            stage: job.custom_status.as_deref().and_then(with_reason),
            result: result.map(str::to_owned),
        }
    }
}

/// A rejection with its reason. Any other custom status is a text.
fn with_reason(custom_status: &str) -> Option<String> {
    let status: Value = serde_json::from_str(custom_status).ok()?;
    let text = |name: &str| status.get(name)?.as_str();
    Some(format!("{}: {}", text("stage")?, text("reason")?))
}

/// What clients are told of a submission that has failed.
fn error_of(output: Option<&str>) -> JobError {
    let code = output.and_then(|text| text.split_once(": "));
    let (code, message) = match code {
        Some((INVALID_SUBMISSION, _)) => (INVALID_SUBMISSION, "The submission is not complete."),
        _ => ("Internal", "The submission failed with an internal error."),
    };
    JobError {
        code,
        message: message.to_owned(),
    }
}

/// The submissions as jobs.
#[derive(Clone, Debug)]
pub(crate) struct Submissions {
    client: DurableClient,
    retry_after: Duration,
}

impl Submissions {
    pub(crate) fn new(client: DurableClient, settings: &dyn JobApi) -> Self {
        Self {
            client,
            retry_after: settings.status().retry_after,
        }
    }
}

impl Jobs for Submissions {
    type Output = bool;

    fn instance(&self, id: &str) -> Instance<bool> {
        self.client.instance(PROCESS_SUBMISSION, id)
    }

    fn retry_after(&self) -> Duration {
        self.retry_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rejection_with_a_reason_is_put_into_words() {
        let reason = r#"{"stage":"Rejected","reason":"It is no talk."}"#;
        assert_eq!(
            with_reason(reason).as_deref(),
            Some("Rejected: It is no talk.")
        );
        for other in [
            r#""Moderation""#,
            r#"{"stage":"Rejected"}"#,
            "null",
            "no JSON",
        ] {
            assert_eq!(with_reason(other), None, "{other}");
        }
    }

    #[test]
    fn a_failure_shows_its_code_and_nothing_of_its_text() {
        let error = error_of(Some("InvalidSubmission: speaker.email: ada@example.com"));
        assert_eq!(error.code, "InvalidSubmission");
        assert_eq!(error.message, "The submission is not complete.");
        for output in [
            None,
            Some("InvalidSubmission"),
            Some("Other: InvalidSubmission: x"),
        ] {
            assert_eq!(error_of(output).code, "Internal", "{output:?}");
        }
    }
}
