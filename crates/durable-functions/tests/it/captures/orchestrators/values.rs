//! Inputs and results as texts.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, OrchestrationContext, Result};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{Json, bound, json};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("inputEcho", input_echo),
        bound("activityInputs", activity_inputs),
        bound("returnValues", return_values),
        bound("bigResult", big_result),
    ]
}

/// Any JSON. The failure for an input that is not JSON holds the name of this type.
#[derive(Deserialize)]
struct Raw(Json);

async fn input_echo(_: OrchestrationContext, Raw(input): Raw) -> Result<Json> {
    #[derive(Serialize)]
    struct Echo<'a> {
        raw: &'a str,
        absent: bool,
    }
    let echo = Echo {
        raw: input.get(),
        absent: false,
    };
    Ok(json(&serde_json::to_string(&echo)?))
}

/// Each as an input of an activity. An absent input is `null` here, and a text that is not JSON is
/// the JSON string that holds it.
const INPUTS: [&str; 20] = [
    "null",
    r#""""#,
    "null",
    r#""""#,
    r#""text""#,
    r#"{"a": 1}"#,
    "[1, 2]",
    "42",
    "1.50",
    "12345678901234567890",
    "true",
    r#""2024-01-02T03:04:05+02:00""#,
    r#"{"when":"2024-01-02T03:04:05.1200000+02:00"}"#,
    r#""not json""#,
    r#""{\"broken\":""#,
    r#"{"instanceId":"evil","data":"evil","input":"evil","sys":"evil"}"#,
    r#""{\"nested\": \"json\"}""#,
    r#""Grüße 中文 😀""#,
    r#"{"a":1,"a":2}"#,
    r#"{"big":9007199254740993,"d":1.50}"#,
];

async fn activity_inputs(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    let inspect = Activity::<Json, Json>::new("inspect");
    for input in INPUTS {
        // Some fail: the host refuses inputs that are not JSON.
        let _ = ctx.call(inspect, json(input)).await;
    }
    Ok("see history")
}

async fn return_values(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    let conv = Activity::<u32, Json>::new("conv");
    try_join_all((0..48).map(|i| ctx.call(conv, i))).await?;
    Ok("see history")
}

#[derive(Deserialize)]
struct Size {
    n: usize,
}

async fn big_result(ctx: OrchestrationContext, Size { n }: Size) -> Result<String> {
    #[derive(Serialize)]
    struct Wanted {
        n: usize,
    }
    let big: String = ctx.call(Activity::new("big"), Wanted { n }).await?;
    let _: usize = ctx.call(Activity::new("len"), big.clone()).await?;
    Ok(big)
}
