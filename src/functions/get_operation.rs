//! `get-operation`: a job as a long-running operation, in the form that Azure's clients know.
//!
//! `GET /api/operations/{id}` answers with the status monitor, `{"id","status",…}`: always 200 for a job, and with
//! `Retry-After` until it has ended. `POST /api/operations/{id}:cancel` cancels the job and answers with the monitor:
//! 200 when the job is cancelled or will be, 409 when it had ended otherwise. `wait` and `If-None-Match` work as
//! `src/api/wait.rs` says.
//!
//! Invariant: what a client may not see in [`get-status`](super::get_status), it does not see here.

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
        views, wait,
    },
    jobs::{self, Cancellation, Job},
};

/// What follows the id in the path of a cancellation. A colon is in no id of a job.
const CANCEL: &str = ":cancel";

/// Answers one request.
pub async fn get_operation(request: ApiRequest, target: JobTarget) -> Response {
    let outcome = operation(&request, target).await;
    request.answer(outcome)
}

async fn operation(request: &ApiRequest, target: JobTarget) -> Result<Response, ApiError> {
    let (id, client) = target.read()?;
    if request.method() == Method::POST {
        let Some(id) = id.strip_suffix(CANCEL) else {
            return Err(ApiError::method_not_allowed(
                "GET",
                "Method not allowed. Use GET, or POST with :cancel after the id.",
            ));
        };
        return cancel(request, id, &client).await;
    }
    wait::answer(request, &client, &id, |job| response(request, job)).await
}

async fn cancel(
    request: &ApiRequest,
    id: &str,
    client: &DurableClient,
) -> Result<Response, ApiError> {
    let retry_after = request.settings().status.retry_after;
    let cancellation = jobs::cancel(client, id, request.caller(), retry_after).await?;
    let ended_otherwise = matches!(cancellation, Cancellation::Ended(_));
    let mut response = response(request, cancellation.into_job());
    if ended_otherwise {
        *response.status_mut() = StatusCode::CONFLICT;
        let code = HeaderValue::from_static(Cancellation::ENDED_CODE);
        response.headers_mut().insert(ERROR_CODE, code);
    }
    Ok(response)
}

fn response(request: &ApiRequest, job: Job) -> Response {
    let retry_after = retry_after(request, &job);
    views::operation(job, retry_after)
}
