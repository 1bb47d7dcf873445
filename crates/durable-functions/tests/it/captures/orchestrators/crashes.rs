//! Orchestrators whose worker died, hung, or asked for the turn again. The Rust ones do none of these:
//! they show what a worker decides that gets the same turns and finishes them.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, OrchestrationContext, Result};
use serde::{Deserialize, Serialize};

use super::{Json, bound, json};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("crash", crash),
        bound("crashSecond", crash_second),
        bound("hangOnce", hang_once),
        bound("redeliver", redeliver),
    ]
}

const ECHO: Activity<u32, Json> = Activity::new("echo");

async fn crash(_: OrchestrationContext, (): ()) -> Result<&'static str> {
    Ok("never")
}

async fn crash_second(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    ctx.call(ECHO, 1).await?;
    Ok("never")
}

async fn hang_once(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    ctx.call(ECHO, 1).await?;
    ctx.call(ECHO, 2).await?;
    Ok("after the time-out")
}

#[derive(Serialize, Deserialize)]
struct Redeliveries {
    times: u32,
}

async fn redeliver(ctx: OrchestrationContext, input: Redeliveries) -> Result<Json> {
    ctx.call(ECHO, 1).await?;
    ctx.call(ECHO, 2).await?;
    // The recorded worker counted its answers to the turn.
    let answered = input.times + 1;
    Ok(json(&format!(r#"{{"answered":{answered}}}"#)))
}
