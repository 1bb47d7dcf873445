//! `get-events`: the changes of a job as server-sent events, for `EventSource` in a browser and for `curl -N`.
//!
//! The Functions host sends an answer when it is complete, so there is no stream. Each answer ends with the first change
//! that it has to tell, or after the wait without one. The client connects again by itself, after the time in `retry`,
//! and says with `Last-Event-ID` what it has seen. It is told the present state when that is another; states between the
//! two are not told. After the end of the job the answer is 204, which ends the connection for good.
//!
//! ```text
//! retry: 1000
//! id: pfwXebMAfW4vzwO1B6j52Q
//! data: {"id":"1a","status":"Running","result":null,"customStatus":{"stage":"querying",…},…}
//! ```
//!
//! The data is the job view. The wait is that of the setting `MaxWaitSeconds`, or a shorter one that the client asks for
//! as at `status/{id}`.
//!
//! What it costs: a client has one request open, and another second between two of them. The state of a job is read once
//! for each request, and once a second for all clients of the job together.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use job_api::{
    ApiError, Job, JobTarget, etag,
    jobs::{Jobs, Until},
    retry_after::retry_after,
    views::job::JobView,
    wait::Wait,
};

use crate::{
    api::ApiRequest,
    counters::STATUS_REQUESTS,
    jobs::{CallerJobs, error_of},
};

/// How long a client lets pass before it connects again, in milliseconds: as long as a change may take to be seen.
const RETRY_MILLIS: u128 = 1_000;

/// Answers one request.
pub async fn get_events(request: ApiRequest, target: JobTarget) -> Response {
    let outcome = events(&request, target).await;
    request.answer(outcome)
}

async fn events(request: &ApiRequest, target: JobTarget) -> Result<Response, ApiError> {
    let (id, client) = target.read()?;
    STATUS_REQUESTS.increment();
    let wait = Wait::of(request)?.or_longest(request);
    let jobs = CallerJobs::new(request, client);
    let mut job = jobs.find(&id).await?;
    let mut event = Event::of(job.clone());
    let seen = last_event_id(request.headers());
    if seen == Some(event.id.as_str()) {
        if job.status.is_terminal() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        job = wait.hold_until(request, &jobs, job, Until::Change).await;
        event = Event::of(job.clone());
    }
    // Without a wait the pause between two requests is all that keeps a client from asking without end.
    let retry = match wait.is_wanted() {
        true => RETRY_MILLIS,
        false => retry_after(request, &job).as_millis(),
    };
    let news = seen != Some(event.id.as_str());
    let body = body(retry, news.then_some(&event));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// A state of a job.
#[derive(Debug)]
struct Event {
    /// A tag of the data, so that any process knows what a client has seen.
    id: String,
    data: String,
}

impl Event {
    fn of(job: Job) -> Self {
        // Writing to memory does not fail, and the view has no map with other keys than texts.
        let data = serde_json::to_string(&JobView::new(job, error_of)).unwrap_or_default();
        Self {
            id: etag::tag(StatusCode::OK, data.as_bytes()),
            data,
        }
    }
}

/// `retry` in milliseconds. An answer without news holds a comment, because an empty one would say nothing to people
/// who look at it.
fn body(retry: u128, event: Option<&Event>) -> String {
    let mut body = format!("retry: {retry}\n");
    match event {
        Some(event) => {
            body += &format!("id: {}\n", event.id);
            // A custom status is written by the host, which may break lines.
            for line in event.data.split(['\n', '\r']) {
                body += &format!("data: {line}\n");
            }
        }
        None => body += ": no change\n",
    }
    body + "\n"
}

fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id")?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_each_line_of_its_data_in_a_field_of_its_own() {
        let event = Event {
            id: "a".to_owned(),
            data: "{\n\"b\":1}".to_owned(),
        };
        assert_eq!(
            body(1_000, Some(&event)),
            "retry: 1000\nid: a\ndata: {\ndata: \"b\":1}\n\n"
        );
        assert_eq!(body(5_000, None), "retry: 5000\n: no change\n\n");
    }
}
