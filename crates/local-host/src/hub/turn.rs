//! Turns: send the history to the orchestrator, read its answer.

use std::sync::Arc;

use durable_protocol::messages::{OrchestrationStatus, OrchestratorResponse};

use super::actions::{self, Plan};
use super::failure::{self, Cause, HostFailure};
use super::instance::{Instance, Turn};
use super::{DurableKind, Inner, backoff, commit, payload, version};
use crate::binding_data::BindingData;
use crate::invoke::{InvocationAnswer, InvokeError};
use crate::json::JsonObject;
use crate::log::LogLevel;

/// Extension 3.x takes at most 16 KB of UTF-16.
const LONGEST_CUSTOM_STATUS: usize = 8_192;

const HANDED_BACK: &str = "its handler gave the turn back, as it does when it stops.";

/// The outcome of a turn.
enum Outcome {
    /// The answer is to be persisted and carried out.
    Decided {
        plan: Box<Plan>,
        custom_status: Option<String>,
    },
    /// The host ends the instance with this failure.
    Failed(HostFailure),
    /// The same messages are sent again.
    Abandoned(String),
    /// The handler returned the turn undone, because it stops or has no time for it.
    HandedBack,
}

/// Runs turns of `instance` until it has no messages.
pub(super) async fn run(hub: Arc<Inner>, instance: Arc<Instance>) {
    let mut abandoned = 0;
    while instance.has_turn() {
        // Messages that arrive while the turn waits for its place become part of it.
        let Ok(place) = hub.turns.acquire().await else {
            return;
        };
        let Some(mut turn) = instance.begin_turn(&hub.request_tail) else {
            return;
        };
        let outcome = play(&hub, &instance, &mut turn).await;
        drop(place);
        let (level, why) = match outcome {
            Outcome::Decided {
                plan,
                custom_status,
            } => {
                abandoned = 0;
                commit::decided(&hub, &instance, turn, *plan, custom_status);
                continue;
            }
            Outcome::Failed(failure) => {
                abandoned = 0;
                commit::failed(&hub, &instance, turn, &failure);
                continue;
            }
            // One time is normal: it happens whenever a handler stops.
            Outcome::HandedBack if abandoned == 0 => (LogLevel::Info, HANDED_BACK.to_owned()),
            Outcome::HandedBack => (LogLevel::Warning, HANDED_BACK.to_owned()),
            Outcome::Abandoned(why) => (LogLevel::Warning, why),
        };
        let wait = backoff::after(abandoned);
        abandoned += 1;
        hub.log(
            level,
            format!(
                "Orchestration '{}' ({}): {why} The turn is delivered again in {wait:?}; a \
                 real host would do so for ever, with growing pauses.",
                instance.id, turn.start.name
            ),
        );
        instance.abandon(turn);
        tokio::time::sleep(wait).await;
    }
    if instance.has_ended() {
        hub.keep_finished(&instance.id);
    }
}

async fn play(hub: &Arc<Inner>, instance: &Instance, turn: &mut Turn) -> Outcome {
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
    let data = JsonObject::from_iter([(function.binding.as_str(), payload::encode(&turn.request))]);
    let mut metadata = BindingData::new();
    metadata.insert_system(&folder);
    // Frees the memory: the invocation has its own copy, and the turn may take long.
    turn.request = Vec::new();
    match hub
        .invoke
        .invoke(&folder, data, metadata.into_metadata())
        .await
    {
        Ok(answer) => read_answer(hub, instance, turn, &folder, answer),
        Err(error @ (InvokeError::Timeout { .. } | InvokeError::Stopping)) => {
            Outcome::Abandoned(error.to_string())
        }
        Err(error) => Outcome::Failed(HostFailure::exception(&name, &folder, &Cause::from(&error))),
    }
}

fn read_answer(
    hub: &Arc<Inner>,
    instance: &Instance,
    turn: &Turn,
    folder: &str,
    answer: InvocationAnswer,
) -> Outcome {
    let name = &turn.start.name;
    let fail = |cause: &Cause| Outcome::Failed(HostFailure::exception(name, folder, cause));
    let decoded = payload::decode(answer.return_value.as_ref(), "orchestrator");
    let response: OrchestratorResponse = match decoded {
        Ok(response) => response,
        Err(cause) => return fail(&cause),
    };
    if response.requires_history {
        return Outcome::Abandoned(
            "its handler asked for the history, but every turn brings the whole history.".into(),
        );
    }
    if let Some(status) = &response.custom_status {
        let length = status.encode_utf16().count();
        if length > LONGEST_CUSTOM_STATUS {
            return fail(&Cause::new(
                "System.ArgumentException",
                format!(
                    "CustomStatus is too large: limit = 16 KB (UTF-16), actual = {:.2} KB.",
                    length as f64 * 2.0 / 1024.0
                ),
            ));
        }
    }
    let context = actions::Context {
        instance_id: &instance.id,
        name,
        folder,
        now: super::clock::later(super::clock::now(), turn.began),
        has_parent: turn.start.parent_instance.is_some(),
        base64_queue_messages: hub.options.base64_queue_messages,
        is_running: &|id| hub.is_running(id),
    };
    let plan = match actions::plan(response.actions, &context) {
        Ok(plan) => plan,
        Err(failure) => return Outcome::Failed(failure),
    };
    let redeliver = plan.completion.as_ref().is_some_and(|end| {
        end.status == OrchestrationStatus::Failed
            && end
                .failure
                .as_ref()
                .is_some_and(failure::asks_for_redelivery)
    });
    if redeliver {
        return Outcome::HandedBack;
    }
    Outcome::Decided {
        plan: Box::new(plan),
        custom_status: response.custom_status,
    }
}
