//! What a turn costs: the last turn of a chain and of a fan-out, base64 text in, base64 text out.
//!
//! Run with `cargo bench -p durable-functions --bench replay`; add `-- chain 300` for less. Each
//! figure comes with a floor measured in the same run: a program without an engine, which decodes
//! the base64, reads the protobuf once without copying, runs serde over every result and encodes
//! the answer. The figures also go to `target/replay-bench.json`.
//!
//! Everything is measured in several passes, because other load of a shared machine often lasts for
//! seconds. The best pass counts, for the floor and for the engine.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod all_turns;
#[path = "../common/floor.rs"]
mod floor;
#[path = "../common/histories.rs"]
mod histories;
mod last_turn;
#[path = "../common/measure.rs"]
mod measure;
#[path = "../common/orchestrators.rs"]
mod orchestrators;
mod prepared;
mod shapes;

use all_turns::AllTurns;
use last_turn::LastTurn;

const PASSES: usize = 4;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'));
    let wanted = arguments.next();
    let sizes: Vec<u32> = match arguments.next() {
        Some(n) => vec![n.parse().unwrap()],
        None => vec![3, 30, 300, 3000, 10_000],
    };
    let shapes = shapes::shapes();
    let mut last_turns: Vec<_> = shapes
        .iter()
        .filter(|shape| wanted.as_ref().is_none_or(|wanted| wanted == shape.name))
        .flat_map(|shape| sizes.iter().map(|&n| LastTurn::new(shape, n)))
        .collect();
    let mut whole = wanted.is_none().then(|| AllTurns::new(&shapes[0], 300));

    for pass in 1..=PASSES {
        eprintln!("pass {pass} of {PASSES}");
        last_turns.iter_mut().for_each(LastTurn::measure);
        whole.iter_mut().for_each(AllTurns::measure);
    }

    println!("\nthe last turn with its whole history, one core; best of several rounds\n");
    LastTurn::print_head();
    last_turns.iter().for_each(LastTurn::print);
    if let Some(whole) = whole {
        println!();
        whole.print();
        let figures: Vec<_> = last_turns.iter().filter_map(LastTurn::figures).collect();
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../target/replay-bench.json"
        );
        std::fs::write(path, serde_json::to_string_pretty(&figures).unwrap()).unwrap();
        println!("\nwritten to target/replay-bench.json");
    }
}
