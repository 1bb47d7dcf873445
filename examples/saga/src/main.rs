//! Compensation (saga): when a step fails, what the earlier steps did is undone, the latest first.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/saga
//! $ curl http://localhost:7071/api/trips -H 'Content-Type: application/json' -d '["hotel","car","flight"]'
//! ["booked hotel","booked car","booked flight"]
//! $ curl http://localhost:7071/api/trips -H 'Content-Type: application/json' -d '["hotel","car","balloon"]'
//! ["booked hotel","booked car","SoldOut: balloon","cancelled car","cancelled hotel"]
//! ```

use std::time::Duration;

use axum::Json;
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, Failure, OrchestrationContext,
    Orchestrator, Result, RetryPolicy, is_replaying,
};
use functions_handler::routing::post;
use functions_handler::{App, logs};

const BOOK_TRIP: Orchestrator<Vec<String>, Vec<String>> = Orchestrator::new("book-trip");
const BOOK_PART: Activity<String, String> = Activity::new("book-part");
/// What undoes a step is tried for long: a trip must not stay half booked.
const CANCEL_PART: Activity<String, String> = Activity::new("cancel-part")
    .with_retry(RetryPolicy::new(100, Duration::from_secs(1)).backoff(2.0));

/// Returns what was done.
async fn book_trip(ctx: OrchestrationContext, parts: Vec<String>) -> Result<Vec<String>> {
    let (mut booked, mut done) = (Vec::new(), Vec::new());
    for part in parts {
        match ctx.call(BOOK_PART, part.clone()).await {
            Ok(text) => done.push(text),
            Err(error) => {
                done.push(error.into_failure().to_string());
                for part in booked.into_iter().rev() {
                    done.push(ctx.call(CANCEL_PART, part).await?);
                }
                break;
            }
        }
        booked.push(part);
    }
    Ok(done)
}

async fn book_part(_: ActivityContext, part: String) -> Result<String> {
    if part == "balloon" {
        return Failure::new("SoldOut", part).non_retriable().fail();
    }
    Ok(format!("booked {part}"))
}

/// As every activity it may run twice, and must do no harm then.
async fn cancel_part(_: ActivityContext, part: String) -> Result<String> {
    Ok(format!("cancelled {part}"))
}

/// `POST /api/trips`
async fn book(
    client: DurableClient,
    Json(parts): Json<Vec<String>>,
) -> Result<Json<Vec<String>>, ClientError> {
    let instance = client.start(BOOK_TRIP, &parts).await?;
    Ok(Json(instance.output(Duration::from_secs(30)).await?))
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("book", post(book).with_route("trips"))
        .orchestrator(BOOK_TRIP, book_trip)
        .activity(BOOK_PART, book_part)
        .activity(CANCEL_PART, cancel_part)
        .serve()
        .await
        .exit()
}
