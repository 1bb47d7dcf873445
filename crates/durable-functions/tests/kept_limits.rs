//! The limits of kept instances that an app gives count for its process, which this test has for itself.
#![cfg(feature = "handler")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::Request;
use durable_functions::worker::KeptLimits;
use durable_functions::{Activity, AppExt, OrchestrationContext, Orchestrator, Result};
use functions_handler::App;
use serde_json::Value;
use tower::ServiceExt;

const ECHO: Activity<u32, Value> = Activity::new("echo");
const CHAIN: Orchestrator<Value, ()> = Orchestrator::new("chain");

static STARTS: AtomicUsize = AtomicUsize::new(0);

async fn chain(ctx: OrchestrationContext, _: Value) -> Result<()> {
    STARTS.fetch_add(1, Ordering::Relaxed);
    for n in 0..3 {
        ctx.call(ECHO, n).await?;
    }
    Ok(())
}

/// Without the limits of this app, a debug build would replay every turn as well, to compare.
#[tokio::test]
async fn the_limits_that_an_app_gives_decide_how_often_a_kept_instance_is_replayed() {
    let limits = KeptLimits::default().verify_every(0);
    let router = App::new()
        .kept_instances(limits)
        .orchestrator(CHAIN, chain)
        .into_router();
    let case: Value = serde_json::from_str(include_str!("fixtures/chain.json")).unwrap();
    let exchanges = case.get("exchanges").and_then(Value::as_array).unwrap();
    let turns = exchanges
        .iter()
        .filter(|it| it.get("kind").unwrap() == "orchestrator");
    let mut count = 0;
    for turn in turns {
        let body = turn.pointer("/request/body").unwrap().to_string();
        let request = Request::post("/chain")
            .header("x-azure-functions-invocationid", "4711")
            .body(Body::from(body));
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        assert!(response.status().is_success());
        count += 1;
    }
    assert_eq!((count, STARTS.load(Ordering::Relaxed)), (4, 1));
}
