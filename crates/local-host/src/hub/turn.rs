//! Turns: send the history to the orchestrator, read its answer.

use std::sync::Arc;

use durable_protocol::messages::{
    OrchestrationStatus, OrchestratorAction, OrchestratorActionType, OrchestratorResponse,
};
use task_hub::options::SOURCE_INSTANCE;
use task_hub::work::{Taken, Turn, TurnOutcome};

use super::failure::{self, Cause, HostFailure};
use super::lease::Lease;
use super::{DurableKind, Inner, payload, request, version};
use crate::binding_data::BindingData;
use crate::invoke::{InvocationAnswer, Invoke, InvokeError};
use crate::json::JsonObject;
use crate::log::LogLevel;

const HANDED_BACK: &str = "its handler gave the turn back, as it does when it stops.";

/// The outcome of a turn.
enum Outcome {
    /// The answer goes to the hub.
    Answered(OrchestratorResponse),
    /// The host ends the instance with this failure.
    Failed(HostFailure),
    /// The same messages are sent again.
    Abandoned(String),
    /// The handler returned the turn undone, because it stops or has no time for it.
    HandedBack,
}

/// Runs a turn.
pub(super) async fn run(hub: Arc<Inner>, invoke: Arc<dyn Invoke>, turn: Turn, lease: Lease) {
    let (id, name, abandoned) = (
        turn.instance.clone(),
        turn.start.name.clone(),
        turn.abandoned,
    );
    let (level, why) = match play(&hub, &*invoke, turn).await {
        Outcome::Answered(response) => {
            lease.end_turn(TurnOutcome::Answered(response), |_, _| {});
            return;
        }
        Outcome::Failed(failure) => {
            lease.end_turn(TurnOutcome::Failed(failure.output()), |_, _| {});
            return;
        }
        // One time is normal: it happens whenever a handler stops.
        Outcome::HandedBack if abandoned == 0 => (LogLevel::Info, HANDED_BACK.to_owned()),
        Outcome::HandedBack => (LogLevel::Warning, HANDED_BACK.to_owned()),
        Outcome::Abandoned(why) => (LogLevel::Warning, why),
    };
    lease.end_turn(TurnOutcome::Abandoned, move |taken, now| {
        if let Taken::Again(due) = taken {
            let wait = due.since(now);
            hub.log(
                level,
                format!(
                    "Orchestration '{id}' ({name}): {why} The turn is delivered again in {wait:?}; a \
                     real host would do so for ever, with growing pauses."
                ),
            );
        }
    });
}

async fn play(hub: &Inner, invoke: &dyn Invoke, turn: Turn) -> Outcome {
    let name = turn.start.name.clone();
    let host_version = hub.options.default_version.as_deref();
    if !version::accepts(host_version, turn.start.version.as_deref()) {
        return Outcome::Failed(HostFailure::refused(
            &name,
            &format!(
                "its version '{}' is higher than the version '{}' of the app.",
                turn.start.version.as_deref().unwrap_or_default(),
                host_version.unwrap_or_default()
            ),
            "the instance would never run and nobody would be told. Set \
             extensions.durableTask.defaultVersion in host.json.",
        ));
    }
    let Some(function) = hub.functions.orchestrator(&name) else {
        hub.explain_missing(&name, DurableKind::Orchestrator);
        return Outcome::Failed(HostFailure::unknown_orchestrator(
            &name,
            &hub.functions.names(DurableKind::Orchestrator),
        ));
    };
    let folder = function.folder.clone();
    let request = match turn.start.tags.get(SOURCE_INSTANCE) {
        None => turn.encoded(&hub.request_tail),
        Some(source) => {
            turn.encoded(&[&*hub.request_tail, &request::source_instance(source)].concat())
        }
    };
    let request = payload::encode(&request);
    // Frees the memory: the invocation has its own copy, and the turn may take long.
    drop(turn);
    let data = JsonObject::from_iter([(function.binding.as_str(), request)]);
    let mut metadata = BindingData::new();
    metadata.insert_system(&folder);
    match invoke.invoke(&folder, data, metadata.into_metadata()).await {
        Ok(answer) => read_answer(&name, &folder, &answer),
        Err(error @ (InvokeError::Timeout { .. } | InvokeError::Stopping)) => {
            Outcome::Abandoned(error.to_string())
        }
        Err(error) => Outcome::Failed(HostFailure::exception(&name, &folder, &Cause::from(&error))),
    }
}

fn read_answer(name: &str, folder: &str, answer: &InvocationAnswer) -> Outcome {
    let decoded = payload::decode(answer.return_value.as_ref(), "orchestrator");
    let response: OrchestratorResponse = match decoded {
        Ok(response) => response,
        Err(cause) => return Outcome::Failed(HostFailure::exception(name, folder, &cause)),
    };
    if response.requires_history {
        return Outcome::Abandoned(
            "its handler asked for the history, but every turn brings the whole history.".into(),
        );
    }
    if asks_for_redelivery(&response.actions) {
        return Outcome::HandedBack;
    }
    Outcome::Answered(response)
}

/// Whether the orchestration ends with the failure by which a worker asks for the same turn again.
fn asks_for_redelivery(actions: &[OrchestratorAction]) -> bool {
    let mut ends = actions
        .iter()
        .filter_map(|action| match &action.orchestrator_action_type {
            Some(OrchestratorActionType::CompleteOrchestration(end)) => Some(end),
            _ => None,
        });
    // Of several, a real host takes the last one.
    ends.next_back().is_some_and(|end| {
        end.orchestration_status() == OrchestrationStatus::Failed
            && end
                .failure_details
                .as_ref()
                .is_some_and(failure::asks_for_redelivery)
    })
}
