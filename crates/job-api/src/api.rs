//! What an app says of its HTTP functions and of its jobs, so that the crate can answer for it.
//!
//! Invariant: all of it is the same for every request, whoever sends it.

use std::{
    fmt::Debug,
    time::{Duration, SystemTime},
};

use crate::{
    ErrorOf, Job,
    settings::{HttpSettings, StatusSettings},
    views::View,
};

/// An app with asynchronous HTTP jobs. Usually its settings.
pub trait JobApi: Debug + Send + Sync + 'static {
    /// How the app is reached.
    fn http(&self) -> &HttpSettings;

    /// What clients are told of a job.
    fn status(&self) -> &StatusSettings;

    /// The route of an HTTP function, whose name may be spelled in any case. `None` for a function without one.
    fn route(&self, function: &str) -> Option<Route>;

    /// The view of a request that names none.
    fn default_view(&self) -> DefaultView;

    /// What clients are told of a failure.
    fn error_of(&self) -> ErrorOf;

    /// `Retry-After` of every job that has not ended. `None`: it follows the job, see [`retry_after`](crate::retry_after).
    fn fixed_retry_after(&self) -> Option<Duration> {
        None
    }

    /// What the app reads from the custom status and the output of a job, for people and for `Retry-After`.
    fn details(&self, _job: &Job) -> Details {
        Details::default()
    }
}

/// A route below the route prefix of host.json, such as `status/{id}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// As in function.json.
    pub template: &'static str,
    /// The form of its errors.
    pub errors: ErrorsOf,
}

impl Route {
    /// A route whose errors have the form `{"error":"…"}`.
    #[must_use]
    pub const fn new(template: &'static str) -> Self {
        let errors = ErrorsOf::Other;
        Self { template, errors }
    }

    /// The same with errors in this form.
    #[must_use]
    pub const fn with_errors(self, errors: ErrorsOf) -> Self {
        Self { errors, ..self }
    }

    /// How many segments of a request's path belong to the route; the segments before them are the route prefix.
    /// `has_parameter` tells whether the request has this route parameter.
    pub fn own_segments(self, has_parameter: impl Fn(&str) -> bool) -> usize {
        let is_there = |segment: &&str| {
            let optional = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix("?}"));
            !segment.is_empty() && optional.is_none_or(&has_parameter)
        };
        self.template.split('/').filter(is_there).count()
    }
}

/// Which form the errors of a route have, unless the request asks for one by `Accept`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorsOf {
    /// The form of the view that the request asks for: the route answers with the status of a job.
    Status,
    /// `{"error":{"code","message"}}`: the route answers with a long-running operation, as Azure's guidelines have it.
    Operation,
    /// `{"error":"…"}`.
    #[default]
    Other,
}

/// The view of a request that has no parameter `view`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultView {
    /// The view.
    pub view: View,
    /// Whether a client that prefers HTML by its header `Accept`, as browsers do, gets the page for people.
    pub page_for_browsers: bool,
}

/// What an app reads from a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// How far it is. `None` when that is not known, or has no number.
    pub progress: Option<Progress>,
    /// Where it stands, for people, when there is no progress. `None`: its custom status as text.
    pub stage: Option<String>,
    /// Its result for people. `None`: its output as text.
    pub result: Option<String>,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What goes on.
    pub stage: String,
    /// How much is done of [`total`](Self::total).
    pub done: u32,
    /// How much there is to do.
    pub total: u32,
    /// `done` of `total` in percent.
    pub percent: u8,
    /// What is counted, such as `days`: 12 of 31 days.
    pub unit: &'static str,
    /// What `done` is called once the job has ended, such as `Days scanned`.
    pub done_name: &'static str,
    /// Other numbers, each with its name.
    pub numbers: Vec<(&'static str, u64)>,
    /// When the job will be done, if that is known.
    pub eta: Option<SystemTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_segments_of_a_route_are_counted_without_an_absent_optional_one() {
        let segments = |template, has_parameter: fn(&str) -> bool| {
            Route::new(template).own_segments(has_parameter)
        };
        assert_eq!(segments("submit/{kind?}", |_| false), 1);
        assert_eq!(segments("submit/{kind?}", |name| name == "kind"), 2);
        assert_eq!(segments("status/{id}", |_| true), 2);
        assert_eq!(segments("status/{id}/events", |_| true), 3);
        assert_eq!(segments("", |_| true), 0);
    }
}
