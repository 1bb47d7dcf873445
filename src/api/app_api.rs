//! What this app says of itself, so that `job-api` can answer for it.
//!
//! Invariant: a profile changes answers here and in `submit` only. Its other answers are those of every app.

use std::time::Duration;

use job_api::{
    DefaultView, Details, ErrorOf, Job, JobApi, Route,
    settings::{HttpSettings, StatusSettings},
    views::View,
};

use super::routes;
use crate::{
    jobs::{
        error_of,
        progress::{Progress, Stage},
    },
    settings::{CompatProfile, Settings},
};

impl JobApi for Settings {
    fn http(&self) -> &HttpSettings {
        &self.http
    }

    fn status(&self) -> &StatusSettings {
        &self.status
    }

    fn route(&self, function: &str) -> Option<Route> {
        routes::of_function(function).map(routes::route)
    }

    fn default_view(&self) -> DefaultView {
        let (view, page_for_browsers) = match self.profile {
            CompatProfile::None => (View::Job, true),
            // The APIs that the others stand for do not read `Accept`.
            CompatProfile::CallForSpeakers => (View::Text, false),
            CompatProfile::DateRangeQuery => (View::IdStatusResult, false),
            CompatProfile::ApiManagement => (View::Minimal, false),
        };
        DefaultView {
            view,
            page_for_browsers,
        }
    }

    fn error_of(&self) -> ErrorOf {
        error_of
    }

    fn fixed_retry_after(&self) -> Option<Duration> {
        self.profile.retry_after()
    }

    fn details(&self, job: &Job) -> Details {
        let progress = job.custom_status.as_deref().and_then(Progress::read);
        Details {
            progress: progress.map(in_words),
            ..Details::default()
        }
    }
}

fn in_words(progress: Progress) -> job_api::Progress {
    let stage = match progress.stage {
        Stage::Querying => "Reading the table",
        Stage::Merging => "Counting the values",
        Stage::Stopping => "Stopping",
        Stage::Done => "Done",
    };
    job_api::Progress {
        stage: stage.to_owned(),
        done: progress.completed,
        total: progress.total,
        percent: progress.percent,
        unit: "days",
        done_name: "Days read",
        numbers: vec![("Rows read", progress.rows)],
        eta: progress.eta.map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{Method, StatusCode};
    use job_api::error::ErrorForm;

    use crate::api::ApiRequest;

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    fn request(query: &str, profile: &str, accept: Option<&'static str>) -> ApiRequest {
        let url = format!("https://app.example/api/status/1a{query}");
        let accept = accept.map(|accept| ("accept", accept));
        let settings = [("CompatProfile", profile)];
        ApiRequest::for_test(Method::GET, &url, 2, accept.as_slice(), &settings)
    }

    #[test]
    fn the_parameter_comes_before_the_profile_and_the_profile_before_the_header() {
        for (query, profile, accept, expected) in [
            ("", "none", None, View::Job),
            ("", "none", Some("*/*"), View::Job),
            ("", "none", Some(BROWSER), View::Html),
            ("", "none", Some("application/json, text/html"), View::Job),
            ("?view=job", "none", Some(BROWSER), View::Job),
            ("?VIEW=minimal", "none", None, View::Minimal),
            ("?view=text", "date-range-query", None, View::Text),
            ("?view=job", "api-management", None, View::Job),
            ("", "call-for-speakers", Some(BROWSER), View::Text),
            ("", "date-range-query", Some(BROWSER), View::IdStatusResult),
            ("", "api-management", Some(BROWSER), View::Minimal),
        ] {
            let view = View::of(&request(query, profile, accept));
            assert_eq!(view, Ok(expected), "{query} {profile} {accept:?}");
        }
    }

    #[test]
    fn the_route_decides_the_form_of_an_error_when_accept_does_not() {
        let form = |function: &str, query, accept| {
            let request = request(query, "none", accept).of_function(function);
            ErrorForm::of(&request, StatusCode::NOT_FOUND)
        };
        assert_eq!(form("get-operation", "", None), ErrorForm::Object);
        assert_eq!(form("GET-OPERATION", "", Some("*/*")), ErrorForm::Object);
        for function in ["get-status", "get-latest-job"] {
            assert_eq!(form(function, "?view=text", None), ErrorForm::Plain);
            assert_eq!(form(function, "", Some(BROWSER)), ErrorForm::Page);
        }
        // Only the status has a page.
        for function in ["submit", "get-events", "get-session"] {
            assert_eq!(form(function, "", Some(BROWSER)), ErrorForm::Text);
        }
    }

    #[test]
    fn only_an_unknown_job_is_plain_text_in_the_date_range_profile() {
        let request = request("", "date-range-query", None).of_function("get-status");
        let of = |status| ErrorForm::of(&request, status);
        assert_eq!(of(StatusCode::NOT_FOUND), ErrorForm::Plain);
        assert_eq!(of(StatusCode::SERVICE_UNAVAILABLE), ErrorForm::Text);
    }
}
