//! Orchestrators whose recorded answers no worker should give. The API cannot give them; these
//! orchestrators come nearest to them.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, Event, OrchestrationContext, Result};

use super::{Json, bound};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    let mut functions: Vec<_> = [
        "garbage",
        "badBase64",
        "numberReturn",
        "noReturn",
        "objectReturn",
        "emptyResponse",
        "plainText",
        "empty",
        "actTerminate",
        "actRewind",
        "actNone",
        "actNoFireAt",
        "requiresHistory",
    ]
    .into_iter()
    .map(|name| returning(name, "ok"))
    .collect();
    functions.extend([
        bound("http500", http_500),
        bound("http404", http_404),
        returning("twoCompletions", "second"),
        returning("otherInstance", "instanceId is ignored"),
        returning("actAfterGood", "first"),
        returning("actAfterCompletion", "first"),
        bound("actNoName", no_name),
        bound("noActions", no_actions),
    ]);
    functions
}

fn returning(name: &'static str, output: &'static str) -> OrchestratorFunction {
    bound(name, move |_: OrchestrationContext, _: Json| async move {
        Ok(output)
    })
}

/// What would be an HTTP 500 in other frameworks.
async fn http_500(_: OrchestrationContext, _: Json) -> Result<()> {
    panic!("lost");
}

/// What would be another status in other frameworks.
async fn http_404(_: OrchestrationContext, _: Json) -> Result<()> {
    Err(std::io::Error::from(std::io::ErrorKind::NotFound))?
}

async fn no_name(ctx: OrchestrationContext, input: Json) -> Result<()> {
    let _ = ctx.call(Activity::<u32, Json>::new(""), 1).await;
    no_actions(ctx, input).await
}

async fn no_actions(ctx: OrchestrationContext, _: Json) -> Result<()> {
    Ok(ctx
        .wait_for(Event::new("an event that never comes"))
        .await?)
}
