//! Answers that are held back until they are worth giving: `Prefer: wait=n`, and `?wait=n` for clients that cannot set a
//! header.
//!
//! The wait ends with the end of the job; with `until=change`, or for a client that says with `If-None-Match` what it
//! has, at the next change. It ends in any case after the time that the client gives, which the setting `MaxWaitSeconds`
//! limits; and when the invocation has to come to an end, because its time is over or the handler stops.
//!
//! A host does not say when its client has hung up. Such a request waits to its end, for which the setting is the bound.
//!
//! Invariant: waiting never turns an answer into an error. Whatever ends it, the answer is the one of a request that did
//! not wait.

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use tokio::time::Instant;

use crate::{
    ApiError, ApiRequest, Job,
    counters::{STATUS_REQUESTS, WAITS_OPEN},
    etag::Tagged,
    jobs::{self, Jobs, Until},
    prefer::{Preferences, whole_number},
};

/// Between two looks for something that has not begun yet. Each costs a call of the store.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How long, and for what, a client wants to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// At most the setting. Zero for a client that does not wait.
    limit: Duration,
    /// When it is over. It counts from the arrival of the request.
    end: Instant,
    until: Until,
    /// Whether the client said how long, be it zero.
    is_given: bool,
    preferences: Preferences,
    /// Whether the header said how long.
    by_header: bool,
}

impl Wait {
    /// `?wait=n` wins over the header, in which a mistake is ignored.
    ///
    /// # Errors
    /// When `wait` or `until` in the query string is malformed.
    pub fn of(request: &ApiRequest) -> Result<Self, Malformed> {
        let preferences = Preferences::of(request.headers());
        let of_query = match request.parameter("wait") {
            Some(text) => Some(whole_number(&text).ok_or(Malformed::Wait)?),
            None => None,
        };
        let until = match request.parameter("until") {
            None => Until::End,
            Some(text) if text.eq_ignore_ascii_case("end") => Until::End,
            Some(text) if text.eq_ignore_ascii_case("change") => Until::Change,
            Some(_) => return Err(Malformed::Until),
        };
        let wanted = of_query.or(preferences.wait).unwrap_or_default();
        let limit = Duration::from_secs(wanted).min(request.api().status().max_wait);
        Ok(Self {
            limit,
            end: Instant::now() + limit,
            until,
            is_given: of_query.or(preferences.wait).is_some(),
            by_header: of_query.is_none() && preferences.wait.is_some(),
            preferences,
        })
    }

    /// The same for an answer that is held back unless the client says otherwise.
    #[must_use]
    pub fn or_longest(mut self, request: &ApiRequest) -> Self {
        if !self.is_given {
            self.limit = request.api().status().max_wait;
            self.end = Instant::now() + self.limit;
        }
        self
    }

    /// Whether the client waits at all.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.limit.is_zero()
    }

    /// The value of `Preference-Applied`: what was done of what the header asked for. The seconds are those that were
    /// granted. `with_async` for an answer that came without the result.
    fn applied(&self, with_async: bool) -> Option<HeaderValue> {
        let wait =
            (self.by_header && self.is_wanted()).then(|| format!("wait={}", self.limit.as_secs()));
        let respond_async =
            (with_async && self.preferences.respond_async).then(|| "respond-async".to_owned());
        let applied: Vec<_> = respond_async.into_iter().chain(wait).collect();
        (!applied.is_empty())
            .then(|| HeaderValue::try_from(applied.join(", ")).ok())
            .flatten()
    }

    /// Adds what a client is told of its wait, after it.
    pub fn told(&self, status: StatusCode, headers: &mut axum::http::HeaderMap) {
        if let Some(applied) = self.applied(status == StatusCode::ACCEPTED) {
            headers.insert(PREFERENCE_APPLIED, applied);
        }
        // Its next request waits as well, so that it need not let time pass in between.
        if self.is_wanted() && headers.contains_key(header::RETRY_AFTER) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
        }
    }

    /// Waits for the end of a job that was submitted. `None` when it has not ended in time, or nobody waits for it.
    pub async fn ended(&self, request: &ApiRequest, jobs: &impl Jobs, id: &str) -> Option<Job> {
        if !self.is_wanted() {
            return None;
        }
        // The job is accepted whether or not it can be read now.
        let job = jobs.find(id).await.ok()?;
        let job = self.hold_until(request, jobs, job, Until::End).await;
        job.status.is_terminal().then_some(job)
    }

    /// The job as it is at the end of the wait.
    pub async fn hold_until(
        &self,
        request: &ApiRequest,
        jobs: &impl Jobs,
        job: Job,
        until: Until,
    ) -> Job {
        if !self.is_wanted() || job.status.is_terminal() {
            return job;
        }
        let _counted = WAITS_OPEN.enter();
        tracing::debug!(id = job.id, ?until, "the answer is held back");
        let seen = tokio::select! {
            seen = jobs::wait(jobs, &job, until) => seen,
            () = tokio::time::sleep_until(self.end) => None,
            () = request.cancellation().cancelled() => None,
        };
        match seen {
            // A job of another time with the same id may be somebody else's.
            Some(seen) if seen.created == job.created => seen,
            // How far it has come. The host may be gone, and then the client gets what is known.
            _ => jobs.find(&job.id).await.unwrap_or(job),
        }
    }
}

