//! `get-health`: whether the service can take jobs, and what this process has done since its start, `GET /api/health`.
//!
//! 200 when the task hub answers, else 503. The settings of the table need no check: without them there is no process
//! to ask. The table itself is not read: every probe would cost a transaction, and a table that is down for a minute
//! fails no job. Invariant: no internal text is in the answer.

use std::time::Duration;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use durable_functions::DurableClient;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::process_submission::PROCESS_SUBMISSION;
use crate::{
    api::{ApiRequest, views::job::rfc3339},
    counters::{self, Counters},
};

/// How long the task hub has for its answer. Probes give up after a few seconds themselves.
const TASK_HUB_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// No job has this id. The task hub must look for it all the same.
const PROBE: &str = "health-probe";

/// The body of an answer; its members are in this order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    description = "Whether the service can take jobs, and what the process that answers has done since its start. \
                        Other processes of the same service have counters of their own."
)]
pub(crate) struct Health {
    /// Whether the service can take jobs.
    status: Readiness,
    task_hub: Readiness,
    /// When the process that answers was started, in UTC.
    #[schema(format = DateTime)]
    started_time: String,
    counters: Counters,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(description = "Whether it answers.")]
pub(crate) enum Readiness {
    Ready,
    NotReady,
}

/// Answers one request.
pub async fn get_health(request: ApiRequest, client: DurableClient) -> Response {
    let task_hub = task_hub(&client).await;
    let health = Health {
        status: task_hub,
        task_hub,
        started_time: rfc3339(counters::started()),
        counters: Counters::now(),
    };
    let status = match task_hub {
        Readiness::Ready => StatusCode::OK,
        Readiness::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    };
    request.answer(Ok((status, Json(health)).into_response()))
}

async fn task_hub(client: &DurableClient) -> Readiness {
    let probe = client.instance(PROCESS_SUBMISSION, PROBE);
    match timeout(TASK_HUB_ANSWERS_WITHIN, probe.status()).await {
        Ok(Ok(_)) => Readiness::Ready,
        Ok(Err(reason)) => {
            tracing::warn!("the task hub does not answer: {reason}");
            Readiness::NotReady
        }
        Err(_) => {
            tracing::warn!(
                "the task hub has not answered within {} seconds",
                TASK_HUB_ANSWERS_WITHIN.as_secs()
            );
            Readiness::NotReady
        }
    }
}
