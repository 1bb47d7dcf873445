//! Chain: activities run one after the other, each with the result of the one before.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/chain
//! $ curl http://localhost:7071/api/orders -H 'Content-Type: application/json' -d '"lamp"'
//! receipt 2 for reservation 1 of a lamp: shipped
//! ```

use std::time::Duration;

use axum::Json;
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, OrchestrationContext,
    Orchestrator, Result, is_replaying,
};
use functions_handler::routing::post;
use functions_handler::{App, logs};

const PROCESS_ORDER: Orchestrator<String, String> = Orchestrator::new("process-order");
const RESERVE: Activity<String, String> = Activity::new("reserve");
const CHARGE: Activity<String, String> = Activity::new("charge");
const SHIP: Activity<String, String> = Activity::new("ship");

/// If the host stops in the middle, the chain goes on after the last activity that has ended.
async fn process_order(ctx: OrchestrationContext, item: String) -> Result<String> {
    let reservation = ctx.call(RESERVE, item).await?;
    let receipt = ctx.call(CHARGE, reservation).await?;
    Ok(ctx.call(SHIP, receipt).await?)
}

async fn reserve(_: ActivityContext, item: String) -> Result<String> {
    Ok(format!("reservation 1 of a {item}"))
}

async fn charge(_: ActivityContext, reservation: String) -> Result<String> {
    Ok(format!("receipt 2 for {reservation}"))
}

async fn ship(_: ActivityContext, receipt: String) -> Result<String> {
    Ok(format!("{receipt}: shipped"))
}

/// `POST /api/orders`: starts an orchestration and waits for its output.
async fn place_order(
    client: DurableClient,
    Json(item): Json<String>,
) -> Result<String, ClientError> {
    let instance = client.start(PROCESS_ORDER, &item).await?;
    instance.output(Duration::from_secs(30)).await
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("place-order", post(place_order).with_route("orders"))
        .orchestrator(PROCESS_ORDER, process_order)
        .activity(RESERVE, reserve)
        .activity(CHARGE, charge)
        .activity(SHIP, ship)
        .serve()
        .await
        .exit()
}
