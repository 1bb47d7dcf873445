//! Sub-orchestrations.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, OrchestrationContext, Orchestrator, Result};
use futures::future::{Either, select, select_all};
use serde::{Deserialize, Serialize};

use super::{Json, attempt, bound, child_id, json};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("sub", two_children),
        bound("subDuplicate", same_id_in_turn),
        bound("subRunningDuplicate", same_id_at_once),
        attempting("subFails", "failing"),
        attempting("subHttp500", "http500"),
        attempting("subMissing", "no-such-orchestrator"),
        attempting("subTerminated", "event"),
        bound("parent", parent),
        bound("openAtEnd", open_at_end),
        bound("subEmptyId", empty_id),
        bound("tagged", tagged),
        bound("tagEcho", tag_echo),
        bound("versioned", versioned),
        bound("versionEcho", version_echo),
    ]
}

const ONE_ACTIVITY: Orchestrator<u32, Json> = Orchestrator::new("oneActivity");

async fn two_children(ctx: OrchestrationContext, _: Json) -> Result<(Json, Json)> {
    let chain = Orchestrator::<(), Json>::new("chain");
    let first = ctx
        .call_orchestrator(chain, ())
        .with_id(child_id(&ctx, 0))
        .await?;
    let second = ctx
        .call_orchestrator(Orchestrator::new("oneActivity"), json(r#"{"a":1}"#))
        .with_id(child_id(&ctx, 1))
        .await?;
    Ok((first, second))
}

async fn same_id_in_turn(ctx: OrchestrationContext, (): ()) -> Result<Vec<Json>> {
    let id = format!("{}.child", ctx.instance_id());
    let mut outcomes = Vec::new();
    for input in [1, 2] {
        let outcome = ctx
            .call_orchestrator(ONE_ACTIVITY, input)
            .with_id(&id)
            .await;
        outcomes.push(attempt("SubFailed", outcome));
    }
    Ok(outcomes)
}

async fn same_id_at_once(ctx: OrchestrationContext, (): ()) -> Result<Json> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Winner {
        first: bool,
        second: bool,
        timed_out: bool,
    }
    let id = format!("{}.child", ctx.instance_id());
    let slow = Orchestrator::<u32, Json>::new("oneActivitySlow");
    let children = [1, 2].map(|input| ctx.call_orchestrator(slow, input).with_id(&id));
    let timer = ctx.sleep(Duration::from_secs(12));
    let winner = match select(select_all(children), timer).await {
        Either::Left(((_, child, _), _)) => Some(child),
        Either::Right(_) => None,
    };
    let winner = Winner {
        first: winner == Some(0),
        second: winner == Some(1),
        timed_out: winner.is_none(),
    };
    Ok(json(&serde_json::to_string(&winner)?))
}

/// Catches the failure of one child, if it fails.
fn attempting(name: &'static str, child: &'static str) -> OrchestratorFunction {
    bound(name, move |ctx: OrchestrationContext, (): ()| async move {
        let child = Orchestrator::new(child);
        let outcome = ctx
            .call_orchestrator(child, 1)
            .with_id(child_id(&ctx, 0))
            .await;
        Ok(attempt("SubFailed", outcome))
    })
}

async fn parent(ctx: OrchestrationContext, (): ()) -> Result<Json> {
    let event = Orchestrator::new("event");
    let input = json(r#"{"child":true}"#);
    Ok(ctx
        .call_orchestrator(event, input)
        .with_id(child_id(&ctx, 0))
        .await?)
}

async fn open_at_end(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    let _activity = ctx.call(Activity::<Json, Json>::new("slow"), json(r#"{"ms":1500}"#));
    let _timer = ctx.sleep(Duration::from_secs(2));
    let child = Orchestrator::<&str, Json>::new("oneActivity");
    let _child = ctx
        .call_orchestrator(child, "orphan")
        .with_id(child_id(&ctx, 2));
    Ok("done early")
}

/// The API cannot ask for an empty instance id. The nearest is to give none.
async fn empty_id(ctx: OrchestrationContext, (): ()) -> Result<Json> {
    Ok(ctx.call_orchestrator(ONE_ACTIVITY, 1).await?)
}

/// Tags are the recorded worker's; the API has none.
async fn tagged(ctx: OrchestrationContext, (): ()) -> Result<Json> {
    ctx.call(Activity::<u32, Json>::new("echo"), 1).await?;
    let child = Orchestrator::<u32, Json>::new("tagEcho");
    let child = ctx
        .call_orchestrator(child, 1)
        .with_id(child_id(&ctx, 1))
        .await?;
    Ok(json(&format!(r#"{{"child":{child}}}"#)))
}

async fn tag_echo(_: OrchestrationContext, _: u32) -> Result<()> {
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChildVersion {
    child_version: String,
}

async fn versioned(ctx: OrchestrationContext, input: Option<ChildVersion>) -> Result<Json> {
    #[derive(Serialize)]
    struct Versions {
        own: Option<String>,
        child: Option<String>,
    }
    let child = Orchestrator::<u32, Option<String>>::new("versionEcho");
    let child = match input.as_ref().map(|input| input.child_version.as_str()) {
        None => child,
        Some("") => child.with_version(""),
        Some("0.5") => child.with_version("0.5"),
        Some(other) => panic!("a version that was not recorded: {other}"),
    };
    let child = ctx
        .call_orchestrator(child, 1)
        .with_id(child_id(&ctx, 0))
        .await?;
    ctx.call(Activity::<u32, Json>::new("echo"), 1).await?;
    let own = ctx.version().as_str().map(str::to_owned);
    Ok(json(&serde_json::to_string(&Versions { own, child })?))
}

async fn version_echo(ctx: OrchestrationContext, _: u32) -> Result<Option<String>> {
    Ok(ctx.version().as_str().map(str::to_owned))
}
