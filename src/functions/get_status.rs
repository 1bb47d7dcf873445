//! `get-status`: the state of a job, as far as clients may see it.
//!
//! `GET /api/status/{id}` answers with `{"id","status","result","customStatus","createdTime","lastUpdatedTime"}`, and
//! `error` when the job has failed: 202 with `Location` and `Retry-After` until the job has ended, then 200; 404 for
//! an id that is no job of this app.
//!
//! `DELETE` cancels the job and answers with the same body: 200 when it is cancelled, by this request or before; 202 when
//! the task hub has accepted it and the job has not ended yet; 409 when the job had ended otherwise.
//!
//! Invariant: no input, history, key, management URL or internal text is ever in an
//! answer.

use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::DurableClient;
use functions_handler::Params;
use serde::Deserialize;

use crate::{
    api::{
        ApiRequest,
        error::{ApiError, ERROR_CODE},
        views::job::JobView,
    },
    jobs::{self, Cancellation, Job, has_ended},
};

/// The route parameters: `status/{id}`.
#[derive(Debug, Deserialize)]
pub struct Route {
    id: String,
}

/// Answers one request.
pub async fn get_status(
    request: ApiRequest,
    Params(route): Params<Route>,
    client: DurableClient,
) -> Response {
    let outcome = if request.method() == Method::DELETE {
        cancel(&request, &route.id, &client).await
    } else {
        status(&request, &route.id, &client).await
    };
    request.answer(outcome)
}

async fn status(
    request: &ApiRequest,
    id: &str,
    client: &DurableClient,
) -> Result<Response, ApiError> {
    let job = jobs::find(client, id, request.settings().status.retry_after).await?;
    Ok(response(request, job))
}

async fn cancel(
    request: &ApiRequest,
    id: &str,
    client: &DurableClient,
) -> Result<Response, ApiError> {
    let retry_after = request.settings().status.retry_after;
    let cancellation = jobs::cancel(client, id, retry_after).await?;
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
    if has_ended(job.status) {
        return Json(JobView::from(job)).into_response();
    }
    let retry_after = request.settings().status.retry_after.as_secs();
    let headers = [
        (header::LOCATION, request.links().status(&job.id)),
        (header::RETRY_AFTER, retry_after.to_string()),
    ];
    (StatusCode::ACCEPTED, headers, Json(JobView::from(job))).into_response()
}

#[cfg(test)]
mod tests;
