//! The recorded orchestrators, written in Rust. One file for each group of the recordings.

mod activities;
mod children;
mod continue_as_new;
mod crashes;
mod entities;
mod events;
mod ids;
mod nonchars;
mod outcomes;
mod rewind;
mod status;
mod timers;
mod unusual;
mod values;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Failure, OrchestrationContext, Orchestrator, Result, TaskError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::captures::case::Turn;

#[cfg(feature = "handler")]
pub(crate) use rewind::cut_once;

/// JSON text that goes through as it is written.
type Json = Box<RawValue>;

/// The orchestrator that answered a turn.
pub(crate) fn function(turn: &Turn) -> OrchestratorFunction {
    if (turn.function.as_str(), turn.n) == rewind::NOT_FIXED_YET {
        return bound("rewindBody", rewind::not_fixed_yet);
    }
    let all = all();
    let found = all.iter().find(|function| function.name() == turn.function);
    found
        .unwrap_or_else(|| panic!("there is no orchestrator '{}'", turn.function))
        .clone()
}

pub(crate) fn all() -> Vec<OrchestratorFunction> {
    [
        activities::functions(),
        children::functions(),
        continue_as_new::functions(),
        crashes::functions(),
        entities::functions(),
        events::functions(),
        ids::functions(),
        nonchars::functions(),
        outcomes::functions(),
        rewind::functions(),
        status::functions(),
        timers::functions(),
        unusual::functions(),
        values::functions(),
    ]
    .concat()
}

fn bound<I, O, F, Fut>(name: &'static str, function: F) -> OrchestratorFunction
where
    I: DeserializeOwned + 'static,
    O: Serialize + 'static,
    F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + 'static,
{
    OrchestratorFunction::new(Orchestrator::new(name), function)
}

fn json(text: &str) -> Json {
    RawValue::from_string(text.to_owned()).unwrap()
}

/// The id that the recorded worker gave to the child of action `action`.
fn child_id(ctx: &OrchestrationContext, action: u32) -> String {
    format!("{}.sub{action}", ctx.instance_id())
}

/// What the recorded orchestrators made of a task that may fail: `{"ok":…}`, or what they caught.
fn attempt(kind: &'static str, outcome: Result<Json, TaskError>) -> Json {
    let text = match outcome {
        Ok(value) => format!(r#"{{"ok":{value}}}"#),
        Err(error) => serde_json::to_string(&Caught::new(kind, error.into_failure())).unwrap(),
    };
    json(&text)
}

/// A failure that the orchestrator did not catch, in the words of the recorded worker.
fn uncaught(kind: &'static str) -> impl Fn(TaskError) -> Failure {
    move |error| Failure::new(kind, error.into_failure().message())
}

#[derive(Serialize)]
struct Caught {
    caught: &'static str,
    message: String,
    failure: Option<FailureRecord>,
}

impl Caught {
    fn new(kind: &'static str, failure: Failure) -> Self {
        // What the engine calls a failure of which the host knows nothing.
        if failure.error_type() == "UnknownFailure" {
            return Caught {
                caught: kind,
                message: "no failure details".to_owned(),
                failure: None,
            };
        }
        Caught {
            caught: kind,
            message: failure.message().to_owned(),
            failure: Some(FailureRecord::new(&failure)),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailureRecord {
    error_type: String,
    error_message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner_failure: Option<Box<FailureRecord>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_non_retriable: bool,
}

impl FailureRecord {
    fn new(failure: &Failure) -> Self {
        FailureRecord {
            error_type: failure.error_type().to_owned(),
            error_message: failure.message().to_owned(),
            inner_failure: failure
                .cause()
                .map(|cause| Box::new(FailureRecord::new(cause))),
            is_non_retriable: failure.is_non_retriable(),
        }
    }
}
