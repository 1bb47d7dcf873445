//! Fan-out and fan-in: activities run at the same time, and the orchestrator goes on when all have ended.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/fan-out
//! $ curl http://localhost:7071/api/words -H 'Content-Type: application/json' -d '["to be","or not to be"]'
//! 6
//! ```

use std::time::Duration;

use axum::Json;
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, OrchestrationContext,
    Orchestrator, Result, is_replaying,
};
use functions_handler::routing::post;
use functions_handler::{App, logs};

const COUNT_ALL: Orchestrator<Vec<String>, usize> = Orchestrator::new("count-all");
const COUNT_TEXT: Activity<String, usize> = Activity::new("count-text");

async fn count_all(ctx: OrchestrationContext, texts: Vec<String>) -> Result<usize> {
    // A call runs from the moment it is made, not from its `await`.
    let counts = texts.into_iter().map(|text| ctx.call(COUNT_TEXT, text));
    // The results are in the order of the calls, whichever ends first.
    let counts = ctx.join_all(counts).await?;
    Ok(counts.into_iter().sum())
}

async fn count_text(_: ActivityContext, text: String) -> Result<usize> {
    Ok(text.split_whitespace().count())
}

/// `POST /api/words`: starts an orchestration and waits for its output.
async fn count_words(
    client: DurableClient,
    Json(texts): Json<Vec<String>>,
) -> Result<Json<usize>, ClientError> {
    let instance = client.start(COUNT_ALL, &texts).await?;
    Ok(Json(instance.output(Duration::from_secs(30)).await?))
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("count-words", post(count_words).with_route("words"))
        .orchestrator(COUNT_ALL, count_all)
        .activity(COUNT_TEXT, count_text)
        .serve()
        .await
        .exit()
}
