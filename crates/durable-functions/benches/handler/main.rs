//! What a turn costs through the whole custom-handler path: the HTTP body that the host sends in, the
//! HTTP body of the answer out; everything but the socket.
//!
//! Run with `cargo bench -p durable-functions --bench handler`. The floor is that of the benchmark
//! `replay`: a program without an engine and without HTTP. As there, the best of several passes counts.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/floor.rs"]
mod floor;
#[path = "../common/histories.rs"]
mod histories;
mod load;
#[path = "../common/measure.rs"]
mod measure;
#[path = "../common/orchestrators.rs"]
mod orchestrators;

use durable_functions::{AppExt, Orchestrator};
use functions_handler::App;
use histories::History;
use load::Load;
use orchestrators::{chain, fan_out};

const PASSES: usize = 4;
const AT_ONCE: usize = 64;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let router = App::new()
        .orchestrator(Orchestrator::new("chain"), chain)
        .orchestrator(Orchestrator::new("fan-out"), fan_out)
        .into_router();

    let mut alone = last_turns();
    let mut at_once = many_instances();
    let mut all_turns = all_turns(300);
    let loads = || alone.iter().chain(&at_once);
    loads().for_each(|load| load.check(&runtime, &router));

    for pass in 1..=PASSES {
        eprintln!("pass {pass} of {PASSES}");
        let loads = alone.iter_mut().chain(&mut at_once).chain([&mut all_turns]);
        loads.for_each(|load| load.measure(&runtime, &router));
    }

    println!("\nthe last turn with its whole history, HTTP body in, HTTP body out\n");
    println!("shape    |     n | body KiB |  floor µs | handler µs | per task | ratio");
    println!("-------- | ----: | -------: | --------: | ---------: | -------: | ----:");
    for load in &alone {
        let [floor_us, handler_us] = load.each_us();
        println!(
            "{:8} | {:5} | {:8.1} | {floor_us:9.1} | {handler_us:10.1} | {:8.3} | {:5.2}",
            load.shape,
            load.n,
            load.body_kib(),
            handler_us / f64::from(load.n),
            load.ratio(),
        );
    }
    println!("\n{AT_ONCE} instances at once, per invocation\n");
    println!("shape    |     n |  floor µs | handler µs | ratio");
    println!("-------- | ----: | --------: | ---------: | ----:");
    for load in &at_once {
        let [floor_us, handler_us] = load.each_us();
        println!(
            "{:8} | {:5} | {floor_us:9.1} | {handler_us:10.1} | {:5.2}",
            load.shape,
            load.n,
            load.ratio(),
        );
    }
    let [floor_us, handler_us] = all_turns.each_us();
    println!(
        "\nchain of {}, all {} turns, instances kept, per turn: floor {floor_us:.1} µs, handler \
         {handler_us:.1} µs ({:.2})",
        all_turns.n,
        all_turns.invocations(),
        all_turns.ratio(),
    );
}

fn last_turns() -> Vec<Load> {
    type Shape = (&'static str, fn(u32) -> History);
    let shapes: [Shape; 2] = [("chain", History::chain), ("fan-out", History::fan_out)];
    let sizes = [3, 30, 300, 3000, 10_000];
    let last_turn = |(shape, history): Shape, n| {
        let history = history(n);
        Load::new(shape, n, vec![history.request(history.turns() - 1)])
    };
    shapes
        .into_iter()
        .flat_map(|shape| sizes.map(|n| last_turn(shape, n)))
        .collect()
}

/// The last turns of many instances at the same time: what an invocation costs when nothing waits for
/// a sleeping thread.
fn many_instances() -> Vec<Load> {
    let last_turns = |n| {
        let history = History::chain(n);
        let last = history.turns() - 1;
        let requests =
            (0..AT_ONCE).map(|instance| history.request_of(&format!("chain-{instance}"), last));
        Load::new("chain", n, requests.collect()).at_once()
    };
    [3, 30, 300, 3000].map(last_turns).into()
}

fn all_turns(n: u32) -> Load {
    let history = History::chain(n);
    let requests = (0..history.turns()).map(|turn| history.request(turn));
    Load::new("chain", n, requests.collect())
}
