//! The views of a job: one record, in the form that a client asks for.
//!
//! Invariant: a view is a function of the record and of the job's addresses. So every view of a job says the same, and
//! what is not in the record is in none of them.

pub(crate) mod html;
pub(crate) mod id_status_result;
pub(crate) mod operation;
pub(crate) mod session;

pub(crate) use job_api::views::{job, minimal, text};

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::RuntimeStatus;

use self::{
    id_status_result::IdStatusResult, job::JobView, minimal::MinimalView, operation::OperationView,
};
use super::{
    ApiRequest,
    accept::Accept,
    error::{ApiError, ERROR_CODE},
};
use crate::{
    jobs::{Job, error_of},
    settings::CompatProfile,
};

/// The parameter of the query string that chooses a view.
const VIEW: &str = "view";
/// The parameter of the query string that overrides the setting of the same meaning, as Durable Functions spells it.
const FAILURE_IS_500: &str = "returnInternalServerErrorOnFailure";

/// A form of a job's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// `view=job`, the default.
    Job,
    /// `view=minimal`.
    Minimal,
    /// `view=text`.
    Text,
    /// `Accept: text/html`.
    Html,
    /// That of the profile `date-range-query`.
    IdStatusResult,
}

impl View {
    /// The view that a request asks for: by `view`, else that of the profile, else by `Accept`. A profile comes before
    /// `Accept`, because the API that it stands for does not read that header.
    ///
    /// # Errors
    /// 400 for an unknown view.
    pub(crate) fn of(request: &ApiRequest) -> Result<Self, ApiError> {
        if let Some(view) = request.parameter(VIEW) {
            return match view.as_str() {
                "job" => Ok(Self::Job),
                "minimal" => Ok(Self::Minimal),
                "text" => Ok(Self::Text),
                _ => Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "UnknownView",
                    "Unknown view. The known views are job, minimal and text.",
                )),
            };
        }
        Ok(match request.settings().profile {
            CompatProfile::CallForSpeakers => Self::Text,
            CompatProfile::DateRangeQuery => Self::IdStatusResult,
            CompatProfile::ApiManagement => Self::Minimal,
            CompatProfile::None => {
                // A browser names the page. A client that takes anything is none.
                let accept = Accept::of(request.headers());
                let page = accept.named("text/html", None).unwrap_or_default();
                if page > accept.quality("application/json") {
                    Self::Html
                } else {
                    Self::Job
                }
            }
        })
    }
}

/// How the status of a job is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusAnswer {
    view: View,
    failure_is_500: bool,
}

impl StatusAnswer {
    /// What a request asks for.
    ///
    /// # Errors
    /// 400 for an unknown view, and for a parameter that is neither `true` nor `false`.
    pub(crate) fn of(request: &ApiRequest) -> Result<Self, ApiError> {
        let failure_is_500 = match request.parameter(FAILURE_IS_500) {
            None => request.settings().status.failure_is_500,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(_) => {
                return Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "InvalidParameter",
                    "The parameter returnInternalServerErrorOnFailure must be true or false.",
                ));
            }
        };
        Ok(Self {
            view: View::of(request)?,
            failure_is_500,
        })
    }

    /// The answer for a job. `retry_after` is for one that has not ended.
    pub(crate) fn response(
        self,
        request: &ApiRequest,
        job: Job,
        retry_after: Duration,
    ) -> Response {
        let code = self.code(&job);
        let ended = job.status.is_terminal();
        let url = request.links().status(&job.id);
        let failed =
            (code == StatusCode::INTERNAL_SERVER_ERROR).then(|| error_of(job.output.as_deref()));
        let mut response = match self.view {
            View::Job => Json(JobView::new(job, error_of)).into_response(),
            View::Minimal => Json(MinimalView::from(job)).into_response(),
            View::IdStatusResult => Json(IdStatusResult::from(job)).into_response(),
            // axum's content type of a text is `text/plain; charset=utf-8`.
            View::Text => text::sentence(&job, &url, error_of).into_response(),
            View::Html => html::job(request, &job, retry_after),
        };
        *response.status_mut() = code;
        let headers = response.headers_mut();
        if let Some(failed) = failed {
            headers.insert(ERROR_CODE, HeaderValue::from_static(failed.code));
        }
        // An address of ours is a header value; a client's id is percent-encoded in it.
        if code == StatusCode::ACCEPTED
            && let Ok(url) = HeaderValue::from_str(&url)
        {
            headers.insert(header::LOCATION, url);
        }
        if !ended {
            headers.insert(header::RETRY_AFTER, retry_after.as_secs().into());
        }
        response
    }

    /// The answer for a session in which no job has started. `address` is where to ask again, `retry_after` in seconds.
    pub(crate) fn not_started(self, address: &str, retry_after: u64) -> Response {
        let body = match self.view {
            View::Job | View::Minimal | View::IdStatusResult => {
                return session::not_started(address, retry_after);
            }
            View::Text => {
                let text = session::NOT_STARTED;
                format!("{text} To check the status later, go to: GET {address}").into_response()
            }
            View::Html => html::not_started(retry_after),
        };
        session::accepted(body, address, retry_after)
    }

    /// An error about the job with this id, in the words of the view.
    pub(crate) fn error(self, error: ApiError, id: &str) -> ApiError {
        if self.view == View::Text && error.is_job_not_found() {
            return error.with_message(text::not_found(id));
        }
        error
    }

    fn code(self, job: &Job) -> StatusCode {
        match job.status {
            RuntimeStatus::Completed | RuntimeStatus::Terminated | RuntimeStatus::Canceled => {
                StatusCode::OK
            }
            RuntimeStatus::Failed if self.failure_is_500 => StatusCode::INTERNAL_SERVER_ERROR,
            RuntimeStatus::Failed => StatusCode::OK,
            _ if self.view == View::IdStatusResult => StatusCode::OK,
            RuntimeStatus::Pending
            | RuntimeStatus::Running
            | RuntimeStatus::Suspended
            | RuntimeStatus::ContinuedAsNew => StatusCode::ACCEPTED,
            // What this app does not know, it cannot call final.
            _ => StatusCode::ACCEPTED,
        }
    }
}

/// The answer for a job as a long-running operation: always 200. `retry_after` is for one that has not ended.
pub(crate) fn operation(job: Job, retry_after: Duration) -> Response {
    let ended = job.status.is_terminal();
    let mut response = Json(OperationView::from(job)).into_response();
    if !ended {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, retry_after.as_secs().into());
    }
    response
}

#[cfg(test)]
mod tests;
