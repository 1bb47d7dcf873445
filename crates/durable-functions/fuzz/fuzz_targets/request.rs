//! Any bytes as the request of a turn: an error or a valid answer, never a panic.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::OrchestratorResponse;
use durable_functions::{Activity, Event, OrchestrationContext, Orchestrator, Result, RetryPolicy};
use durable_functions::worker::{OrchestratorFunction, execute, run_turn};
use libfuzzer_sys::fuzz_target;
use prost::Message;
use serde_json::Value;

const CALL: Activity<Value, Value> = Activity::new("call");
const CHILD: Orchestrator<Value, Value> = Orchestrator::new("child");
const THIS: Orchestrator<Value, Value> = Orchestrator::new("everything");
const POLICY: RetryPolicy = RetryPolicy::new(3, Duration::from_secs(1));

/// Reaches every kind of action and of event.
async fn everything(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    ctx.set_custom_status(ctx.new_uuid().to_string());
    ctx.send_event("other", Event::new("sent"), ctx.parent().is_some())?;
    let flaky = ctx.call(CALL.with_retry(POLICY), input.clone());
    let child = ctx.call_orchestrator(CHILD, input);
    let limit = Duration::from_secs(5 * 24 * 60 * 60);
    let event = ctx.timeout(limit, ctx.wait_for(Event::<Value>::new("go")));
    let event = event.await.ok().transpose()?;
    ctx.set_custom_status(ctx.now());
    match child.await {
        Ok(again) if again == 1 => ctx.continue_as_new(THIS, flaky.await?).await,
        _ => Ok(Value::from(vec![event.unwrap_or_default(), flaky.await?])),
    }
}

// libFuzzer ends the process on every panic, so those that the engine catches are found, too.
static FUNCTION: LazyLock<OrchestratorFunction> =
    LazyLock::new(|| OrchestratorFunction::new(THIS, everything));

fuzz_target!(|bytes: &[u8]| {
    let answer = execute(&FUNCTION, bytes.to_vec());
    assert_eq!(answer, execute(&FUNCTION, bytes.to_vec()));
    if let Ok(answer) = answer {
        let _ = OrchestratorResponse::decode(answer.as_slice()).expect("a valid answer");
    }
    let text = run_turn(&FUNCTION, &String::from_utf8_lossy(bytes));
    let _ = STANDARD.decode(text).expect("base64");
});
