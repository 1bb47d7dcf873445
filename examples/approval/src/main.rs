//! Human interaction: an orchestration waits for the decision of a person, but not longer than a deadline.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/approval
//! $ curl http://localhost:7071/api/requests/laptop -H 'Content-Type: application/json' -d 3600
//! 3600 s for a decision
//! $ curl http://localhost:7071/api/requests/laptop
//! {"output":null,"status":"Running"}
//! $ curl http://localhost:7071/api/requests/laptop/decision -H 'Content-Type: application/json' -d true
//! $ curl http://localhost:7071/api/requests/laptop
//! {"output":"approved","status":"Completed"}
//! $ curl http://localhost:7071/api/requests/chair -H 'Content-Type: application/json' -d 1
//! 1 s for a decision
//! $ curl http://localhost:7071/api/requests/chair
//! {"output":"the manager decides about chair","status":"Completed"}
//! ```

use std::time::Duration;

use axum::Json;
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, Event, OrchestrationContext,
    Orchestrator, Result, is_replaying,
};
use functions_handler::routing::{get, post};
use functions_handler::{App, Params, logs};
use serde_json::{Value, json};

/// Its input is how many seconds the decision may take.
const REQUEST_APPROVAL: Orchestrator<u64, String> = Orchestrator::new("request-approval");
const ESCALATE: Activity<String, String> = Activity::new("escalate");
const DECISION: Event<bool> = Event::new("decision");

async fn request_approval(ctx: OrchestrationContext, seconds: u64) -> Result<String> {
    let limit = Duration::from_secs(seconds);
    match ctx.timeout(limit, ctx.wait_for(DECISION)).await {
        Ok(decision) => Ok(if decision? { "approved" } else { "rejected" }.to_owned()),
        Err(_elapsed) => Ok(ctx.call(ESCALATE, ctx.instance_id()).await?),
    }
}

async fn escalate(_: ActivityContext, request: String) -> Result<String> {
    Ok(format!("the manager decides about {request}"))
}

/// `POST /api/requests/{id}`
async fn ask(
    client: DurableClient,
    Params(id): Params<String>,
    Json(seconds): Json<u64>,
) -> Result<String, ClientError> {
    client.start(REQUEST_APPROVAL, &seconds).with_id(id).await?;
    Ok(format!("{seconds} s for a decision"))
}

/// `POST /api/requests/{id}/decision`: 404 for an unknown request, 409 for one that has ended.
async fn decide(
    client: DurableClient,
    Params(id): Params<String>,
    Json(approved): Json<bool>,
) -> Result<(), ClientError> {
    let instance = client.instance(REQUEST_APPROVAL, id);
    instance.raise(DECISION, &approved).await
}

/// `GET /api/requests/{id}`
async fn get_request(
    client: DurableClient,
    Params(id): Params<String>,
) -> Result<Json<Value>, ClientError> {
    let status = client.instance(REQUEST_APPROVAL, &id).status().await?;
    let status = status.ok_or(ClientError::NotFound { id })?;
    let (output, status) = (status.output()?, status.runtime_status);
    Ok(Json(json!({ "output": output, "status": status })))
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("ask", post(ask).with_route("requests/{id}"))
        .http("decide", post(decide).with_route("requests/{id}/decision"))
        .http("get-request", get(get_request).with_route("requests/{id}"))
        .orchestrator(REQUEST_APPROVAL, request_approval)
        .activity(ESCALATE, escalate)
        .serve()
        .await
        .exit()
}
