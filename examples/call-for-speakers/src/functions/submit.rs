//! `submit`: checks a submission and starts its orchestration. `POST /api/submit`.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::{ClientError, DurableClient};
use functions_handler::OriginalUrl;
use serde_json::Value;

use super::process_submission::{Input, PROCESS_SUBMISSION};
use crate::{
    answer::{self, ApiError, RETRY_AFTER},
    settings::Settings,
    submission::Submission,
};

/// Below the route prefix of host.json.
pub(crate) const ROUTE: &str = "submit";

/// Answers one request.
pub async fn submit(
    State(settings): State<Arc<Settings>>,
    client: DurableClient,
    url: OriginalUrl,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer::finish(start(&settings, &client, &url, &headers, &body).await)
}

async fn start(
    settings: &Settings,
    client: &DurableClient,
    url: &OriginalUrl,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, ApiError> {
    let json: Value = answer::read_json(headers, body)?;
    let submission = Submission::read(&json).map_err(|problems| {
        let text = "The submission is not valid.";
        let fields = problems.0.into_iter().map(|(field, it)| (field, it.into()));
        ApiError::new(StatusCode::BAD_REQUEST, "InvalidSubmission", text)
            .with_member("fields", Value::Object(fields.collect()))
    })?;
    let input = Input {
        submission,
        review: settings.review,
    };
    let id = match client.start(PROCESS_SUBMISSION, &input).await {
        Ok(instance) => instance.id().to_owned(),
        // It may run. Its address answers 404 if it does not.
        Err(ClientError::StartUnknown { id, message, .. }) => {
            tracing::error!(id, "submission perhaps started: {message}");
            id
        }
        Err(reason) => {
            tracing::error!("submission not started: {reason}");
            let text = "The submission could not be started. Try again later.";
            return Err(ApiError::unavailable(text));
        }
    };
    tracing::info!(id, "Submission received via Http");
    let status = answer::links(settings, url, headers, ROUTE).status(&id);
    let headers = [
        (header::LOCATION, status.clone()),
        (header::RETRY_AFTER, RETRY_AFTER.to_string()),
    ];
    let text = format!("Your submission has been received. To get the status, go to: {status}");
    Ok((StatusCode::ACCEPTED, headers, text).into_response())
}
