//! App state: what is made once at the start (a connection, settings) reaches every activity.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/app-state
//! $ curl http://localhost:7071/api/quotes -H 'Content-Type: application/json' -d '"lamp"'
//! lamp: 29 EUR
//! $ curl http://localhost:7071/api/quotes -H 'Content-Type: application/json' -d '"boat"'
//! boat: no price
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::{Json, extract::State};
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, OrchestrationContext,
    Orchestrator, Result, is_replaying,
};
use functions_handler::routing::post;
use functions_handler::{App, logs};

const MAKE_QUOTE: Orchestrator<String, String> = Orchestrator::new("make-quote");
const PRICE: Activity<String, Option<u32>> = Activity::new("price");

/// Cheap to clone: each invocation gets a clone.
#[derive(Clone)]
struct Shop {
    prices: Arc<BTreeMap<String, u32>>,
}

/// Has no state: it may be replayed by a later start of the app, and must decide the same then.
async fn make_quote(ctx: OrchestrationContext, item: String) -> Result<String> {
    let price = ctx.call(PRICE, item.clone()).await?;
    let price = price.map_or("no price".to_owned(), |price| format!("{price} EUR"));
    Ok(format!("{item}: {price}"))
}

async fn price(_: ActivityContext, State(shop): State<Shop>, item: String) -> Result<Option<u32>> {
    Ok(shop.prices.get(&item).copied())
}

/// `POST /api/quotes`
async fn quote(client: DurableClient, Json(item): Json<String>) -> Result<String, ClientError> {
    let instance = client.start(MAKE_QUOTE, &item).await?;
    instance.output(Duration::from_secs(30)).await
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    let prices = Arc::new(BTreeMap::from([("lamp".to_owned(), 29)]));
    App::with_state(Shop { prices })
        .http("quote", post(quote).with_route("quotes"))
        .orchestrator(MAKE_QUOTE, make_quote)
        .activity_with_state(PRICE, price)
        .serve()
        .await
        .exit()
}
