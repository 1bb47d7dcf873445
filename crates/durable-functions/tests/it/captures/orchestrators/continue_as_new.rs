//! Continue-as-new.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, Event, OrchestrationContext, Orchestrator, Result};
use futures::future::{Either, select};
use serde::{Deserialize, Serialize};

use super::{Json, bound, json};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("canActivity", with_an_activity),
        bound("canCarry", carrying_events),
        bound("canCarryAll", carrying_events),
        bound("canNoCarry", dropping_events),
        bound("canPending", with_open_work),
        bound("canVersion", with_a_version),
    ]
}

const GO: Event<Json> = Event::new("Go");
const ITEM: Event<Json> = Event::new("Item");

#[derive(Serialize, Deserialize)]
struct Generation {
    n: u32,
}

const fn again<O>(name: &'static str) -> Orchestrator<Generation, O> {
    Orchestrator::new(name)
}

async fn with_an_activity(ctx: OrchestrationContext, Generation { n }: Generation) -> Result<Json> {
    ctx.call(Activity::<u32, u32>::new("echo"), n).await?;
    if n < 2 {
        ctx.set_custom_status(Generation { n });
        return ctx
            .continue_as_new(again("canActivity"), Generation { n: n + 1 })
            .await;
    }
    Ok(json(&format!(r#"{{"finished":{n}}}"#)))
}

async fn carrying_events(
    ctx: OrchestrationContext,
    Generation { n }: Generation,
) -> Result<Vec<Json>> {
    #[derive(Serialize)]
    struct Next {
        n: u32,
        got: [u32; 0],
    }
    if n == 0 {
        ctx.wait_for(GO).await?;
        // It runs under two names.
        let this: Orchestrator<_, _> = match ctx.name().as_str() {
            "canCarry" => Orchestrator::new("canCarry"),
            _ => Orchestrator::new("canCarryAll"),
        };
        return ctx.continue_as_new(this, Next { n: 1, got: [] }).await;
    }
    let mut items = Vec::new();
    while items.len() < 5 {
        items.push(ctx.wait_for(ITEM).await?);
    }
    Ok(items)
}

async fn dropping_events(ctx: OrchestrationContext, Generation { n }: Generation) -> Result<Json> {
    if n == 0 {
        ctx.wait_for(GO).await?;
        return ctx
            .continue_as_new(again("canNoCarry"), Generation { n: 1 })
            .dropping_events()
            .await;
    }
    let timer = ctx.sleep(Duration::from_secs(3));
    match select(ctx.wait_for(ITEM), timer).await {
        Either::Left((item, _)) => Ok(item?),
        Either::Right(_) => Ok(json(r#""lost""#)),
    }
}

async fn with_open_work(
    ctx: OrchestrationContext,
    Generation { n }: Generation,
) -> Result<&'static str> {
    if n == 0 {
        let _activity = ctx.call(Activity::<&str, Json>::new("echo"), "unawaited");
        let _timer = ctx.sleep(Duration::from_secs(1));
        return ctx
            .continue_as_new(again("canPending"), Generation { n: 1 })
            .await;
    }
    ctx.sleep(Duration::from_secs(3)).await;
    Ok("second")
}

async fn with_a_version(
    ctx: OrchestrationContext,
    Generation { n }: Generation,
) -> Result<Option<String>> {
    if n == 0 {
        return ctx
            .continue_as_new(again("canVersion"), Generation { n: 1 })
            .with_version("")
            .await;
    }
    Ok(ctx.version().as_str().map(str::to_owned))
}
