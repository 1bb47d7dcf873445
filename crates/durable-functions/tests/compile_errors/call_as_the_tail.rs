//! The result of a call as the result of the orchestrator.
use durable_functions::{Activity, OrchestrationContext, Result};

const COUNT: Activity<String, u64> = Activity::new("count");

async fn count(ctx: OrchestrationContext, text: String) -> Result<u64> {
    ctx.call(COUNT, text).await
}

fn main() {}
