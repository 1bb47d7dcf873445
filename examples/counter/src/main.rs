//! Entity: a counter, whose state the task hub keeps. Its operations run one at a time.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/counter
//! $ curl http://localhost:7071/api/counters/apples -H 'Content-Type: application/json' -d 5
//! counted
//! $ curl http://localhost:7071/api/counters/apples -H 'Content-Type: application/json' -d -2
//! counted
//! $ curl http://localhost:7071/api/counters/apples
//! 3
//! $ curl http://localhost:7071/api/counters/pears
//! null
//! ```

use axum::Json;
use durable_functions::{
    AppExt, ClientError, DurableClient, Entity, EntityContext, EntityFunction, Operation, Result,
    is_replaying,
};
use functions_handler::routing::{get, post};
use functions_handler::{App, Params, logs};

const COUNTER: Entity<i64> = Entity::new("counter");
const ADD: Operation<i64, i64> = Operation::new("add");

/// The state of a new counter is `i64::default()`. Whoever calls the operation gets its output.
async fn add(_: EntityContext, count: &mut i64, amount: i64) -> Result<i64> {
    *count += amount;
    Ok(*count)
}

/// `POST /api/counters/{key}`: signals the counter, which has no answer. An orchestrator can call it.
async fn count(
    client: DurableClient,
    Params(key): Params<String>,
    Json(amount): Json<i64>,
) -> Result<&'static str, ClientError> {
    client.entity(COUNTER.id(key)).signal(ADD, &amount).await?;
    Ok("counted")
}

/// `GET /api/counters/{key}`
async fn get_count(
    client: DurableClient,
    Params(key): Params<String>,
) -> Result<Json<Option<i64>>, ClientError> {
    Ok(Json(client.entity(COUNTER.id(key)).state().await?))
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("count", post(count).with_route("counters/{key}"))
        .http("get-count", get(get_count).with_route("counters/{key}"))
        .entity(EntityFunction::new(COUNTER).on(ADD, add))
        .serve()
        .await
        .exit()
}
