//! Calls of activities.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, OrchestrationContext, Result};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{Json, attempt, bound, json, uncaught};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("oneActivity", one_activity),
        bound("oneActivitySlow", one_activity_slow),
        bound("chain", chain),
        bound("fanout", fan_out),
        bound("caseNames", case_names),
        bound("renamedOrchestratorFn", renamed),
        bound("suspendActivity", suspend_activity),
        bound("terminateActivity", terminate_activity),
        bound("builtinHttp", builtin_http),
        attempting("activity404", "fail404"),
        attempting("activity500", "fail500"),
        attempting("activityReason", "failReason"),
        attempting("activityNotJson", "notJson"),
        attempting("activityEmptyObject", "emptyObject"),
        attempting("activityOutputsOnly", "outputsOnly"),
        attempting("activityMissing", "no-such-activity"),
        attempting("activityCrash", "crashActivity"),
        attempting("activityHang", "hangActivity"),
        catching("busyCaught", "busy"),
        catching("busyReasonCaught", "busyReason"),
        failing("busyFails", "busy"),
        failing("busyReasonFails", "busyReason"),
    ]
}

const ECHO: Activity<Json, Json> = Activity::new("echo");

async fn one_activity(ctx: OrchestrationContext, input: Json) -> Result<Json> {
    ctx.set_custom_status("Querying");
    let output = ctx
        .call(ECHO, input)
        .await
        .map_err(uncaught("TaskFailed"))?;
    Ok(output)
}

#[derive(Serialize)]
struct Slow {
    ms: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<u32>,
}

async fn one_activity_slow(ctx: OrchestrationContext, value: u32) -> Result<u32> {
    let slow = Slow {
        ms: 1500,
        value: Some(value),
    };
    Ok(ctx.call(Activity::<_, u32>::new("slow"), slow).await?)
}

async fn chain(ctx: OrchestrationContext, (): ()) -> Result<Vec<String>> {
    #[derive(Serialize)]
    struct Stage {
        stage: &'static str,
        done: usize,
        total: usize,
    }
    let towns = ["Tokyo", "Oslo", "Lima"];
    let echo = Activity::<&str, String>::new("echo");
    let mut results = Vec::new();
    for (done, stage) in towns.into_iter().enumerate() {
        let total = towns.len();
        ctx.set_custom_status(Stage { stage, done, total });
        results.push(ctx.call(echo, stage).await?);
    }
    ctx.set_custom_status("done");
    Ok(results)
}

async fn fan_out(ctx: OrchestrationContext, input: Count) -> Result<usize> {
    #[derive(Serialize)]
    struct Item {
        i: u32,
    }
    let echo = Activity::<Item, Json>::new("echo");
    let calls = (0..input.n).map(|i| ctx.call(echo, Item { i }));
    Ok(try_join_all(calls).await?.len())
}

#[derive(Deserialize)]
struct Count {
    n: u32,
}

async fn case_names(ctx: OrchestrationContext, (): ()) -> Result<(String, String)> {
    let upper = ctx.call(Activity::new("ECHO"), "upper").await?;
    let renamed = ctx
        .call(Activity::new("renamedActivity"), "renamed")
        .await?;
    Ok((upper, renamed))
}

async fn renamed(_: OrchestrationContext, input: u32) -> Result<String> {
    Ok(format!("renamed {input}"))
}

async fn suspend_activity(ctx: OrchestrationContext, (): ()) -> Result<(String, String)> {
    let slow = Slow {
        ms: 2500,
        value: None,
    };
    let first = ctx.call(Activity::new("slow"), slow).await?;
    let after = ctx.call(Activity::new("echo"), "after").await?;
    Ok((first, after))
}

async fn terminate_activity(ctx: OrchestrationContext, (): ()) -> Result<Json> {
    let slow = Slow {
        ms: 4000,
        value: None,
    };
    Ok(ctx.call(Activity::new("slow"), slow).await?)
}

/// Catches the failure of one activity, if it fails.
fn attempting(name: &'static str, activity: &'static str) -> OrchestratorFunction {
    bound(name, move |ctx: OrchestrationContext, (): ()| async move {
        let outcome = ctx.call(Activity::new(activity), 1).await;
        Ok(attempt("TaskFailed", outcome))
    })
}

/// The same with an input that says how the activity fails.
fn catching(name: &'static str, activity: &'static str) -> OrchestratorFunction {
    bound(
        name,
        move |ctx: OrchestrationContext, input: Json| async move {
            let outcome = ctx.call(Activity::new(activity), input).await;
            Ok(attempt("TaskFailed", outcome))
        },
    )
}

/// Fails with an activity, and is rewound.
fn failing(name: &'static str, activity: &'static str) -> OrchestratorFunction {
    bound(
        name,
        move |ctx: OrchestrationContext, input: Json| async move {
            let before: String = ctx.call(Activity::new("echo"), "before").await?;
            let activity = Activity::<Json, String>::new(activity);
            let worked = ctx
                .call(activity, input)
                .await
                .map_err(uncaught("TaskFailed"))?;
            Ok((before, worked))
        },
    )
}

#[derive(Deserialize)]
struct Target {
    uri: String,
}

async fn builtin_http(ctx: OrchestrationContext, target: Target) -> Result<Vec<Json>> {
    let uri = target.uri;
    let inputs = [
        format!(r#"[{{"method":"GET","uri":"{uri}","headers":{{"x-test":"v"}}}}]"#),
        format!(
            r#"[{{"method":"POST","uri":"{uri}","content":"{{\"posted\":true}}","headers":{{"content-type":["application/json"]}}}}]"#
        ),
        r#"[{"method":"GET","uri":"http://127.0.0.1:9/refused"}]"#.to_owned(),
        format!(r#"{{"method":"GET","uri":"{uri}"}}"#),
    ];
    let mut outcomes = Vec::new();
    for input in inputs {
        let activity = Activity::new("BuiltIn::HttpActivity");
        outcomes.push(attempt(
            "TaskFailed",
            ctx.call(activity, json(&input)).await,
        ));
    }
    Ok(outcomes)
}
