//! A function app with one orchestration. The names of functions are those of the folders beside `src`.

use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, Failure, OrchestrationContext,
    Orchestrator, Result, RetryPolicy, is_replaying,
};
use functions_handler::routing::{get, post};
use functions_handler::{App, OriginalUrl, Params, logs};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Deserialize, Serialize)]
struct Order {
    item: String,
    count: u32,
}

const PLACE_ORDER: Orchestrator<Order, String> = Orchestrator::new("place-order");
const RESERVE_STOCK: Activity<Order, u32> = Activity::new("reserve-stock")
    .with_retry(RetryPolicy::new(3, Duration::from_secs(1)).backoff(2.0));

/// The orchestrator. It runs again from its start on every turn: what is slow or has effects is for activities.
async fn place_order(ctx: OrchestrationContext, order: Order) -> Result<String> {
    ctx.set_custom_status("reserving");
    let number = ctx.call(RESERVE_STOCK, order.clone()).await?;
    ctx.sleep(Duration::from_secs(1)).await;
    tracing::info!(number, "order placed");
    Ok(format!(
        "{} x {}: reservation {number}",
        order.count, order.item
    ))
}

/// An activity: any async code. It may run more than once for one call.
async fn reserve_stock(_: ActivityContext, order: Order) -> Result<u32> {
    if order.count == 0 {
        // Tried once, and not three times: another attempt would fail as well.
        return Failure::new("EmptyOrder", "nothing is ordered")
            .non_retriable()
            .fail();
    }
    Ok(4711)
}

/// `POST /api/orders`: starts an orchestration, and tells the client where to ask for its result.
async fn start_order(
    client: DurableClient,
    url: OriginalUrl,
    Json(order): Json<Order>,
) -> Result<Response, ClientError> {
    let instance = client.start(PLACE_ORDER, &order).await?;
    // Without the query, which may hold a key.
    let orders = url.as_str().split('?').next().unwrap_or_default();
    let location = [(header::LOCATION, format!("{orders}/{}", instance.id()))];
    let body = Json(json!({ "id": instance.id() }));
    Ok((StatusCode::ACCEPTED, location, body).into_response())
}

/// `GET /api/orders/{id}`: the state of an orchestration.
async fn order_status(
    client: DurableClient,
    Params(id): Params<String>,
) -> Result<Response, ClientError> {
    let Some(status) = client.instance(PLACE_ORDER, id).status().await? else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let body = Json(json!({
        "status": status.runtime_status,
        // Only a completed orchestration has one.
        "result": status.output().ok().flatten(),
    }));
    Ok(body.into_response())
}

#[tokio::main]
async fn main() -> Result<(), logs::InitError> {
    // Without `silence_when`, every turn would log the lines of the earlier turns again.
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("start-order", post(start_order).with_route("orders"))
        .http("order-status", get(order_status).with_route("orders/{id}"))
        .orchestrator(PLACE_ORDER, place_order)
        .activity(RESERVE_STOCK, reserve_stock)
        .serve()
        .await
        // Ends the process with the exit code that the host needs.
        .exit()
}
