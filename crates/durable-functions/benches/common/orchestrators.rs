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

/// Calls run from the moment they are made, so it is enough to await them one by one.
pub(crate) async fn fan_out(ctx: OrchestrationContext, n: u32) -> Result<usize> {
    let calls: Vec<_> = (0..n).map(|i| ctx.call(ECHO, i)).collect();
    let mut length = 0;
    for call in calls {
        length += call.await?.len();
    }
    Ok(length)
}
