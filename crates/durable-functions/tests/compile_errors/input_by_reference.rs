//! An orchestrator that takes its input by reference.
use durable_functions::{AppExt, OrchestrationContext, Orchestrator, Result};
use functions_handler::App;

const COUNT: Orchestrator<String, usize> = Orchestrator::new("count");

async fn count(_: OrchestrationContext, text: &str) -> Result<usize> {
    Ok(text.len())
}

fn main() {
    let _ = App::new().orchestrator(COUNT, count);
}
