//! A failure as the error of an orchestrator.
use durable_functions::{Failure, OrchestrationContext, Result};

async fn approve(_: OrchestrationContext, approved: bool) -> Result<()> {
    if !approved {
        return Err(Failure::new("Rejected", "it was not approved"));
    }
    Ok(())
}

fn main() {}
