//! `get-status`: the state of a job, as far as clients may see it.
//!
//! `GET /api/status/{id}` answers with `{"id","status","result","customStatus","createdTime","lastUpdatedTime"}`, and
//! `error` when the job has failed, or with another of the views in `src/api/views`: 202 with `Location` and
//! `Retry-After` until the job has ended, then 200; 404 for an id that is no job of this app.
//!
//! `?wait=n`, `Prefer: wait=n` and `If-None-Match` work as `src/api/wait.rs` says.
//!
//! `DELETE` cancels the job and answers with the same body: 200 when it is cancelled, by this request or before; 202 when
//! the task hub has accepted it and the job has not ended yet; 409 when the job had ended otherwise.
//!
//! Invariant: no input, history, key, management URL or internal text is ever in an
//! answer.

use axum::{
    http::{HeaderValue, Method, StatusCode},
    response::Response,
};
use durable_functions::DurableClient;

use crate::{
    api::{
        ApiRequest, JobTarget,
        error::{ApiError, ERROR_CODE},
        retry_after::retry_after,
        views::StatusAnswer,
        wait,
    },
    jobs::{self, Cancellation, Job},
};

/// Answers one request.
pub async fn get_status(request: ApiRequest, target: JobTarget) -> Response {
    let outcome = job(&request, target).await;
    request.answer(outcome)
}

async fn job(request: &ApiRequest, target: JobTarget) -> Result<Response, ApiError> {
    let (id, client) = target.read()?;
    let answer = StatusAnswer::of(request)?;
    let outcome = if request.method() == Method::DELETE {
        cancel(request, answer, &id, &client).await
    } else {
        let render = |job| response(request, answer, job);
        wait::answer(request, &client, &id, render).await
    };
    outcome.map_err(|error| answer.error(error, &id))
}

async fn cancel(
    request: &ApiRequest,
    answer: StatusAnswer,
    id: &str,
    client: &DurableClient,
) -> Result<Response, ApiError> {
    let retry_after = request.settings().status.retry_after;
    let cancellation = jobs::cancel(client, id, request.caller(), retry_after).await?;
    let ended_otherwise = matches!(cancellation, Cancellation::Ended(_));
    let mut response = response(request, answer, cancellation.into_job());
    if ended_otherwise {
        *response.status_mut() = StatusCode::CONFLICT;
        let code = HeaderValue::from_static(Cancellation::ENDED_CODE);
        response.headers_mut().insert(ERROR_CODE, code);
    }
    Ok(response)
}

fn response(request: &ApiRequest, answer: StatusAnswer, job: Job) -> Response {
    let retry_after = retry_after(request, &job);
    answer.response(request, job, retry_after)
}

#[cfg(test)]
mod tests;
