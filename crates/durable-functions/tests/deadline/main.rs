//! No activity and no turn runs beyond the host's time limit: what the host and the orchestrator see
//! when one does not end in time, or when the handler stops.
//!
//! The invocations take the production path. Where time passes, it is that of tokio's paused clock.
#![cfg(feature = "handler")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod activities;
mod turns;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use durable_functions::Activity;
use serde_json::{Value, json};
use tower::ServiceExt;

const WORK: Activity<String, String> = Activity::new("work");
const LIMIT: Duration = Duration::from_secs(3);

/// The body of an activity invocation, as the host sends it.
fn activity(input: &str) -> Value {
    json!({ "Data": { "input": json!(json!(input).to_string()).to_string() }, "Metadata": {} })
}

/// Sends an invocation and gives the status and the parsed answer.
async fn invoke(router: &Router, function: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::post(format!("/{function}"))
        .header("x-azure-functions-invocationid", "4711")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    // The answer of a failed activity is a text, so that the host fails the invocation.
    let answer = serde_json::from_str(&body).unwrap_or(Value::String(body));
    (status, answer)
}
