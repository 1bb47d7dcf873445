//! Queue: a message in a storage queue starts an orchestration, once, even if it is delivered twice.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/queue-start
//! $ curl http://localhost:7071/admin/functions/on-order -H 'Content-Type: application/json' -d '{"input":"{\"id\":\"A7\",\"item\":\"lamp\"}"}'
//! $ curl http://localhost:7071/admin/functions/on-order -H 'Content-Type: application/json' -d '{"input":"{\"id\":\"A7\",\"item\":\"lamp\"}"}'
//! $ curl http://localhost:7071/api/orders/A7
//! {"output":"lamp: shipment 1","status":"Completed"}
//! ```
//!
//! local-host has no queues: its admin API runs the function with the text of a message. A real host has both.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::Json;
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, OrchestrationContext,
    Orchestrator, Result, ReusePolicy, is_replaying,
};
use functions_handler::routing::get;
use functions_handler::{Answer, App, FunctionError, Invocation, Params, logs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const PROCESS_ORDER: Orchestrator<Order, String> = Orchestrator::new("process-order");
const SHIP: Activity<String, String> = Activity::new("ship");

#[derive(Deserialize, Serialize)]
struct Order {
    id: String,
    item: String,
}

/// Runs for each message. After an error the host delivers the message again.
async fn on_order(invocation: Invocation) -> Result<Answer, FunctionError> {
    let message = invocation.data("messageTrigger").ok_or("no message")?;
    let order: Order = message.json()?;
    let client = DurableClient::from_invocation(&invocation)?;
    // The id of the order is the id of the instance, so that an order has one instance.
    let start = client.start(PROCESS_ORDER, &order).with_id(&order.id);
    match start.with_reuse_policy(ReusePolicy::create_only()).await {
        Ok(_) | Err(ClientError::AlreadyExists { .. }) => Ok(Answer::new()),
        Err(error) => Err(error.into()),
    }
}

async fn process_order(ctx: OrchestrationContext, order: Order) -> Result<String> {
    Ok(ctx.call(SHIP, order.item).await?)
}

/// Counts, to show that the order is shipped once.
async fn ship(_: ActivityContext, item: String) -> Result<String> {
    static SHIPMENTS: AtomicU32 = AtomicU32::new(0);
    let number = SHIPMENTS.fetch_add(1, Ordering::Relaxed) + 1;
    Ok(format!("{item}: shipment {number}"))
}

/// `GET /api/orders/{id}`
async fn get_order(
    client: DurableClient,
    Params(id): Params<String>,
) -> Result<Json<Value>, ClientError> {
    let status = client.instance(PROCESS_ORDER, &id).status().await?;
    let status = status.ok_or(ClientError::NotFound { id })?;
    let (output, status) = (status.output()?, status.runtime_status);
    Ok(Json(json!({ "output": output, "status": status })))
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .function("on-order", on_order)
        .http("get-order", get(get_order).with_route("orders/{id}"))
        .orchestrator(PROCESS_ORDER, process_order)
        .activity(SHIP, ship)
        .serve()
        .await
        .exit()
}
