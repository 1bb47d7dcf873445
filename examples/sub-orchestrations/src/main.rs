//! Sub-orchestrations: one for each device, at the same time. One that fails is run again by a retry policy.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/sub-orchestrations
//! $ curl http://localhost:7071/api/devices -H 'Content-Type: application/json' -d '["lamp","door","oven"]'
//! ["lamp is ready","door is ready","oven failed: NoAnswer"]
//! ```
//!
//! The door does not answer at first. The oven never does: it fails after three attempts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, Failure, OrchestrationContext,
    Orchestrator, Result, RetryPolicy, is_replaying,
};
use functions_handler::routing::post;
use functions_handler::{App, logs};

const THREE_TIMES: RetryPolicy = RetryPolicy::new(3, Duration::from_millis(50)).backoff(2.0);
const PROVISION_ALL: Orchestrator<Vec<String>, Vec<String>> = Orchestrator::new("provision-all");
const PROVISION: Orchestrator<String, String> =
    Orchestrator::new("provision-device").with_retry(THREE_TIMES);
const CONFIGURE: Activity<String, String> = Activity::new("configure");

async fn provision_all(ctx: OrchestrationContext, devices: Vec<String>) -> Result<Vec<String>> {
    let start = |device: &String| ctx.call_orchestrator(PROVISION, device.clone());
    let children: Vec<_> = devices.iter().map(start).collect();
    let mut results = Vec::new();
    for (device, child) in devices.iter().zip(children) {
        results.push(match child.await {
            Ok(result) => result,
            Err(error) => format!("{device} failed: {}", error.into_failure().error_type()),
        });
    }
    Ok(results)
}

/// Each attempt is an instance with a history of its own.
async fn provision_device(ctx: OrchestrationContext, device: String) -> Result<String> {
    Ok(ctx.call(CONFIGURE, device).await?)
}

/// Stands in for a call to a device.
async fn configure(_: ActivityContext, device: String) -> Result<String> {
    static DOOR_ANSWERS: AtomicBool = AtomicBool::new(false);
    let answers = match device.as_str() {
        "door" => DOOR_ANSWERS.swap(true, Ordering::Relaxed),
        "oven" => false,
        _ => true,
    };
    match answers {
        true => Ok(format!("{device} is ready")),
        false => Failure::new("NoAnswer", "the device does not answer").fail(),
    }
}

/// `POST /api/devices`
async fn provision(
    client: DurableClient,
    Json(devices): Json<Vec<String>>,
) -> Result<Json<Vec<String>>, ClientError> {
    let instance = client.start(PROVISION_ALL, &devices).await?;
    Ok(Json(instance.output(Duration::from_secs(30)).await?))
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("provision", post(provision).with_route("devices"))
        .orchestrator(PROVISION_ALL, provision_all)
        .orchestrator(PROVISION, provision_device)
        .activity(CONFIGURE, configure)
        .serve()
        .await
        .exit()
}
