//! The start of a job.

use axum::http::{HeaderValue, StatusCode, header};
use durable_functions::{ClientError, DurableClient};

use crate::{
    api::{ApiRequest, error::ApiError},
    counters::JOBS_STARTED,
    dates::DateRange,
    functions::process_submission::PROCESS_SUBMISSION,
};

/// Starts a job, and returns its id.
///
/// # Errors
/// 503 when it was not started. 500 with `Location` when the connection to the host broke, and it is not known whether
/// the job was started: with 503 a client would try again, and could start a second job.
pub(crate) async fn start(
    client: &DurableClient,
    range: &DateRange,
    request: &ApiRequest,
) -> Result<String, ApiError> {
    let retry_after = request.settings().status.retry_after.as_secs();
    match client.start(PROCESS_SUBMISSION, range).await {
        Ok(instance) => {
            JOBS_STARTED.increment();
            Ok(instance.id().to_owned())
        }
        Err(ClientError::StartUnknown { id, message, .. }) => {
            tracing::error!(id, "job perhaps started: {message}");
            let text = "It is not known whether the job was started. Its address, in the header Location, answers \
                        404 if it was not.";
            let error = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "StartUnknown", text)
                .with_header(header::RETRY_AFTER, retry_after);
            // An address is made of ASCII characters only.
            Err(match HeaderValue::try_from(request.links().status(&id)) {
                Ok(location) => error.with_header(header::LOCATION, location),
                Err(_) => error,
            })
        }
        Err(reason) => {
            tracing::error!("job not started: {reason}");
            let text = "The job could not be started. Try again later.";
            Err(ApiError::unavailable(text, retry_after))
        }
    }
}
