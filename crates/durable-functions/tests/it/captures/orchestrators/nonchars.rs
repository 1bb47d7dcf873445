//! U+FFFF in places where the host cannot carry it.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, OrchestrationContext, Result};
use serde::{Deserialize, Serialize};

use super::{Json, bound, json};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("canary", canary),
        bound("childOk", async |_: OrchestrationContext, (): ()| {
            Ok("child ok")
        }),
        bound("place", place),
    ]
}

async fn canary(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    let _: Json = ctx.call(Activity::new("echoRaw"), 1).await?;
    Ok("ok")
}

#[derive(Deserialize)]
struct Place {
    place: String,
    hex: String,
}

/// Gives the text to an activity, or lets an activity return it.
async fn place(ctx: OrchestrationContext, Place { place, hex }: Place) -> Result<&'static str> {
    #[derive(Serialize)]
    struct Answer {
        hex: String,
    }
    let _: Json = match place.as_str() {
        "activity input" => {
            let text = json(&decoded(&hex));
            ctx.call(Activity::new("echoRaw"), text).await?
        }
        _ => ctx.call(Activity::new("ret"), Answer { hex }).await?,
    };
    Ok("ran")
}

fn decoded(hex: &str) -> String {
    let digits = hex.as_bytes().chunks(2);
    let bytes = digits.map(|pair| {
        let pair = std::str::from_utf8(pair).unwrap();
        u8::from_str_radix(pair, 16).unwrap()
    });
    String::from_utf8(bytes.collect()).unwrap()
}
