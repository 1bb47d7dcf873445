//! Monitor: an orchestration looks at something again and again, with growing pauses, until it is done or too late.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/monitor
//! $ curl http://localhost:7071/api/watches/backup -H 'Content-Type: application/json' -d '{"pause_ms":50,"looks":9}'
//! watching
//! $ curl http://localhost:7071/api/watches/backup
//! {"output":"done at look 3","status":"Completed"}
//! $ curl http://localhost:7071/api/watches/upload -H 'Content-Type: application/json' -d '{"pause_ms":50,"looks":2}'
//! watching
//! $ curl http://localhost:7071/api/watches/upload
//! {"output":null,"status":"Failed"}
//! ```

use std::time::Duration;

use axum::Json;
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, Failure, OrchestrationContext,
    Orchestrator, Result, is_replaying,
};
use functions_handler::routing::{get, post};
use functions_handler::{App, Params, logs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const WATCH_JOB: Orchestrator<Watch, String> = Orchestrator::new("watch-job");
const IS_DONE: Activity<u32, bool> = Activity::new("is-done");

#[derive(Deserialize, Serialize)]
struct Watch {
    /// The first pause. Each one is twice as long as the one before, up to an hour.
    pause_ms: u64,
    /// How often it looks before it gives up.
    looks: u32,
}

async fn watch_job(ctx: OrchestrationContext, watch: Watch) -> Result<String> {
    let mut pause = Duration::from_millis(watch.pause_ms);
    for look in 1..=watch.looks {
        if ctx.call(IS_DONE, look).await? {
            return Ok(format!("done at look {look}"));
        }
        // A timer of the task hub: no thread waits, and it outlives a restart of the app.
        ctx.sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(3600));
    }
    Failure::new("TooLate", "it was not done at the last look").fail()
}

/// Stands in for a question to another system, whose job is done at the third look.
async fn is_done(_: ActivityContext, look: u32) -> Result<bool> {
    Ok(look >= 3)
}

/// `POST /api/watches/{job}`: starts the monitor, whose id is the name of the job.
async fn start_watch(
    client: DurableClient,
    Params(job): Params<String>,
    Json(watch): Json<Watch>,
) -> Result<&'static str, ClientError> {
    client.start(WATCH_JOB, &watch).with_id(job).await?;
    Ok("watching")
}

/// `GET /api/watches/{job}`: how far it is.
async fn get_watch(
    client: DurableClient,
    Params(job): Params<String>,
) -> Result<Json<Value>, ClientError> {
    let status = client.instance(WATCH_JOB, &job).status().await?;
    let status = status.ok_or(ClientError::NotFound { id: job })?;
    let (output, status) = (status.output()?, status.runtime_status);
    Ok(Json(json!({ "output": output, "status": status })))
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("start-watch", post(start_watch).with_route("watches/{job}"))
        .http("get-watch", get(get_watch).with_route("watches/{job}"))
        .orchestrator(WATCH_JOB, watch_job)
        .activity(IS_DONE, is_done)
        .serve()
        .await
        .exit()
}
