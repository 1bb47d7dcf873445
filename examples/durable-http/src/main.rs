//! Durable HTTP: an orchestration calls an HTTP API; the host sends the request, and asks again while the answer is 202.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/durable-http
//! $ curl -X POST http://localhost:7071/api/fetch
//! all is well
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use durable_functions::{
    AppExt, ClientError, DurableClient, HttpRequest, OrchestrationContext, Orchestrator, Result,
    is_replaying,
};
use functions_handler::routing::{get, post};
use functions_handler::{App, OriginalUrl, logs};

const FETCH_REPORT: Orchestrator<String, String> = Orchestrator::new("fetch-report");

async fn fetch_report(ctx: OrchestrationContext, url: String) -> Result<String> {
    // Ends when another answer than 202 comes. Between two questions it waits on a durable timer.
    let response = ctx.call_http(HttpRequest::post(url)).await?;
    Ok(response.error_for_status()?.into_text())
}

/// `POST /api/fetch`
async fn fetch(client: DurableClient, url: OriginalUrl) -> Result<String, ClientError> {
    // In this example the API is two more functions of the same app. The address of another one is a setting: what
    // comes from a client must not decide where requests go.
    let reports = format!("{}/api/reports", url.origin());
    let instance = client.start(FETCH_REPORT, &reports).await?;
    instance.output(Duration::from_secs(60)).await
}

static ASKED: AtomicBool = AtomicBool::new(false);

fn not_yet() -> (StatusCode, [(&'static str, &'static str); 2], &'static str) {
    (
        StatusCode::ACCEPTED,
        [("Location", "/api/reports/1"), ("Retry-After", "1")],
        "",
    )
}

/// `POST /api/reports` of the API: accepted, and `Location` says where the report will be.
async fn make_report() -> impl IntoResponse {
    not_yet()
}

/// `GET /api/reports/1` of the API: there is a report from the second question on.
async fn get_report() -> Response {
    match ASKED.swap(true, Ordering::Relaxed) {
        false => not_yet().into_response(),
        true => "all is well".into_response(),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("fetch", post(fetch).with_route("fetch"))
        .http("make-report", post(make_report).with_route("reports"))
        .http("get-report", get(get_report).with_route("reports/{id}"))
        .orchestrator(FETCH_REPORT, fetch_report)
        .serve()
        .await
        .exit()
}
