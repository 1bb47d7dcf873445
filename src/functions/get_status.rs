//! `get-status`: the state of a job, as far as clients may see it.
//!
//! `GET /api/status/{id}` answers with `{"id","status","result","customStatus","createdTime","lastUpdatedTime"}`, and
//! `error` when the job has failed: 202 with `Location` and `Retry-After` until the job has ended, then 200; 404 for
//! an id that is no job of this app. Invariant: no input, history, key, management URL or internal text is ever in an
//! answer.

mod failure;
mod view;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::{ClientError, DurableClient};
use functions_handler::{OriginalUrl, Params};
use serde::Deserialize;

use super::{error, process_submission::PROCESS_SUBMISSION};
use crate::{settings::Settings, status_url::status_url};
use view::{Job, has_ended};

/// The route parameters: `status/{id}`.
#[derive(Debug, Deserialize)]
pub struct Route {
    id: String,
}

/// The segments of that route.
const OWN_SEGMENTS: usize = 2;

/// Answers one request.
pub async fn get_status(
    State(settings): State<Arc<Settings>>,
    Params(route): Params<Route>,
    url: OriginalUrl,
    client: DurableClient,
) -> Response {
    // An instance of another orchestrator is no job: this handle does not see it.
    let job = client.instance(PROCESS_SUBMISSION, &route.id);
    let status = match job.status().await {
        Ok(Some(status)) => status,
        // No job can have an invalid id; the durable client did not ask the task hub.
        Ok(None) | Err(ClientError::InvalidId { .. }) => return not_found(),
        Err(reason) => {
            tracing::error!(id = route.id, "status not read: {reason}");
            let retry_after = [(
                header::RETRY_AFTER,
                settings.retry_after.as_secs().to_string(),
            )];
            let text = "The status cannot be read at the moment. Try again later.";
            return (retry_after, error(StatusCode::SERVICE_UNAVAILABLE, text)).into_response();
        }
    };
    let path = url.path_and_query().split('?').next().unwrap_or_default();
    let location = status_url(
        settings.public_base_url.as_deref(),
        url.origin(),
        path,
        OWN_SEGMENTS,
        &route.id,
    );
    answer(&settings, Job::from(status), location)
}

fn answer(settings: &Settings, job: Job, location: String) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    if has_ended(job.status) {
        return (no_store, Json(job.into_body())).into_response();
    }
    let headers = [
        (header::LOCATION, location),
        (
            header::RETRY_AFTER,
            settings.retry_after.as_secs().to_string(),
        ),
    ];
    (
        StatusCode::ACCEPTED,
        no_store,
        headers,
        Json(job.into_body()),
    )
        .into_response()
}

fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "Job not found")
}

#[cfg(test)]
mod tests;
