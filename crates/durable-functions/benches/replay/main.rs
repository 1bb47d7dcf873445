//! What a turn costs: the last turn of a chain and of a fan-out, base64 text in, base64 text out.
//!
//! Run with `cargo bench -p durable-functions --bench replay`. Each figure stands beside a floor
//! measured in the same run: a program without an engine, which decodes the base64, walks once over
//! the protobuf without copying, runs serde over every result and encodes the answer.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod floor;
mod histories;
mod measure;

use durable_functions::{
    Activity, OrchestrationContext, Orchestrator, OrchestratorFunction, Result, run_turn,
};
use futures::future::try_join_all;

const ECHO: Activity<u32, String> = Activity::new("echo");

async fn chain(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let mut length = 0;
    for i in 0..n {
        length += ctx.call(ECHO, i).await?.len();
    }
    Ok(length)
}

/// Calls run from the moment they are made, so awaiting them one by one waits for all of them.
async fn fan_out(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let calls: Vec<_> = (0..n).map(|i| ctx.call(ECHO, i)).collect();
    let mut length = 0;
    for call in calls {
        length += call.await?.len();
    }
    Ok(length)
}

/// The same with a combinator, whose own cost then comes on top.
async fn join_all(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let greetings = try_join_all((0..n).map(|i| ctx.call(ECHO, i))).await?;
    Ok(greetings.iter().map(String::len).sum())
}

fn main() {
    let shapes = [
        (
            "chain",
            OrchestratorFunction::new(Orchestrator::new("chain"), chain),
        ),
        (
            "fan-out",
            OrchestratorFunction::new(Orchestrator::new("fan-out"), fan_out),
        ),
        (
            "join_all",
            OrchestratorFunction::new(Orchestrator::new("fan-out"), join_all),
        ),
    ];
    println!("one turn with its whole history, one core; best of several rounds\n");
    println!("shape    |     n | request KiB |  floor µs | replay µs | µs per task | ratio");
    println!("-------- | ----: | ----------: | --------: | --------: | ----------: | ----:");
    // `cargo bench … -- fan-out` measures one shape.
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    for (shape, function) in shapes {
        if wanted.as_ref().is_some_and(|wanted| wanted != shape) {
            continue;
        }
        for n in [3, 30, 300, 3000, 10_000] {
            let request = match shape {
                "chain" => histories::chain(n),
                _ => histories::fan_out(n),
            };
            assert_eq!(
                run_turn(&function, &request),
                floor::answer(&request),
                "engine and floor must come to the same answer"
            );
            let [floor, replay] = measure::interleaved([
                &mut || drop(std::hint::black_box(floor::answer(&request))),
                &mut || drop(std::hint::black_box(run_turn(&function, &request))),
            ]);
            println!(
                "{shape:8} | {n:5} | {:11.1} | {floor:9.1} | {replay:9.1} | {:11.3} | {:5.2}",
                request.len() as f64 / 1024.0,
                replay / f64::from(n),
                replay / floor,
            );
        }
    }
}
