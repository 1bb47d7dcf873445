//! Orchestrators whose recorded action ids are not ours.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, Event, OrchestrationContext, Result};

use super::{Json, bound, json};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("base1", from_one),
        bound("idGaps", from_a_hundred),
        bound("idNegative", from_below_zero),
        bound("sameIds", one_id_twice_at_once),
        bound("reusedId", one_id_again),
    ]
}

const ECHO: Activity<Json, Json> = Activity::new("echo");

async fn from_one(ctx: OrchestrationContext, (): ()) -> Result<Json> {
    let output = ctx.call(ECHO, json(r#""one-based""#)).await?;
    ctx.sleep(Duration::from_millis(300)).await;
    Ok(output)
}

async fn from_a_hundred(ctx: OrchestrationContext, (): ()) -> Result<Json> {
    Ok(ctx.call(ECHO, json("1")).await?)
}

async fn from_below_zero(ctx: OrchestrationContext, (): ()) -> Result<Json> {
    Ok(ctx.call(ECHO, json(r#""minus""#)).await?)
}

async fn one_id_twice_at_once(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    let timer = ctx.sleep(Duration::from_secs(2));
    let _first = ctx.call(ECHO, json(r#""first""#));
    let _second = ctx.call(ECHO, json(r#""second""#));
    timer.await;
    Ok("both scheduled")
}

async fn one_id_again(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    for _ in 0..2 {
        ctx.call(ECHO, json(r#""again""#)).await?;
        ctx.wait_for(Event::<()>::new("Go")).await?;
    }
    Ok("ok")
}
