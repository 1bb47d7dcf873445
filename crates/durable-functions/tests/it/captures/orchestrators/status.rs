//! The custom status.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Event, OrchestrationContext, Result};

use super::{Json, bound, json};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("statusKinds", kinds),
        bound("statusDropped", set_once),
        // With its two quotes, the JSON text has the length that the name says.
        of_length("status8192", "x", 8190),
        of_length("status8193", "x", 8191),
        of_length("statusAstral", "😀", 4095),
    ]
}

const GO: Event<()> = Event::new("Go");

async fn kinds(ctx: OrchestrationContext, kind: String) -> Result<&'static str> {
    match kind.as_str() {
        "absent" => {}
        "emptyText" => ctx.set_custom_status(""),
        "notJson" => ctx.set_custom_status("hello {"),
        "jsonNull" => ctx.set_custom_status(()),
        "object" => {
            ctx.set_custom_status(json(r#"{ "a" : 1.0, "when":"2024-01-02T03:04:05+02:00" }"#))
        }
        other => panic!("a status that was not recorded: {other}"),
    }
    ctx.wait_for(GO).await?;
    Ok("ok")
}

async fn set_once(ctx: OrchestrationContext, _: Json) -> Result<&'static str> {
    ctx.set_custom_status("first");
    ctx.wait_for(GO).await?;
    ctx.wait_for(GO).await?;
    Ok("ok")
}

fn of_length(name: &'static str, letter: &'static str, times: usize) -> OrchestratorFunction {
    bound(name, move |ctx: OrchestrationContext, _: Json| async move {
        ctx.set_custom_status(letter.repeat(times));
        ctx.sleep(Duration::from_millis(500)).await;
        Ok("ok")
    })
}
