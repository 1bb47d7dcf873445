//! An orchestrator that borrows from `main`.
use durable_functions::{AppExt, OrchestrationContext, Orchestrator};
use functions_handler::App;

const COUNT: Orchestrator<(), usize> = Orchestrator::new("count");

fn main() {
    let names = vec![1, 2, 3];
    let _ = App::new().orchestrator(COUNT, async |_: OrchestrationContext, (): ()| Ok(names.len()));
}
