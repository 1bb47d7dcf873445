//! Eternal orchestration: after each event it continues as new, with a short history; unread events go along.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/eternal
//! $ curl http://localhost:7071/api/meters/kitchen -H 'Content-Type: application/json' -d '[5,7,11]'
//! taken
//! $ curl http://localhost:7071/api/meters/kitchen
//! 23
//! $ curl http://localhost:7071/api/meters/kitchen -H 'Content-Type: application/json' -d '[2]'
//! taken
//! $ curl http://localhost:7071/api/meters/kitchen
//! 25
//! $ curl -X DELETE http://localhost:7071/api/meters/kitchen
//! removed
//! ```

use axum::Json;
use durable_functions::{
    AppExt, ClientError, DurableClient, Event, OrchestrationContext, Orchestrator, Result,
    is_replaying,
};
use functions_handler::routing::{delete, get, post};
use functions_handler::{App, Params, logs};

/// Its input is the total so far.
const RUN_METER: Orchestrator<u64, ()> = Orchestrator::new("run-meter");
const READING: Event<u64> = Event::new("reading");

async fn run_meter(ctx: OrchestrationContext, total: u64) -> Result<()> {
    ctx.set_custom_status(total);
    let reading = ctx.wait_for(READING).await?;
    // Readings that came meanwhile are the first ones of the next execution.
    ctx.continue_as_new(RUN_METER, total + reading).await
}

/// `POST /api/meters/{id}`: starts the meter with its first readings. Each reading is an event.
async fn add_readings(
    client: DurableClient,
    Params(id): Params<String>,
    Json(readings): Json<Vec<u64>>,
) -> Result<&'static str, ClientError> {
    let meter = match client.start(RUN_METER, &0).with_id(&id).await {
        Err(ClientError::AlreadyExists { .. }) => client.instance(RUN_METER, id),
        started => started?,
    };
    for reading in readings {
        meter.raise(READING, &reading).await?;
    }
    Ok("taken")
}

/// `GET /api/meters/{id}`: the custom status.
async fn get_meter(
    client: DurableClient,
    Params(id): Params<String>,
) -> Result<Json<Option<u64>>, ClientError> {
    let status = client.instance(RUN_METER, &id).status().await?;
    let status = status.ok_or(ClientError::NotFound { id })?;
    Ok(Json(status.custom_status_as()?))
}

/// `DELETE /api/meters/{id}`: an eternal orchestration ends when it is terminated.
async fn remove_meter(
    client: DurableClient,
    Params(id): Params<String>,
) -> Result<&'static str, ClientError> {
    let meter = client.instance(RUN_METER, id);
    meter.terminate("the meter was removed").await?;
    Ok("removed")
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("add-readings", post(add_readings).with_route("meters/{id}"))
        .http("get-meter", get(get_meter).with_route("meters/{id}"))
        .http(
            "remove-meter",
            delete(remove_meter).with_route("meters/{id}"),
        )
        .orchestrator(RUN_METER, run_meter)
        .serve()
        .await
        .exit()
}
