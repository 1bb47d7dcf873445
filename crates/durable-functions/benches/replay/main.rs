//! What a turn costs: the last turn of a chain and of a fan-out, base64 text in, base64 text out.
//!
//! Run with `cargo bench -p durable-functions --bench replay`; add `-- chain 300` for less. Each
//! figure stands beside a floor measured in the same run: a program without an engine, which decodes
//! the base64, walks once over the protobuf without copying, runs serde over every result and encodes
//! the answer. The figures also go to `target/replay-bench.json`.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/floor.rs"]
mod floor;
#[path = "../common/histories.rs"]
mod histories;
#[path = "../common/measure.rs"]
mod measure;
#[path = "../common/orchestrators.rs"]
mod orchestrators;
mod prepared;

use std::hint::black_box;
use std::time::Instant;

use durable_functions::{
    KeptInstances, KeptLimits, OrchestrationContext, Orchestrator, OrchestratorFunction, Result,
    run_turn,
};
use futures::future::try_join_all;
use histories::History;
use orchestrators::{ECHO, chain, fan_out};

/// The fan-out with a combinator, whose own cost comes on top.
async fn join_all(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let greetings = try_join_all((0..n).map(|i| ctx.call(ECHO, i))).await?;
    Ok(greetings.iter().map(String::len).sum())
}

struct Shape {
    name: &'static str,
    function: OrchestratorFunction,
    history: fn(u32) -> History,
    /// Whether it goes into the file of figures, which holds the two shapes that peers are compared by.
    compared: bool,
}

fn shapes() -> [Shape; 4] {
    [
        Shape {
            name: "chain",
            function: OrchestratorFunction::new(Orchestrator::new("chain"), chain),
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
            function: OrchestratorFunction::new(Orchestrator::new("chain"), chain),
            history: History::enveloped_chain,
            compared: false,
        },
        Shape {
            name: "join_all",
            function: OrchestratorFunction::new(Orchestrator::new("fan-out"), join_all),
            history: History::fan_out,
            compared: false,
        },
    ]
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'));
    let wanted = arguments.next();
    let sizes: Vec<u32> = match arguments.next() {
        Some(n) => vec![n.parse().unwrap()],
        None => vec![3, 30, 300, 3000, 10_000],
    };
    let shapes = shapes()
        .into_iter()
        .filter(|shape| wanted.as_ref().is_none_or(|wanted| wanted == shape.name));
    println!("the last turn with its whole history, one core; best of several rounds\n");
    println!(
        "shape    |     n | request KiB |  floor µs | replay µs | per task | ratio | kept µs | ratio"
    );
    println!(
        "-------- | ----: | ----------: | --------: | --------: | -------: | ----: | ------: | ----:"
    );
    let mut rows = Vec::new();
    for shape in shapes {
        for &n in &sizes {
            let row = measure_turn(&shape, n);
            if shape.compared {
                rows.push(row);
            }
        }
        if shape.name == "chain" && sizes.len() > 1 {
            whole_orchestration(&shape, 300);
        }
    }
    if wanted.is_none() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../target/replay-bench.json"
        );
        std::fs::write(path, serde_json::to_string_pretty(&rows).unwrap()).unwrap();
        println!("\nwritten to target/replay-bench.json");
    }
}

/// Measures the last turn; prints a line and gives the figures.
fn measure_turn(shape: &Shape, n: u32) -> serde_json::Value {
    let history = (shape.history)(n);
    let last = history.turns() - 1;
    let request = history.request(last);
    let before = history.request(last - 1);
    assert_eq!(
        run_turn(&shape.function, &request),
        floor::answer(&request),
        "engine and floor must come to the same answer"
    );
    let [floor_us, replay_us] = measure::interleaved([
        &mut || drop(black_box(floor::answer(&request))),
        &mut || drop(black_box(run_turn(&shape.function, &request))),
    ]);
    let kept_us = prepared::best(
        || {
            let mut kept = KeptInstances::new(KeptLimits::default().verify_every(0));
            kept.run_turn(&shape.function, &before, Instant::now());
            kept
        },
        |kept| {
            black_box(kept.run_turn(&shape.function, &request, Instant::now()));
            assert_eq!(kept.continued(), 1, "the turn must have been continued");
        },
    );
    let (ratio, kept_ratio) = (replay_us / floor_us, kept_us / floor_us);
    println!(
        "{:8} | {n:5} | {:11.1} | {floor_us:9.1} | {replay_us:9.1} | {:8.3} | {ratio:5.2} | \
         {kept_us:7.1} | {kept_ratio:5.2}",
        shape.name,
        request.len() as f64 / 1024.0,
        replay_us / f64::from(n),
    );
    serde_json::json!({
        "shape": shape.name,
        "n": n,
        "floor_us": floor_us,
        "replay_us": replay_us,
        "ratio": ratio,
        "kept_us": kept_us,
        "kept_ratio": kept_ratio,
    })
}

/// All turns of an orchestration, against the sum of their floors.
fn whole_orchestration(shape: &Shape, n: u32) {
    let history = (shape.history)(n);
    let requests: Vec<_> = (0..history.turns())
        .map(|turn| history.request(turn))
        .collect();
    let [floor_us, replay_us, kept_us] = measure::interleaved([
        &mut || floor::answer_all(&requests),
        &mut || {
            for request in &requests {
                black_box(run_turn(&shape.function, request));
            }
        },
        &mut || {
            let mut kept = KeptInstances::new(KeptLimits::default().verify_every(0));
            for request in &requests {
                black_box(kept.run_turn(&shape.function, request, Instant::now()));
            }
            assert_eq!(kept.continued() + 1, requests.len() as u64);
        },
    ]);
    println!(
        "\n{} of {n}, all {} turns: floors {floor_us:.0} µs, replayed {replay_us:.0} µs ({:.2}), kept \
         {kept_us:.0} µs ({:.3})\n",
        shape.name,
        requests.len(),
        replay_us / floor_us,
        kept_us / floor_us,
    );
}
