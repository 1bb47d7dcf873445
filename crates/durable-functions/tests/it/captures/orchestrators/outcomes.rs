//! How an orchestration ends: outputs and failures.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, Failure, OrchestrationContext, Result};

use super::{Json, bound, json};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("failing", failing),
        bound("failingBare", failing_with("Error", "only a result")),
        bound("failingBoth", failing_with("T", "M")),
        bound("failingEmpty", failing_with("", "")),
        bound("failingWithActions", failing_with_actions),
        returning("canceled", r#""cancel""#),
        returning("selfTerminated", r#""by myself""#),
        returning("completeRunning", r#""odd""#),
        returning("completePending", r#""odd""#),
        bound("outputAbsent", async |_, _: Json| Ok(())),
        bound("outputNull", async |_, _: Json| Ok(())),
        bound("outputEmptyText", async |_, _: Json| Ok("")),
        bound("outputEmptyString", async |_, _: Json| Ok("")),
        bound("outputNotJson", async |_, _: Json| Ok("not json {")),
        returning(
            "outputSpaced",
            r#"{ "a" : 1.50, "when": "2024-01-02T03:04:05.1200000+02:00", "big": 12345678901234567890 }"#,
        ),
    ]
}

fn returning(name: &'static str, output: &'static str) -> OrchestratorFunction {
    bound(name, move |_: OrchestrationContext, _: Json| async move {
        Ok(json(output))
    })
}

/// A failure; the recorded worker's had a stack trace and properties as well.
async fn failing(_: OrchestrationContext, _: Json) -> Result<()> {
    Err(Failure::new("QueryError", "the table is on fire")
        .non_retriable()
        .with_cause(Failure::new("IoError", "inner cause")))?
}

fn failing_with(
    error_type: &'static str,
    message: &'static str,
) -> impl Fn(OrchestrationContext, Json) -> std::future::Ready<Result<()>> {
    move |_, _| std::future::ready(Err(Failure::new(error_type, message).into()))
}

async fn failing_with_actions(ctx: OrchestrationContext, _: Json) -> Result<()> {
    let _activity = ctx.call(Activity::<&str, Json>::new("echo"), "still scheduled");
    Err(Failure::new("MyError", "failed with an action beside"))?
}
