//! `get-status`: how far a submission is. `GET /api/status/{id}`, with `view=text` (the default), `job` or `minimal`.
//!
//! 202 with `Location` and `Retry-After` until it has ended, then 200; 404 for an id that is no submission's.
//!
//! Invariant: no input, history, key or management URL is ever in an answer.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::{ClientError, DurableClient};
use functions_handler::{OriginalUrl, Params};
use job_api::{
    Job,
    views::{job::JobView, minimal::MinimalView, text},
};

use super::process_submission::PROCESS_SUBMISSION;
use crate::{
    answer::{self, ApiError, RETRY_AFTER, error_of},
    settings::Settings,
};

/// Below the route prefix of host.json.
pub(crate) const ROUTE: &str = "status/{id}";

/// The forms of a status.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Text,
    Job,
    Minimal,
}

impl View {
    fn of(url: &OriginalUrl) -> Result<Self, ApiError> {
        let query = url.path_and_query().split_once('?');
        let query = query.map_or("", |(_, query)| query);
        let mut parameters = url::form_urlencoded::parse(query.as_bytes());
        let view = parameters.find(|(name, _)| name.eq_ignore_ascii_case("view"));
        match view.as_ref().map(|(_, view)| view.as_ref()) {
            None | Some("text") => Ok(Self::Text),
            Some("job") => Ok(Self::Job),
            Some("minimal") => Ok(Self::Minimal),
            Some(_) => Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "UnknownView",
                "Unknown view. The known views are job, minimal and text.",
            )),
        }
    }
}

/// Answers one request.
pub async fn get_status(
    State(settings): State<Arc<Settings>>,
    client: DurableClient,
    Params(id): Params<String>,
    url: OriginalUrl,
    headers: HeaderMap,
) -> Response {
    let outcome = status(&settings, &client, &id, &url, &headers).await;
    answer::finish(outcome)
}

async fn status(
    settings: &Settings,
    client: &DurableClient,
    id: &str,
    url: &OriginalUrl,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let view = View::of(url)?;
    let job = match find(client, id).await {
        Ok(job) => job,
        Err(error) if view == View::Text && error.is_not_found() => {
            return Ok(error.in_words(text::not_found(id)));
        }
        Err(error) => return Err(error),
    };
    let ended = job.status.is_terminal();
    let address = answer::links(settings, url, headers, ROUTE).status(id);
    let mut response = match view {
        View::Text => text::sentence(&job, &address, error_of).into_response(),
        View::Job => Json(JobView::new(job, error_of)).into_response(),
        View::Minimal => Json(MinimalView::from(job)).into_response(),
    };
    if !ended {
        *response.status_mut() = StatusCode::ACCEPTED;
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, RETRY_AFTER.into());
        // An address is made of ASCII characters only.
        if let Ok(address) = HeaderValue::try_from(address) {
            headers.insert(header::LOCATION, address);
        }
    }
    Ok(response)
}

async fn find(client: &DurableClient, id: &str) -> Result<Job, ApiError> {
    match client.instance(PROCESS_SUBMISSION, id).status().await {
        Ok(Some(status)) => Ok(Job::from(status)),
        // No submission can have an invalid id.
        Ok(None) | Err(ClientError::InvalidId { .. }) => Err(ApiError::not_found()),
        Err(reason) => {
            tracing::error!(id, "status not read: {reason}");
            let text = "The status cannot be read at the moment. Try again later.";
            Err(ApiError::unavailable(text))
        }
    }
}
