//! What is measured: an orchestrator and the history that goes with it.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{OrchestrationContext, Orchestrator, Result};
use futures::future::try_join_all;

use crate::histories::History;
use crate::orchestrators::{ECHO, chain, fan_out};

pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) function: OrchestratorFunction,
    pub(crate) history: fn(u32) -> History,
    /// Whether it goes into the file of figures, which holds the two shapes for comparisons with other SDKs.
    pub(crate) compared: bool,
}

pub(crate) fn shapes() -> [Shape; 5] {
    let chain = OrchestratorFunction::new(Orchestrator::new("chain"), chain);
    [
        Shape {
            name: "chain",
            function: chain.clone(),
            history: History::chain,
            compared: true,
        },
        Shape {
            name: "fan-out",
            function: OrchestratorFunction::new(Orchestrator::new("fan-out"), fan_out),
            history: History::fan_out,
            compared: true,
        },
        Shape {
            name: "envelope",
            function: chain,
            history: History::enveloped_chain,
            compared: false,
        },
        Shape {
            name: "join_all",
            function: OrchestratorFunction::new(Orchestrator::new("fan-out"), with_join_all),
            history: History::fan_out,
            compared: false,
        },
        Shape {
            name: "try_join_all",
            function: OrchestratorFunction::new(Orchestrator::new("fan-out"), with_try_join_all),
            history: History::fan_out,
            compared: false,
        },
    ]
}

/// The fan-out with the fan-in of the context, which holds all results until the last has come.
async fn with_join_all(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let greetings = ctx.join_all((0..n).map(|i| ctx.call(ECHO, i))).await?;
    Ok(greetings.iter().map(String::len).sum())
}

/// The fan-out with a combinator of another crate, which adds its own cost.
async fn with_try_join_all(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let greetings = try_join_all((0..n).map(|i| ctx.call(ECHO, i))).await?;
    Ok(greetings.iter().map(String::len).sum())
}
