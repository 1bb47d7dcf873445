//! The views of a job: one record, in the form that a client asks for.
//!
//! Invariant: a view is a function of the record, of the job's address and of what the app says of its jobs. So every view
//! of a job says the same, and what is not in the record is in none of them.

pub mod html;
pub mod id_status_result;
pub mod job;
pub mod minimal;
pub mod text;

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::RuntimeStatus;

use self::{id_status_result::IdStatusResult, job::JobView, minimal::MinimalView};
use crate::{ApiError, ApiRequest, Job, accept::Accept, error::ERROR_CODE};

/// The parameter of the query string that chooses a view.
const VIEW: &str = "view";
/// The parameter of the query string that overrides the setting of the same meaning, as Durable Functions spells it.
const FAILURE_IS_500: &str = "returnInternalServerErrorOnFailure";

/// A form of a job's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// `view=job`.
    Job,
    /// `view=minimal`.
    Minimal,
    /// `view=text`.
    Text,
    /// `Accept: text/html`, if the app has the page.
    Html,
    /// `{"id","status","result"}`: never by `view`, only as the default of an app.
    IdStatusResult,
}

impl View {
    /// The view that a request asks for: by `view`, else the page by `Accept`, else the default of the app. An app that
    /// stands for an API that does not read `Accept` has no page.
    ///
    /// # Errors
    /// 400 for an unknown view.
    pub fn of(request: &ApiRequest) -> Result<Self, ApiError> {
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
        let default = request.api().default_view();
        // A browser names the page. A client that takes anything is none.
        let accept = Accept::of(request.headers());
        let page = accept.named("text/html", None).unwrap_or_default();
        let is_browser = page > accept.quality(default.view.media_type());
        Ok(match default.page_for_browsers && is_browser {
            true => Self::Html,
            false => default.view,
        })
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Job | Self::Minimal | Self::IdStatusResult => "application/json",
            Self::Text => "text/plain",
            Self::Html => "text/html",
        }
    }
}

/// How the status of a job is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusAnswer {
    view: View,
    failure_is_500: bool,
}

impl StatusAnswer {
    /// What a request asks for.
    ///
    /// # Errors
    /// 400 for an unknown view, and for a parameter that is neither `true` nor `false`.
    pub fn of(request: &ApiRequest) -> Result<Self, ApiError> {
        let failure_is_500 = match request.parameter(FAILURE_IS_500) {
            None => request.api().status().failure_is_500,
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
    pub fn response(self, request: &ApiRequest, job: Job, retry_after: Duration) -> Response {
        let code = self.code(&job);
        let error_of = request.api().error_of();
        let ended = job.status.is_terminal();
        let url = request.links().status(&job.id);
        let failed =
            (code == StatusCode::INTERNAL_SERVER_ERROR).then(|| error_of(job.output.as_deref()));
        let mut response = match self.view {
            View::Job => Json(JobView::new(job, error_of)).into_response(),
            View::Minimal => Json(MinimalView::from(job)).into_response(),
            View::IdStatusResult => Json(IdStatusResult::new(job, error_of)).into_response(),
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

    /// The view.
    #[must_use]
    pub fn view(self) -> View {
        self.view
    }

    /// An error about the job with this id, in the words of the view.
    #[must_use]
    pub fn error(self, error: ApiError, id: &str) -> ApiError {
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
            // What is not known here cannot be called final.
            _ => StatusCode::ACCEPTED,
        }
    }
}

#[cfg(test)]
mod tests;
