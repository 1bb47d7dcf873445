//! The orchestrators that are measured.

use durable_functions::{Activity, OrchestrationContext, Result};

pub(crate) const ECHO: Activity<u32, String> = Activity::new("echo");

pub(crate) async fn chain(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let mut length = 0;
    for i in 0..n {
        length += ctx.call(ECHO, i).await?.len();
    }
    Ok(length)
}

pub(crate) async fn fan_out(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let greetings = ctx.join_all((0..n).map(|i| ctx.call(ECHO, i))).await?;
    Ok(greetings.iter().map(String::len).sum())
}
