//! The start of a job. With a key of the client it happens at most once.
//!
//! A key is taken as long as its job is kept: whoever sends it again gets that job, whatever became of it. What was
//! submitted is compared with the range of days in the input of the job. So two requests for the same days are
//! the same, by GET or by POST, and in whichever form the days are written. A job of another owner is never the same,
//! not for an admin either: who submits something gets a job of his own.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use durable_functions::{ClientError, DurableClient, ReusePolicy};
use job_api::{ApiError, links::Links};

use super::Identity;
use crate::{
    counters::JOBS_STARTED,
    dates::DateRange,
    functions::process_submission::{JobInput, PROCESS_SUBMISSION},
};

/// Starts a job, or finds the one that was started with the same key. Returns its id, which the task hub knows from
/// then on. `retry_after` is for errors.
///
/// # Errors
/// When the job was not started: 503. When its key was used for other days, or is the id of an instance that is no job:
/// 422 for an `Idempotency-Key`, 400 for an `Operation-Id`.
///
/// When the connection to the host broke, and it is not known whether the job was started: 503 with a key, because the
/// request can be repeated. Without one 500 with `Location`: after a 503 a client would try again, and could start a
/// second job.
pub(crate) async fn start(
    client: &DurableClient,
    input: &JobInput,
    identity: &Identity,
    links: &Links,
    retry_after: Duration,
) -> Result<String, ApiError> {
    let Some(id) = identity.instance_id(input.owner.as_ref()) else {
        return start_new(client, input, links, retry_after).await;
    };
    // Extension 2.13 ignores the reuse policy: it would replace an instance that has ended, also one that is no job.
    // So the task hub is asked first. There, a job that ends between the two calls runs again, with the same id.
    let existing = find(client, &id, input).await;
    let existing = existing.map_err(|reason| not_started(&reason, retry_after))?;
    if let Some(found) = existing {
        return accept(found, identity, id);
    }
    match create(client, &id, input).await {
        Ok(None) => Ok(id),
        Ok(Some(found)) => accept(found, identity, id),
        Err(ClientError::StartUnknown { message, .. }) => {
            tracing::error!(id, "job perhaps started: {message}");
            let text = "It is not known whether the job was started. Send the request again with the same key: the \
                        job is started once.";
            let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "StartUnknown", text);
            Err(error.with_header(header::RETRY_AFTER, retry_after.as_secs()))
        }
        Err(reason) => Err(not_started(&reason, retry_after)),
    }
}

/// Starts the job with this id, unless there is an instance with it. `None`: the job was started.
///
/// # Errors
/// When it was not started, or it is not known whether it was.
pub(crate) async fn create(
    client: &DurableClient,
    id: &str,
    input: &JobInput,
) -> Result<Option<Found>, ClientError> {
    let start = client
        .start(PROCESS_SUBMISSION, input)
        .with_id(id)
        .with_reuse_policy(ReusePolicy::create_only());
    let Err(reason) = start.await else {
        started(id, &input.range);
        return Ok(None);
    };
    // Another start with the id was faster, or the answer to this one was lost. Either way the instance decides.
    match find(client, id, input).await {
        Ok(Some(found)) => Ok(Some(found)),
        _ => Err(reason),
    }
}

async fn start_new(
    client: &DurableClient,
    input: &JobInput,
    links: &Links,
    retry_after: Duration,
) -> Result<String, ApiError> {
    match client.start(PROCESS_SUBMISSION, input).await {
        Ok(instance) => {
            started(instance.id(), &input.range);
            Ok(instance.id().to_owned())
        }
        Err(ClientError::StartUnknown { id, message, .. }) => {
            tracing::error!(id, "job perhaps started: {message}");
            let text = "It is not known whether the job was started. Its address, in the header Location, answers \
                        404 if it was not.";
            let error = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "StartUnknown", text)
                .with_header(header::RETRY_AFTER, retry_after.as_secs());
            // An address is made of ASCII characters only.
            Err(match HeaderValue::try_from(links.status(&id)) {
                Ok(location) => error.with_header(header::LOCATION, location),
                Err(_) => error,
            })
        }
        Err(reason) => Err(not_started(&reason, retry_after)),
    }
}

fn started(id: &str, range: &DateRange) {
    JOBS_STARTED.increment();
    tracing::info!(id, "job started");
    // The days are a part of the message that started the job, and a message is for logs of developers only.
    tracing::debug!(id, start = %range.start(), end = %range.end(), "days of the job");
}

fn not_started(reason: &ClientError, retry_after: Duration) -> ApiError {
    tracing::error!("job not started: {reason}");
    let text = "The job could not be started. Try again later.";
    ApiError::unavailable(text, retry_after.as_secs())
}

/// What has the id of a key or of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The job of the same submission.
    Same,
    /// A job for other days, of another owner or for another session, or an instance of another orchestrator. Clients are
    /// not told which: all but the first are none of their business.
    Other,
}

/// The instance with this id, of whatever orchestrator, compared with what was submitted now.
pub(crate) async fn find(
    client: &DurableClient,
    id: &str,
    input: &JobInput,
) -> Result<Option<Found>, ClientError> {
    let Some(status) = client.status(id).await? else {
        return Ok(None);
    };
    let is_job = status.name.eq_ignore_ascii_case(PROCESS_SUBMISSION.name());
    let submitted = status.input_as::<JobInput>().ok().flatten();
    let is_same = submitted.is_some_and(|known| {
        // A message does not say whose it is. Its session does, and is compared.
        let is_owners = input.session.is_some() || known.owner == input.owner;
        known.range == input.range && known.session == input.session && is_owners
    });
    Ok(Some(match is_job && is_same {
        true => Found::Same,
        false => Found::Other,
    }))
}

fn accept(found: Found, identity: &Identity, id: String) -> Result<String, ApiError> {
    let (status, code, text) = match (found, identity) {
        (Found::Same, _) => {
            tracing::info!(id, "job found by its key");
            return Ok(id);
        }
        (Found::Other, Identity::OperationId(_)) => (
            StatusCode::BAD_REQUEST,
            "OperationIdReused",
            "The Operation-Id is in use for another request. Choose a new one for each request.",
        ),
        (Found::Other, _) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "IdempotencyKeyReused",
            "The Idempotency-Key was used for another request. Choose a new one for each request.",
        ),
    };
    Err(ApiError::new(status, code, text))
}