/// The answer to a GET of a job in a view, which `render` writes: held back if the client wants it, with its `ETag`, and
/// as 304 when the client has it already.
///
/// # Errors
/// 400 for a malformed `wait` or `until`; those of [`Jobs::find`].
pub async fn answer(
    request: &ApiRequest,
    jobs: &impl Jobs,
    id: &str,
    render: impl Fn(Job) -> Response,
) -> Result<Response, ApiError> {
    STATUS_REQUESTS.increment();
    let wait = Wait::of(request)?;
    let job = jobs.find(id).await?;
    Ok(wait.answer_with(request, jobs, job, render).await)
}

impl Wait {
    /// The same for a job that was found already.
    pub async fn answer_with(
        &self,
        request: &ApiRequest,
        jobs: &impl Jobs,
        job: Job,
        render: impl Fn(Job) -> Response,
    ) -> Response {
        let mut answer = Tagged::new(render(job.clone())).await;
        let is_known = answer.is_known(request.headers());
        let has_news = request.headers().contains_key(header::IF_NONE_MATCH) && !is_known;
        if self.is_wanted() && !has_news {
            let until = if is_known { Until::Change } else { self.until };
            let job = self.hold_until(request, jobs, job, until).await;
            answer = Tagged::new(render(job)).await;
        }
        self.tagged(request, answer)
    }

    /// The answer at the end of the wait: 304 when the client has it.
    pub fn tagged(&self, request: &ApiRequest, mut answer: Tagged) -> Response {
        let status = answer.status();
        self.told(status, answer.headers_mut());
        answer.answer(request.headers())
    }

    /// Whether the client waits for the next change only.
    #[must_use]
    pub fn is_for_change(&self) -> bool {
        self.until == Until::Change
    }

    /// Ends the wait now. The client is told how long it would have been.
    pub fn end(&mut self) {
        self.end = Instant::now();
    }

    /// Lets a second of the wait pass, for a request that looks again and again for something that has not begun yet.
    /// `false` when the wait is over, or the client does not wait.
    pub async fn pause(&self, request: &ApiRequest) -> bool {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let _counted = WAITS_OPEN.enter();
        tracing::debug!("the answer is held back until something begins");
        let pause = LOOK_EVERY.min(left);
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = request.cancellation().cancelled() => false,
        }
    }
}

/// A parameter of the query string that is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// `wait` is no number of seconds.
    Wait,
    /// `until` is not one of its words.
    Until,
}

