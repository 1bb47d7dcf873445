//! `submit`: checks a submission and starts its orchestration. `POST /api/submit`.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::{ClientError, ClientRejection, DurableClient};
use job_api::{ApiError, ApiRequest};
use serde_json::Value;

use super::process_submission::{Input, PROCESS_SUBMISSION};
use crate::{body::read_json, settings::Settings, submission::Submission};

/// Below the route prefix of host.json.
pub(crate) const ROUTE: &str = "submit";

/// Answers one request.
pub async fn submit(
    State(settings): State<Arc<Settings>>,
    request: ApiRequest,
    client: Result<DurableClient, ClientRejection>,
    body: Bytes,
) -> Response {
    request.answer(start(&settings, &request, client, &body).await)
}

async fn start(
    settings: &Settings,
    request: &ApiRequest,
    client: Result<DurableClient, ClientRejection>,
    body: &Bytes,
) -> Result<Response, ApiError> {
    let json: Value = read_json(request.headers(), body)?;
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
    let retry_after = settings.status.retry_after.as_secs();
    let id = match client?.start(PROCESS_SUBMISSION, &input).await {
        Ok(instance) => instance.id().to_owned(),
        // It may run. Its address answers 404 if it does not.
        Err(ClientError::StartUnknown { id, message, .. }) => {
            tracing::error!(id, "submission perhaps started: {message}");
            id
        }
        Err(reason) => {
            tracing::error!("submission not started: {reason}");
            let text = "The submission could not be started. Try again later.";
            return Err(ApiError::unavailable(text, retry_after));
        }
    };
    tracing::info!(id, "Submission received via Http");
    let status = request.links().status(&id);
    let headers = [
        (header::LOCATION, status.clone()),
        (header::RETRY_AFTER, retry_after.to_string()),
    ];
    let text = format!("Your submission has been received. To get the status, go to: {status}");
    Ok((StatusCode::ACCEPTED, headers, text).into_response())
}
