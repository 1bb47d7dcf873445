//! Worker: orchestrations without a Functions host, over gRPC with a sidecar of the Durable Task protocol.
//!
//! ```console
//! $ cargo run -p local-host -- --worker --ephemeral
//! $ cargo run -p examples --bin worker
//! Hello, Ada!
//! ```

use std::time::Duration;

use durable_functions::{
    Activity, ActivityContext, DurableClient, OrchestrationContext, Orchestrator, Result,
    worker::Worker,
};

const HELLO: Orchestrator<String, String> = Orchestrator::new("hello");
const GREET: Activity<String, String> = Activity::new("greet");

async fn hello(ctx: OrchestrationContext, name: String) -> Result<String> {
    Ok(ctx.call(GREET, name).await?)
}

async fn greet(_: ActivityContext, name: String) -> Result<String> {
    Ok(format!("Hello, {name}!"))
}

#[tokio::main]
async fn main() -> Result<()> {
    let sidecar = std::env::var("SIDECAR").unwrap_or_else(|_| "http://localhost:4001".to_owned());
    let worker = Worker::new(&sidecar)
        .orchestrator(HELLO, hello)
        .activity(GREET, greet);
    // Any other process can be the client.
    let client = DurableClient::connect(&sidecar)?;
    let instance = client.start(HELLO, &"Ada".to_owned()).await?;
    let mut greeting = None;
    let end = async { greeting = Some(instance.output(Duration::from_secs(30)).await) };
    // One that serves for ever ends with Ctrl+C: `async { let _ = tokio::signal::ctrl_c().await; }`.
    worker.run_until(end).await?;
    if let Some(greeting) = greeting {
        println!("{}", greeting?);
    }
    Ok(())
}
