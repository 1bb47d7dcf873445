//! What a replay may allocate.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[allow(dead_code, reason = "this test needs the host only")]
#[path = "it/support/mod.rs"]
mod support;

use durable_functions::worker::execute;
use durable_functions::{Activity, OrchestrationContext, Result};
use futures::future::try_join_all;
use prost::Message;
use support::{Host, orchestrator};

const ECHO: Activity<u32, String> = Activity::new("echo");

async fn chain(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let mut length = 0;
    for i in 0..n {
        length += ctx.call(ECHO, i).await?.len();
    }
    Ok(length)
}

async fn fan_out(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let echoes = try_join_all((0..n).map(|i| ctx.call(ECHO, i))).await?;
    Ok(echoes.iter().map(String::len).sum())
}

/// How many allocations the last turn makes for each of `n` tasks. The results are texts in the envelope
/// of this crate.
fn per_task(host: &mut Host, n: u32, one_by_one: bool) -> f64 {
    let result = |i: u32| format!(r#""{{\"activityResult\":\"echo of {i}\"}}""#);
    host.turn();
    for i in 0..n - 1 {
        host.completed(i32::try_from(i).unwrap(), &result(i));
        if one_by_one {
            host.turn();
        }
    }
    host.completed(i32::try_from(n - 1).unwrap(), &result(n - 1));
    let request = host.request().encode_to_vec();
    let counted = allocation_counter::measure(|| {
        execute(host.function(), request).unwrap();
    });
    counted.count_total as f64 / f64::from(n)
}

#[test]
fn a_replayed_task_costs_at_most_four_allocations() {
    let n = 300;
    let chain = per_task(
        &mut Host::new(orchestrator(chain), Some(&n.to_string())),
        n,
        true,
    );
    assert!(chain <= 4.0, "chain: {chain} allocations per task");
    let fan_out = per_task(
        &mut Host::new(orchestrator(fan_out), Some(&n.to_string())),
        n,
        false,
    );
    assert!(fan_out <= 4.0, "fan-out: {fan_out} allocations per task");
}
