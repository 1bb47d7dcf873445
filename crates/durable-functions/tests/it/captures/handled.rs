//! A recorded case through the handler as the host calls it: every turn and every activity.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::{Activity, ActivityContext, AppExt, Orchestrator};
use durable_protocol::messages::OrchestratorResponse;
use functions_handler::App;
use prost::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::captures::case;
use crate::captures::orchestrators::cut_once;
use crate::captures::replay;

const ECHO: Activity<Value, Value> = Activity::new("echo");
const SLOW: Activity<Slow, String> = Activity::new("slow");

#[derive(Deserialize)]
struct Slow {
    ms: u32,
}

fn app() -> App {
    App::new()
        .orchestrator(Orchestrator::new("cutOnce"), cut_once)
        .activity(ECHO, async |_: ActivityContext, input| Ok(input))
        .activity(SLOW, async |_: ActivityContext, input: Slow| {
            assert_eq!(input.ms, 3000);
            Ok("slow done".to_owned())
        })
}

/// Sends an invocation; gives the return value.
async fn invoke(function: &str, data: Value) -> Value {
    let body = json!({"Data": data, "Metadata": {}});
    let request = Request::post(format!("/{function}"))
        .header("content-type", "application/json; charset=utf-8")
        .header(
            "x-azure-functions-invocationid",
            "48535ede-2292-42ac-ab8f-55aefce23f26",
        )
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = app().into_router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    body["ReturnValue"].take()
}

/// The texts are those of the recording: JSON inside of JSON.
#[tokio::test]
async fn the_handler_answers_every_exchange_of_a_rewind_with_an_activity_open() {
    let case = case::load("rewind-open-activity");
    for turn in &case.turns {
        let context = json!(format!("\"{}\"", STANDARD.encode(turn.request())));
        let value = invoke(&turn.function, json!({ "context": context })).await;
        let answer = STANDARD.decode(value.as_str().unwrap()).unwrap();
        let answer = OrchestratorResponse::decode(answer.as_slice()).unwrap();
        assert_eq!(answer, replay::answer(turn, &turn.request()), "{}", turn.n);
    }
    for (function, input, result) in [
        ("echo", r#""\"fast\"""#, "fast"),
        ("slow", r#""{\"ms\":3000}""#, "slow done"),
    ] {
        let value = invoke(function, json!({ "input": input })).await;
        assert_eq!(text(&value), json!(result), "{function}");
    }
}

/// What an orchestrator makes of a result, which is JSON text in a string.
fn text(value: &Value) -> Value {
    let text: Value = serde_json::from_str(value.as_str().unwrap()).unwrap();
    text["activityResult"].clone()
}
