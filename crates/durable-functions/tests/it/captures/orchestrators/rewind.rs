//! Orchestrations that failed and were rewound.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, Failure, OrchestrationContext, Orchestrator, Result};
use serde::Serialize;

use super::{Json, bound, child_id, uncaught};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("rewindMe", rewind_me),
        bound("rewindSub", rewind_sub),
        bound("rewindBody", fixed),
        bound("cutOnce", cut_once),
        bound("busyFails", busy_fails),
        bound("childOk", child_ok),
    ]
}

/// Between this turn and the next the code of `rewindBody` was changed, which is what rewind is for.
pub(super) const NOT_FIXED_YET: (&str, u32) = ("rewindBody", 4);

const ECHO: Activity<&str, String> = Activity::new("echo");

async fn rewind_me(ctx: OrchestrationContext, _: Json) -> Result<(String, String)> {
    #[derive(Serialize)]
    struct Flaky {
        key: String,
        times: u32,
    }
    let before = ctx.call(ECHO, "before").await?;
    let key = ctx.instance_id();
    let flaky = Activity::new("flaky");
    let after = ctx
        .call(flaky, Flaky { key, times: 1 })
        .await
        .map_err(uncaught("TaskFailed"))?;
    Ok((before, after))
}

async fn rewind_sub(ctx: OrchestrationContext, (): ()) -> Result<(String, Json)> {
    let before = ctx.call(ECHO, "before").await?;
    let child = Orchestrator::new("rewindMe");
    let output = ctx
        .call_orchestrator(child, 1)
        .with_id(child_id(&ctx, 1))
        .await
        .map_err(uncaught("SubFailed"))?;
    Ok((before, output))
}

/// The recorded worker answered the second turn with HTTP 500.
pub(crate) async fn cut_once(ctx: OrchestrationContext, (): ()) -> Result<(String, String)> {
    #[derive(Serialize)]
    struct Slow {
        ms: u32,
    }
    let fast = ctx.call(ECHO, "fast");
    let slow = ctx.call(Activity::new("slow"), Slow { ms: 3000 });
    Ok((fast.await?, slow.await?))
}

async fn child_ok(_: OrchestrationContext, (): ()) -> Result<&'static str> {
    Ok("child ok")
}

async fn busy_fails(ctx: OrchestrationContext, input: Json) -> Result<(String, String)> {
    let before = ctx.call(ECHO, "before").await?;
    let busy = ctx.call(Activity::<Json, String>::new("busy"), input);
    let after = busy.await.map_err(uncaught("TaskFailed"))?;
    Ok((before, after))
}

pub(super) async fn not_fixed_yet(ctx: OrchestrationContext, (): ()) -> Result<String> {
    ctx.call(ECHO, "before").await?;
    Err(Failure::new("Bug", "not fixed yet"))?
}

async fn fixed(ctx: OrchestrationContext, (): ()) -> Result<String> {
    Ok(ctx.call(ECHO, "before").await?)
}