impl From<Malformed> for ApiError {
    fn from(malformed: Malformed) -> Self {
        let (code, message) = match malformed {
            Malformed::Wait => (
                "InvalidWait",
                "wait: expected a whole number of seconds, such as 30",
            ),
            Malformed::Until => ("InvalidUntil", "until: expected end or change"),
        };
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{
        http::{HeaderMap, Method},
        response::IntoResponse,
    };

    const URL: &str = "http://localhost/api/status/1";

    fn request(query: &str, prefer: Option<&'static str>, most: &str) -> ApiRequest {
        let headers: Vec<_> = prefer.map(|value| ("prefer", value)).into_iter().collect();
        let url = format!("{URL}{query}");
        crate::test_api::request(Method::GET, &url, 2, &headers, &[("MaxWaitSeconds", most)])
    }

    fn of(query: &str, prefer: Option<&'static str>) -> Wait {
        Wait::of(&request(query, prefer, "60")).unwrap()
    }

    fn told(wait: Wait, status: StatusCode) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(5));
        wait.told(status, &mut headers);
        headers
    }

    #[test]
    fn a_client_waits_as_long_as_it_says_and_at_most_as_long_as_the_setting_says() {
        for (query, prefer, expected) in [
            ("", None, 0),
            ("?wait=30", None, 30),
            ("?Wait=30", None, 30),
            ("", Some("wait=30"), 30),
            ("?wait=10", Some("wait=30"), 10),
            ("?wait=0", Some("wait=30"), 0),
            ("?wait=61", None, 60),
            ("?wait=99999999999999999999", None, 60),
            ("", Some("wait=99999999999999999999"), 60),
            ("", Some("wait=soon"), 0),
            ("", Some("respond-async"), 0),
        ] {
            let limit = of(query, prefer).limit;
            assert_eq!(limit, Duration::from_secs(expected), "{query} {prefer:?}");
        }
        let none = Wait::of(&request("?wait=30", None, "0")).unwrap();
        assert!(!none.is_wanted());
    }

    #[tokio::test]
    async fn a_malformed_parameter_is_refused_with_its_name() {
        for (query, code) in [
            ("?wait=", "InvalidWait"),
            ("?wait=soon", "InvalidWait"),
            ("?wait=-1", "InvalidWait"),
            ("?wait=1.5", "InvalidWait"),
            ("?wait=1&until=later", "InvalidUntil"),
        ] {
            let error = Wait::of(&request(query, None, "60")).unwrap_err();
            let response = ApiError::from(error).into_response();
            assert_eq!(response.status(), 400, "{query}");
            assert_eq!(response.headers()["x-ms-error-code"], code, "{query}");
        }
    }

    #[test]
    fn what_was_applied_of_the_header_is_told_and_nothing_else() {
        let applied = |query, prefer, status| {
            let headers = told(of(query, prefer), status);
            let value = headers.get(PREFERENCE_APPLIED);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let (accepted, ok) = (StatusCode::ACCEPTED, StatusCode::OK);
        for (query, prefer, status, expected) in [
            ("", None, accepted, None),
            ("?wait=9", None, accepted, None),
            ("?wait=9", Some("wait=30"), accepted, None),
            ("", Some("wait=30"), accepted, Some("wait=30")),
            ("", Some("wait=30"), ok, Some("wait=30")),
            ("", Some("wait=600"), ok, Some("wait=60")),
            ("", Some("wait=soon"), ok, None),
            ("", Some("respond-async"), accepted, Some("respond-async")),
            ("", Some("respond-async"), ok, None),
            (
                "",
                Some("respond-async, wait=5"),
                accepted,
                Some("respond-async, wait=5"),
            ),
            ("", Some("respond-async, wait=5"), ok, Some("wait=5")),
        ] {
            let value = applied(query, prefer, status);
            assert_eq!(value.as_deref(), expected, "{query} {prefer:?} {status}");
        }
    }

    #[test]
    fn a_client_that_waits_need_not_let_time_pass_in_between() {
        let accepted = StatusCode::ACCEPTED;
        assert_eq!(
            told(of("?wait=9", None), accepted)[header::RETRY_AFTER],
            "1"
        );
        assert_eq!(told(of("", None), accepted)[header::RETRY_AFTER], "5");
        let mut ended = HeaderMap::new();
        of("?wait=9", None).told(StatusCode::OK, &mut ended);
        assert_eq!(ended, HeaderMap::new());
    }
}
