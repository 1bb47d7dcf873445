//! An input of the next execution that the orchestrator does not take.
use durable_functions::{OrchestrationContext, Orchestrator, Result};

const COUNT: Orchestrator<u64, u64> = Orchestrator::new("count");

async fn count(ctx: OrchestrationContext, n: u64) -> Result<u64> {
    ctx.continue_as_new(COUNT, format!("{n}")).await
}

fn main() {}
